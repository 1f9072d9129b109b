package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Group C: the target.

// powerAt cuts the host's power at a script; the run lives on.
func powerAt(t *testing.T, mode, name string, at edge, exit ...int) (*world, result) {
	t.Helper()
	w := alone(t, mode, nil)
	f := w.once("web", name, at, func() bool { w.fleet.Host("web").PowerCut(); return true })
	r := w.run("apply", "--yes")
	f.injected(t)
	for _, bad := range append(exits("apply", r, exit...), w.settled(1)...) {
		t.Error(bad)
	}
	for _, bad := range append(w.truth(r, 1), w.disarmed(false)...) {
		t.Error(bad)
	}
	w.run("apply", "--yes").wants(t, 0)
	return w, r
}

func TestF32APowerCutBeforeTheSwitch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, script := range []string{"upload", "build"} {
			t.Run(script, func(t *testing.T) {
				t.Parallel()
				w, r := powerAt(t, mode, script, done, 4)
				w.seen(t, r, "boots what it had")
			})
		}
	})
}

func TestF33APowerCutInTheActivation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, phase := range []simfleet.Phase{simfleet.PhaseSet, simfleet.PhaseLoader, simfleet.PhaseStopped, simfleet.PhaseActivated} {
			if mode == "test-first" && (phase == simfleet.PhaseSet || phase == simfleet.PhaseLoader) {
				continue // that is the confirmation's: F34
			}
			t.Run(string(phase), func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, nil)
				w.fleet.Host("web").SetFaults(simfleet.HostFaults{PowerCutAt: phase})
				booted := w.look("web").BootID
				r := w.run("apply", "--yes")
				if w.look("web").BootID == booted {
					t.Fatal("the power was not cut")
				}
				r.wants(t, 5, "all read back")
				injected(t, true, "the power is cut, %s", phase)
				w.isBack("web")
				w.run("apply", "--yes").wants(t, 0)
				w.seen(t, r, "returned")
			})
		}
	})
}

// In test-first nothing but the running system changes before the confirmation:
// a boot is the way back, with no guard needed.
func TestF33InTestFirstABootIsTheReturn(t *testing.T) {
	t.Parallel()
	w := alone(t, "test-first", nil)
	c := w.prepare("apply", "--yes")
	f := w.once("web", "probe", arrived, func() bool {
		w.fleet.Host("web").PowerCut()
		c.kill()
		return true
	})
	r := c.start().wait()
	f.injected(t)
	l := w.look("web")
	if l.Booted != w.first["web"].Running || l.Running != w.first["web"].Running {
		t.Errorf("it booted %s and runs %s", l.Booted, l.Running)
	}
	w.later(time.Hour)
	w.isBack("web")
	w.seen(t, r, "booted what it had")
}

func TestF34APowerCutInTheConfirmation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, at := range []edge{arrived, done} {
			t.Run(string(at), func(t *testing.T) {
				t.Parallel()
				w, r := powerAt(t, mode, "guard confirm", at, 0, 5)
				w.seen(t, r, "wholly on the one or the other")
			})
		}
	})
	t.Run("between profile and boot loader", func(t *testing.T) {
		t.Parallel()
		w := alone(t, "test-first", nil)
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{PowerCutAt: simfleet.PhaseLoader})
		booted := w.look("web").BootID
		r := w.run("apply", "--yes")
		if w.look("web").BootID == booted {
			t.Fatal("the power was not cut")
		}
		for _, bad := range append(append(exits("apply", r, 0, 5), w.settled(1)...), w.truth(r, 1)...) {
			t.Error(bad)
		}
		injected(t, true, "the power is cut between profile and boot loader")
		w.run("apply", "--yes").wants(t, 0)
		w.isOn("web", 1)
		w.seen(t, r, "wholly on the one or the other")
	})
}

func TestF35ARebootInTheSoak(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		t.Run("well after it", func(t *testing.T) {
			t.Parallel()
			w := oneHost(t, mode, "soak = \"3s\"", member{})
			r := w.rebootedInTheSoak(t)
			r.wants(t, 0)
			w.isOn("web", 1)
			w.switches("web", 1, 1)
			w.seen(t, r, "stays, since it is healthy")
		})
		t.Run("unwell after it", func(t *testing.T) {
			t.Parallel()
			var here atomic.Pointer[world]
			var booted atomic.Value
			s := serve(t, func(int32) bool { return booted.Load() == nil || here.Load().look("web").BootID == booted.Load() })
			w := oneHost(t, mode, "soak = \"3s\"\n"+s.check(""), member{})
			booted.Store(w.look("web").BootID)
			here.Store(w)
			r := w.rebootedInTheSoak(t)
			r.wants(t, 5, "all read back")
			w.isBack("web")
			w.seen(t, r, "back to its record, by path")
		})
	})
}

