package simfleet_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet/contract"
	"github.com/nixdeploy/nixdeploy/flake"
)

var (
	scriptSays = regexp.MustCompile(`\bsay(?:_lines|_links)? ([a-z_-]+)`)
	modelSays  = regexp.MustCompile(`\bsay(?:Number|Lines)?\("([a-z_-]+)"`)
)

// A key that a script learns to answer with, or gives up, is one for the model:
// this test fails until it follows.
func TestModelAndScriptsHaveTheSameKeys(t *testing.T) {
	scripts, model := map[string]bool{}, map[string]bool{"links": true}
	for _, name := range nixos.Names() {
		for _, m := range scriptSays.FindAllStringSubmatch(nixos.Script(name), -1) {
			scripts[m[1]] = true
		}
	}
	files, err := filepath.Glob("host_*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range modelSays.FindAllStringSubmatch(string(text), -1) {
			model[m[1]] = true
		}
	}
	if !maps.Equal(scripts, model) {
		t.Errorf("only the scripts: %v\nonly the model: %v", missingIn(scripts, model), missingIn(model, scripts))
	}
}

func missingIn(a, b map[string]bool) []string {
	var out []string
	for key := range a {
		if !b[key] {
			out = append(out, key)
		}
	}
	return out
}

func TestTheModelKnowsEveryScript(t *testing.T) {
	h := simfleet.NewHost(simfleet.HostOptions{Hostname: "a"})
	defer h.Close()
	conn, err := h.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range nixos.Names() {
		exit, err := conn.Run(t.Context(), deploy.Command{Name: name, Script: nixos.Script(name), Args: []string{"N", "-"}}, func(string) {}, func(string) {})
		if err != nil || exit == 127 {
			t.Errorf("%s: exit %d, %v", name, exit, err)
		}
	}
	exit, err := conn.Run(t.Context(), deploy.Command{Name: "x", Script: "#!/bin/sh\nrm -rf /\n"}, func(string) {}, func(string) {})
	if err != nil || exit != 127 {
		t.Errorf("a program of nobody's: exit %d, %v", exit, err)
	}
}

func TestInspectTellsWhatTheHostIs(t *testing.T) {
	inBubble(t, simfleet.HostOptions{
		Hostname: "web-9", MachineID: strings.Repeat("a", 32), Generation: 7, Uptime: 90 * time.Second,
		Traits: &simfleet.Traits{
			Machine: "aarch64", WSL: true, BashTool: true, NixVersion: "2.18.1", GuardLost: "/var/lib is gone after a reboot",
			Free: []string{"1024 /"},
		},
		Marker: &deploy.Marker{Fleet: "home", Host: "web-9"},
	}, func(t *testing.T, r *rig) {
		r.host.BreakUnits("z.service", "a.service")
		o := r.sees()
		if o.Hostname != "web-9" || o.MachineID != strings.Repeat("a", 32) || o.System != "aarch64-linux" || o.Uptime != 90 || !o.WSL || o.Container {
			t.Errorf("%+v", o)
		}
		if o.RebuildKind != "bash" || o.NixVersion != "2.18.1" || o.Reader != "profile" || o.NextBoot != o.Profile || o.ProfileLink != "system-7-link" {
			t.Errorf("%+v", o)
		}
		if o.GuardReboot != "/var/lib is gone after a reboot" || o.FreeBytes["/"] != 1<<20 || *o.Marker != (deploy.Marker{Fleet: "home", Host: "web-9"}) {
			t.Errorf("%+v", o)
		}
		if !slices.Equal(o.FailedUnits, []string{"a.service", "z.service"}) || !slices.Equal(o.Generations, []int{7}) {
			t.Errorf("%q %v", o.FailedUnits, o.Generations)
		}
	})
}

