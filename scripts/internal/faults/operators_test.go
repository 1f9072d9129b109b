package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Groups D, E, F and G: health and return, the rollout, others, the input.

func TestF56ANoOpSwitchesNothing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := oneHost(t, mode, "", member{same: true})
		r := w.run("apply", "--yes")
		r.wants(t, 0, "unchanged 1")
		injected(t, r.says("unchanged 1"), "the release is what runs")
		w.untouchedHost("web")
		if n := w.gate.count("web", "guard arm"); n > 0 {
			t.Errorf("armed %d times", n)
		}
		w.seen(t, r, "nothing armed, nothing switched")
	})
}

func TestF57AHostThatWasNeverConfirmed(t *testing.T) {
	t.Parallel()
	w := oneHost(t, "switch", "", member{unknown: true})
	r := w.run("apply", "--yes")
	r.wants(t, 7, "never confirmed by nixdeploy", "--first")
	injected(t, r.says("never confirmed"), "no marker on the host")
	w.untouchedHost("web")
	w.run("apply", "--yes", "--first").wants(t, 0)
	w.isOn("web", 1)
	w.seen(t, r, "refused without --first")
}

// The record itself has a broken unit: going back ends with exit code 4, and is
// a return all the same.
func TestF63AReturnWhoseSwitchEndsWithFour(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} })
		w.fleet.Host("web").BreakUnits("old.service")
		r := w.run("apply", "--yes")
		r.wants(t, 5, "all read back")
		injected(t, len(w.look("web").FailedUnits) == 1, "old.service is broken in every system, so the way back ends with 4, too")
		if !w.rests("web") {
			t.Errorf("not back: %+v", w.fleet.Host("web").Links())
		}
		w.seen(t, r, "returned by what the links say")
	})
}

func TestF65TheRecordedSystemIsGone(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		w.fleet.Host("web").Forget(w.first["web"].Profile)
		r := w.run("apply", "--yes")
		r.wants(t, 4)
		injected(t, r.says("has no bin/switch-to-configuration"), "the system of the record is not in the store")
		w.untouchedHost("web")
		w.seen(t, r, "refused before anything was armed")
	})
}

func TestF67AConfirmationThatIsLate(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for name, late := range map[string]time.Duration{"a second": time.Second, "an hour": time.Hour} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, nil)
				f := w.once("web", "guard confirm", arrived, func() bool {
					w.later(w.decides("web") + late)
					return false
				})
				r := w.run("apply", "--yes")
				f.injected(t)
				r.wants(t, 5, "no sign of life in time")
				r.wantsNot(t, "confirmed 1")
				w.isBack("web")
				w.seen(t, r, "returned, never called confirmed")
			})
		}
	})
}

// decides is in how long the guard of a host decides.
func (w *world) decides(host string) time.Duration {
	if a := w.look(host).Active; a != nil {
		return time.Duration(a.DecidesIn) * time.Second
	}
	return 0
}

func TestF75WhatIsEditedMeanwhileIsNotUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{hosts: []member{{name: "a", stage: "dev"}, {name: "b", stage: "prod"}}})
	f := w.once("a", "guard start", arrived, func() bool {
		w.release(2)
		w.edit("fleet/hosts.toml", func(string) string { return "this is no inventory" })
		return false
	})
	r := w.run("apply", "--yes")
	f.injected(t)
	r.wants(t, 0)
	w.isOn("a", 1)
	w.isOn("b", 1)
	w.seen(t, r, "both hosts on what was planned")
}

func TestF77ASecondOperator(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		var second result
		f := w.once("web", "probe", arrived, func() bool { second = w.colleague(2); return false })
		r := w.run("apply", "--yes")
		f.injected(t)
		second.wants(t, 3, "error[locked] web", "holds it since", "decides")
		r.wants(t, 0)
		w.isOn("web", 1)
		w.switches("web", 2, 0)
		w.seen(t, second, "told who, since when and until when; the first one exits 0")
	})
}

func TestF78ADeadOwner(t *testing.T) {
	t.Parallel()
	for name, passes := range map[string]func(w *world){
		"the lease runs out": func(w *world) { w.later(2 * time.Minute) },
		"the host restarts":  func(w *world) { w.fleet.Host("web").Reboot() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			c := w.prepare("apply", "--yes")
			f := w.once("web", "build", done, func() bool { c.kill(); return true })
			c.start().wait()
			f.injected(t)
			w.eventually("the end of the dead one's script", func() bool { return w.look("web").Lease != nil })
			w.colleague(2).wants(t, 3, "error[locked] web")
			passes(w)
			r := w.colleague(2)
			r.wants(t, 0)
			w.isOn("web", 2)
			w.seen(t, r, "the lock was gone by itself")
		})
	}
}