// rebootedInTheSoak reboots the host once it is confirmed.
func (w *world) rebootedInTheSoak(t *testing.T) result {
	t.Helper()
	c := w.prepare("apply", "--yes").start()
	w.eventually("the soak", func() bool { return strings.Contains(w.journalIfAny(), `"soak-started"`) })
	booted := w.look("web").BootID
	w.fleet.Host("web").Reboot()
	injected(t, w.look("web").BootID != booted, "rebooted in the soak")
	return c.wait()
}

func TestF37AHungActivation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := newWorld(t, setting{
			hosts:  []member{{name: "web", stage: "prod", system: func(s *simfleet.System) { s.SwitchTime = time.Hour }}},
			stages: "[stages.prod]\nactivation = \"" + mode + "\"\nactivation_timeout = \"2s\"\nconfirm_timeout = \"3s\"\n",
		})
		r := w.run("apply", "--yes")
		r.wants(t, 5, "all read back")
		injected(t, r.says("the switch has not ended after 2s"), "the switch takes an hour")
		w.isBack("web")
		w.seen(t, r, "stopped and returned")
	})
}

func TestF38AReturnThatFails(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		// A container: where a reboot is nixdeploy's to ask for, it is the last way back.
		w := oneHost(t, mode, "", member{
			traits: &simfleet.Traits{Container: true}, system: func(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} },
		})
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{NoWayBack: true})
		r := w.run("apply", "--yes")
		r.wants(t, 6, "switch-to-configuration", "nixdeploy resume")
		a := w.look("web").Active
		injected(t, a != nil && a.Result == deploy.ResultStranded, "whatever the guard activates fails")
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{})
		w.run("resume").wants(t, 5)
		w.isBack("web")
		w.seen(t, r, "stranded, with the command that mends it; resume returns it")
	})
}

func TestF39WhatWasBrokenBeforeIsNotBlamed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		w.fleet.Host("web").BreakUnits("old.service")
		r := w.run("apply", "--yes")
		r.wants(t, 0)
		injected(t, len(w.look("web").FailedUnits) == 1, "old.service failed before and after, the switch ends with 4")
		if failed := w.look("web").FailedUnits; len(failed) != 1 {
			t.Fatalf("the unit is not broken: %v", failed)
		}
		w.isOn("web", 1)
		w.seen(t, r, "confirmed")
	})
}

func TestF40AUnitThatFailsNow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} })
		r := w.run("apply", "--yes")
		r.wants(t, 5, "error[health] web", "bad.service")
		injected(t, r.says("bad.service"), "bad.service fails from the switch on")
		w.isBack("web")
		w.seen(t, r, "returned, the unit named")
	})
}

func TestF41AUnitThatRestartsForEver(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.LoopsUnits = []string{"loop.service"} })
		w.edit("fleet/hosts.toml", func(s string) string { return s + "\n" })
		r := w.run("apply", "--yes")
		r.wants(t, 5, "loop.service")
		injected(t, r.says("loop.service"), "loop.service restarts for ever")
		w.isBack("web")
		w.seen(t, r, "never passed; returned")
	})
}

func TestF42ABootPartitionThatIsFull(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{BootFull: true})
		r := w.run("apply", "--yes")
		r.wants(t, 5, "No space left on device")
		injected(t, r.says("No space left on device"), "the boot partition is full")
		w.isBack("web")
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{})
		w.run("apply", "--yes").wants(t, 0)
		w.seen(t, r, "profile, running and next boot as before")
	})
}

func TestF44NoSpaceForTheBuild(t *testing.T) {
	t.Parallel()
	w := alone(t, "switch", func(s *simfleet.System) { s.BuildError = "error: writing to file: No space left on device" })
	r := w.run("apply", "--yes")
	r.wants(t, 4, "No space left on device")
	injected(t, r.says("No space left on device"), "no space while it builds")
	w.untouchedHost("web")
	w.seen(t, r, "untouched")
}

// The words are those of strerror(3) behind what Nix was doing.
func TestF45AStoreThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, words := range map[string]string{
		"read-only": "error: creating directory '/nix/store/.tmp': Read-only file system",
		"inodes":    "error: creating directory '/nix/store/.tmp': No space left on device",
		"quota":     "error: writing to file: Disk quota exceeded",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", func(s *simfleet.System) { s.BuildError = words })
			r := w.run("apply", "--yes")
			_, why, _ := strings.Cut(words, ": ")
			r.wants(t, 4, why)
			injected(t, r.says(why), "%s", why)
			w.untouchedHost("web")
			w.seen(t, r, "untouched, in the host's own words")
		})
	}
}