func TestBootIDsDifferByBootAndUptimeStartsAgain(t *testing.T) {
	inBubble(t, simfleet.HostOptions{Traits: &simfleet.Traits{BootTime: 30 * time.Second}}, func(t *testing.T, r *rig) {
		first := r.sees()
		r.host.Reboot()
		if _, err := r.host.Dial(t.Context()); codeOf(err) != deploy.CodeUnreachable {
			t.Errorf("dialed while it boots: %v", err)
		}
		if _, err := r.Inspect(t.Context(), ""); codeOf(err) != deploy.CodeUnreachable {
			t.Errorf("an old connection lives: %v", err)
		}
		time.Sleep(40 * time.Second)
		if _, err := r.Inspect(t.Context(), ""); codeOf(err) != deploy.CodeUnreachable {
			t.Errorf("an old connection lives on in the next boot: %v", err)
		}
		r.dial()
		if o := r.sees(); o.BootID == first.BootID || o.Uptime != 10 || o.MachineID != first.MachineID {
			t.Errorf("after the boot: %+v", o)
		}
	})
}

// A lease outlives a build that takes longer than it, and no longer than that.
func TestABuildKeepsItsLease(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{BuildTime: 10 * time.Minute}), func(t *testing.T, r *rig) {
		r.upload(flakeOf("x"))
		done := make(chan deploy.BuildAnswer)
		go func() { done <- r.build(flakeOf("x"), time.Hour) }()
		time.Sleep(9 * time.Minute)
		other := &rig{t: t, host: r.host, Machine: &nixos.Machine{Run: "RUN2", Operator: "bob@desk"}}
		other.dial()
		if l := other.sees().Lease; l == nil || l.Run != "RUN1" || l.Seconds < 60 {
			t.Errorf("the lease in the middle of a build: %+v", l)
		}
		if a := <-done; a.Toplevel == "" {
			t.Errorf("%+v", a)
		}
		time.Sleep(2 * time.Minute)
		if l := other.sees().Lease; l != nil {
			t.Errorf("the lease never ends: %+v", l)
		}
	})
}

func TestBuildsEndAtTheirTimeout(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{EvalTime: time.Minute}), func(t *testing.T, r *rig) {
		r.upload(flakeOf("x"))
		if a := r.build(flakeOf("x"), 30*time.Second); a.DryBuildCode != 124 {
			t.Errorf("%+v", a)
		}
	})
	inBubble(t, wordHost(simfleet.System{BuildTime: time.Hour}), func(t *testing.T, r *rig) {
		r.upload(flakeOf("x"))
		if a := r.build(flakeOf("x"), time.Minute); a.DryBuildCode != 0 || a.BuildCode != 124 || a.Toplevel != "" {
			t.Errorf("%+v", a)
		}
	})
	inBubble(t, wordHost(simfleet.System{BuildTime: time.Hour}), func(t *testing.T, r *rig) {
		r.upload(flakeOf("x"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f := flakeOf("x")
		_, err := r.Build(ctx, deploy.BuildRequest{Digest: f.Digest(), Hash: f.Hash, Attribute: "web-1", Timeout: time.Hour}, func(string) {})
		if codeOf(err) != deploy.CodeUnreachable {
			t.Errorf("the deployer's own deadline: %v", err)
		}
	})
}

func TestCorruptUploadsAreNoticed(t *testing.T) {
	inBubble(t, simfleet.HostOptions{}, func(t *testing.T, r *rig) {
		r.host.SetFaults(simfleet.HostFaults{CorruptUploads: true})
		f := flakeOf("x")
		pack := func() *strings.Reader {
			var b strings.Builder
			if err := f.Pack(&b); err != nil {
				t.Fatal(err)
			}
			return strings.NewReader(b.String())
		}
		if err := r.Upload(t.Context(), f.Digest(), f.Hash, pack()); err == nil {
			t.Error("a changed byte was not noticed")
		}
		r.host.SetFaults(simfleet.HostFaults{})
		whole := pack()
		if err := r.Upload(t.Context(), f.Digest(), f.Hash, io.LimitReader(pack(), 700)); err == nil {
			t.Error("half an upload was taken")
		}
		if err := r.Upload(t.Context(), f.Digest(), f.Hash, whole); err != nil {
			t.Error(err)
		}
	})
}

func TestArmingIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		before func(h *simfleet.Host)
		code   deploy.Code
	}{
		"no guard can be written":  {func(h *simfleet.Host) { h.SetFaults(simfleet.HostFaults{ControlReadonly: true}) }, deploy.CodeGuard},
		"the guard does not start": {func(h *simfleet.Host) { h.SetFaults(simfleet.HostFaults{GuardDoesNotStart: true}) }, deploy.CodeGuard},
		"somebody else switches now": {func(h *simfleet.Host) {
			h.ForeignSwitch("test", simfleet.System{Toplevel: "/nix/store/x", SwitchTime: time.Hour})
		}, deploy.CodeLocked},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
				f := flakeOf("x")
				r.upload(f)
				wanted := r.build(f, time.Hour).Toplevel
				c.before(r.host)
				if _, err := r.Arm(t.Context(), r.armRequest(f, "switch", wanted)); codeOf(err) != c.code {
					t.Errorf("armed: %v", err)
				}
				if r.sees().Active != nil {
					t.Error("a refused arming left a run")
				}
			})
		})
	}
}