// foreignAt lets somebody switch the host by hand right before a script.
func foreignAt(t *testing.T, mode, script string, exit ...int) {
	t.Helper()
	w := alone(t, mode, nil)
	theirs := simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "web")}
	f := w.once("web", script, arrived, func() bool {
		w.fleet.Host("web").ForeignSwitch("switch", theirs)
		return false
	})
	r := w.run("apply", "--yes")
	f.injected(t)
	for _, bad := range exits("apply", r, exit...) {
		t.Error(bad)
	}
	if l := w.fleet.Host("web").Links(); l.Running != theirs.Toplevel || l.Profile != theirs.Toplevel {
		t.Errorf("their work was undone: %+v", l)
	}
	w.seen(t, r, "nothing of theirs is undone")
}

func TestF79AManualSwitchMeanwhile(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		t.Run("before it is armed", func(t *testing.T) { t.Parallel(); foreignAt(t, mode, "guard arm", 3, 4) })
		t.Run("before the confirmation", func(t *testing.T) { t.Parallel(); foreignAt(t, mode, "guard confirm", 6) })
	})
}

func TestF80AutoUpgradeInTheWindow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		w.fleet.Host("web").Upgrade(simfleet.System{Toplevel: simfleet.ToplevelPath("upgrade", "web"), SwitchTime: time.Hour})
		r := w.run("apply", "--yes")
		r.wants(t, 3, "not nixdeploy's", "nixos-upgrade.service")
		injected(t, len(w.look("web").Foreign) > 0, "an upgrade is under way")
		w.switches("web", 1, 0)
		w.seen(t, r, "seen, and left to end")
	})
}

func TestF81AnInventoryThatIsBroken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"duplicate":   func(s string) string { return s + "\n[fleet]\nname = \"twice\"\n" },
		"unknown key": func(s string) string { return s + "\n[nonsense]\nx = 1\n" },
		"wrong type":  func(s string) string { return strings.Replace(s, "name = \"faults\"", "name = 7", 1) },
		"empty":       func(string) string { return "" },
		"NUL":         func(s string) string { return s + "\x00" },
		"nested bomb": func(s string) string { return s + "\nx = " + strings.Repeat("[", 100_000) },
		"17 MiB":      func(s string) string { return s + strings.Repeat("# padding\n", 1_800_000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			w.edit("fleet/hosts.toml", change)
			r := w.run("apply", "--yes")
			r.wants(t, 2, "hosts.toml")
			injected(t, true, "%s", name)
			if n := w.fleet.Host("web").Connections(); n > 0 {
				t.Errorf("%d connections", n)
			}
			w.seen(t, r, "nothing was contacted")
		})
	}
}

func TestF82HostileNames(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"-oProxyCommand=x", "a;b", "$(touch pwned)", "h\\nh", "-l x", "ехample.org"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			host, _ := w.fleet.Host("web").Endpoint()
			w.edit("fleet/hosts.toml", func(s string) string {
				return strings.Replace(s, "address = \""+host+"\"", "address = \""+address+"\"", 1)
			})
			r := w.run("apply", "--yes")
			r.wants(t, 2, "hosts.toml")
			injected(t, r.says("hosts.toml"), "address = %q", address)
			if _, err := os.Stat(filepath.Join(w.dir, "fleet", "pwned")); err == nil {
				t.Error("it was run")
			}
			w.seen(t, r, "refused with its place")
		})
	}
}

func TestF83ASelectionOfNobody(t *testing.T) {
	t.Parallel()
	w := alone(t, "switch", nil)
	r := w.run("apply", "--yes", "--on", "nobody")
	r.wants(t, 2, "nobody")
	injected(t, r.says("nobody"), "--on nobody")
	if n := w.fleet.Host("web").Connections(); n > 0 {
		t.Errorf("%d connections", n)
	}
	w.seen(t, r, "nothing was contacted")
}

func TestF84AnInventoryOfEverybody(t *testing.T) {
	t.Parallel()
	w := alone(t, "switch", nil)
	if err := os.Chmod(filepath.Join(w.dir, "fleet", "hosts.toml"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := w.run("apply", "--yes")
	r.wants(t, 2, "hosts.toml")
	injected(t, r.says("hosts.toml"), "hosts.toml has mode 0666")
	if n := w.fleet.Host("web").Connections(); n > 0 {
		t.Errorf("%d connections", n)
	}
	w.seen(t, r, "refused, nothing was contacted")
}