func TestF46ASystemThatNeedsAReboot(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.InitDiffers = true })
		r := w.run("apply", "--yes")
		r.wants(t, 5)
		injected(t, r.says("until you reboot") || r.says("needs a reboot"), "switch-to-configuration ends with 100")
		w.isBack("web")
		w.seen(t, r, "returned: its init cannot be switched to")
	})
}

func TestF47ASwitchOfSomebodyElseUnderWay(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, script := range []string{"inspect", "guard arm"} {
			t.Run(script, func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, nil)
				theirs := simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "web"), SwitchTime: time.Hour}
				f := w.once("web", script, arrived, func() bool {
					w.fleet.Host("web").ForeignSwitch("test", theirs)
					return false
				})
				r := w.run("apply", "--yes")
				f.injected(t)
				r.wants(t, 3, "not nixdeploy's")
				w.untouchedHost("web")
				w.seen(t, r, "left alone")
			})
		}
	})
}

// Exit codes that say nothing: the switch is killed at each of its phases.
func TestF48ASwitchThatDies(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, phase := range []simfleet.Phase{simfleet.PhaseSet, simfleet.PhaseLoader, simfleet.PhaseStopped, simfleet.PhaseActivated} {
			if mode == "test-first" && (phase == simfleet.PhaseSet || phase == simfleet.PhaseLoader) {
				continue // test touches neither
			}
			t.Run(string(phase), func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, nil)
				w.fleet.Host("web").SetFaults(simfleet.HostFaults{SwitchDiesAt: phase})
				r := w.run("apply", "--yes")
				r.wants(t, 5, "without an exit code", "all read back")
				injected(t, r.says("without an exit code"), "the switch is killed, %s", phase)
				w.isBack("web")
				w.seen(t, r, "returned by what the links say")
			})
		}
	})
}

func TestF49TheWayBackWasCollected(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		f := w.once("web", "guard arm", arrived, func() bool {
			w.fleet.Host("web").Forget(w.first["web"].Profile)
			return false
		})
		r := w.run("apply", "--yes")
		f.injected(t)
		r.wants(t, 4)
		w.untouchedHost("web")
		w.seen(t, r, "refused, untouched")
	})
}

func TestF51AChangeOfSomebodyElse(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} })
		theirs := simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "web")}
		f := w.once("web", "guard back", arrived, func() bool {
			w.fleet.Host("web").ForeignSwitch("switch", theirs)
			return false
		})
		r := w.run("apply", "--yes")
		f.injected(t)
		r.wants(t, 6)
		if l := w.fleet.Host("web").Links(); l.Running != theirs.Toplevel || l.Profile != theirs.Toplevel {
			t.Errorf("their work was undone: %+v", l)
		}
		w.seen(t, r, "nothing of theirs is undone")
	})
}

func TestF53ASlowHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{
		hosts: []member{
			{name: "slow", stage: "prod", system: func(s *simfleet.System) { s.SwitchTime = 100 * time.Millisecond }},
			{name: "web", stage: "prod", system: func(s *simfleet.System) { s.SwitchTime = 100 * time.Millisecond }},
		},
		stages: "[stages.prod]\nparallel = 2\n",
	})
	w.fleet.Host("slow").SetFaults(simfleet.HostFaults{Slow: 20})
	var order []string
	w.gate.strikeAt(func(s script, at edge) bool {
		if s.Name == "guard confirm" && at == done {
			w.mu.Lock()
			defer w.mu.Unlock()
			order = append(order, s.Host)
		}
		return false
	})
	r := w.run("apply", "--yes")
	r.wants(t, 0)
	injected(t, len(order) == 2, "slow takes twenty times as long")
	w.isOn("slow", 1)
	w.isOn("web", 1)
	if len(order) != 2 || order[0] != "web" {
		t.Errorf("confirmed in the order %v", order)
	}
	w.seen(t, r, "the other host did not wait for it")
}

func TestF54AHostThatIsNotFit(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]member{
		"no nixos-rebuild": {traits: &simfleet.Traits{NoTool: true}},
		"not NixOS":        {traits: &simfleet.Traits{NotNixOS: true}},
		"another machine":  {traits: &simfleet.Traits{Machine: "aarch64"}, extra: "system = \"x86_64-linux\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := oneHost(t, "switch", "", m)
			r := w.run("apply", "--yes")
			r.wants(t, 4, "error[unsupported] web")
			injected(t, r.says("error[unsupported]"), "%s", name)
			w.untouchedHost("web")
			w.seen(t, r, "untouched")
		})
	}
}