// Two switches at once: the second loses, its profile moved all the same.
func TestASecondSwitchIsRefusedBySystemd(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		wanted, _ := r.armed(flakeOf("x"), "switch")
		r.host.ForeignSwitch("test", simfleet.System{Toplevel: "/nix/store/theirs", SwitchTime: time.Minute})
		a := r.switched()
		if a.Code != 1 || a.Links.Profile != wanted || a.Links.Running == wanted || !strings.Contains(strings.Join(a.Output, "\n"), "already loaded") {
			t.Errorf("%+v", a)
		}
	})
}

func TestASwitchThatDoesNotStart(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "switch")
		r.host.SetFaults(simfleet.HostFaults{SwitchDoesNotStart: true})
		if _, err := r.Start(t.Context()); codeOf(err) != deploy.CodeSwitch {
			t.Errorf("start: %v", err)
		}
		r.back()
		r.is(before)
	})
}

func TestProbes(t *testing.T) {
	o := wordHost(simfleet.System{})
	o.System = simfleet.System{Toplevel: "/nix/store/first", Units: []string{"app.service"}, LoopsUnits: []string{"loop.service"}, FailsUnits: []string{"bad.service"}}
	o.Traits = &simfleet.Traits{
		Fetch: func(_, url string) (int, int) {
			if url == "http://localhost/" {
				return 0, 204
			}
			return 28, 0
		},
		Connect: func(_, _, port string) int { return map[string]int{"22": 0}[port] + len(port) - 2 },
	}
	inBubble(t, o, func(t *testing.T, r *rig) {
		p := &nixos.Probe{Conn: r.Conn}
		if f, err := p.FailedUnits(t.Context()); err != nil || !slices.Equal(f, []string{"bad.service", "loop.service"}) {
			t.Errorf("failed: %q, %v", f, err)
		}
		states, err := p.UnitStates(t.Context(), []string{"app.service", "bad.service", "loop.service", "no.service"})
		want := map[string]string{"app.service": "active", "bad.service": "failed", "loop.service": "activating", "no.service": "inactive"}
		if err != nil || !maps.Equal(states, want) {
			t.Errorf("states: %v, %v", states, err)
		}
		for _, c := range []struct {
			argv []string
			exit int
		}{{[]string{"true"}, 0}, {[]string{"false"}, 1}, {[]string{"nope", "x"}, 127}} {
			if exit, out, err := p.RunCheck(t.Context(), c.argv, time.Second); err != nil || exit != c.exit || (exit == 127) != (out != "") {
				t.Errorf("%q: %d %q %v", c.argv, exit, out, err)
			}
		}
		if status, err := p.Fetch(t.Context(), "http://localhost/", time.Second); err != nil || status != 204 {
			t.Errorf("fetch: %d, %v", status, err)
		}
		if _, err := p.Fetch(t.Context(), "http://nowhere/", time.Second); err == nil {
			t.Error("a page of nowhere was fetched")
		}
		if err := p.Connect(t.Context(), "localhost:22", time.Second); err != nil {
			t.Error(err)
		}
		if err := p.Connect(t.Context(), "localhost:5432", time.Second); err == nil {
			t.Error("connected to what does not listen")
		}
	})
}

func TestAHostLocksAFlake(t *testing.T) {
	inBubble(t, simfleet.HostOptions{}, func(t *testing.T, r *rig) {
		f := flakeOf("x")
		if lock, err := nixos.Lock(t.Context(), r.Conn, f.Pack); err != nil || lock != nil { // it has no inputs
			t.Errorf("%s, %v", lock, err)
		}
		f.Files = append(f.Files, flake.File{Path: "flake.lock", Data: []byte(`{"version":7}`)})
		if lock, err := nixos.Lock(t.Context(), r.Conn, f.Pack); err != nil || string(lock) != "{\"version\":7}\n" {
			t.Errorf("%s, %v", lock, err)
		}
	})
}

func TestAHostEvaluatesOptions(t *testing.T) {
	q := deploy.OptionQuery{Attribute: "web-1", Paths: [][]string{{"a", "b"}}}
	o := simfleet.HostOptions{Traits: &simfleet.Traits{Options: `{"configurations":["web-1"],"options":[{"kind":"option","path":["a","b"],"value":5}]}`}}
	inBubble(t, o, func(t *testing.T, r *rig) {
		a, err := nixos.Option(t.Context(), r.Conn, flakeOf("x").Pack, flakeOf("x").Hash, q)
		if err != nil || len(a.Options) != 1 || a.Options[0].Kind != deploy.OptionKind {
			t.Errorf("%+v, %v", a, err)
		}
	})
	inBubble(t, simfleet.HostOptions{}, func(t *testing.T, r *rig) {
		a, err := nixos.Option(t.Context(), r.Conn, flakeOf("x").Pack, flakeOf("x").Hash, q)
		if p, ok := errors.AsType[*deploy.Problem](err); !ok || len(p.Details) == 0 {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// On a kind of host where the guard is lost with the boot, nobody decides by himself.
func TestALostGuardDecidesNothing(t *testing.T) {
	o := wordHost(simfleet.System{})
	o.Traits = &simfleet.Traits{GuardLost: "/etc/systemd is gone after a reboot"}
	inBubble(t, o, func(t *testing.T, r *rig) {
		wanted, _ := r.armed(flakeOf("x"), "switch")
		r.switched()
		r.host.PowerCut()
		time.Sleep(time.Hour)
		r.dial()
		if o := r.sees(); o.Active == nil || o.Running != wanted {
			t.Errorf("somebody decided: %+v", o)
		}
		_, _ = r.Back(t.Context(), time.Minute) // it boots the record, and loses the guard once more
		time.Sleep(time.Hour)
		r.dial()
		if s := r.back(); s.Result != deploy.ResultReturned {
			t.Errorf("nobody can settle it: %+v", s)
		}
	})
}

// A system that never comes up needs somebody at the console; then its guard
// does the rest.
func TestABootThatHangs(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{BreaksBoot: true}), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "switch")
		r.switched()
		r.host.PowerCut()
		time.Sleep(time.Hour)
		if r.host.Reachable() {
			t.Fatal("it came up")
		}
		r.host.PowerOn(before.Running)
		time.Sleep(2 * testWindow)
		r.is(before)
	})
}

// The model is the same each time: what happens follows from what was asked.
func TestTheModelIsDeterministic(t *testing.T) {
	play := func() (log []string) {
		synctest.Test(t, func(t *testing.T) {
			sub, h := subject(t, &simfleet.Traits{BootTime: time.Second})
			scenarios := contract.Scenarios()
			scenarios[len(scenarios)-2].Run(t, sub)
			l := h.Links()
			log = []string{l.ProfileLink, l.Profile, l.Running, l.Booted, l.NextBoot}
		})
		return log
	}
	if a, b := play(), play(); !slices.Equal(a, b) {
		t.Errorf("%q then %q", a, b)
	}
}
