package simfleet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
)

const (
	testActivation = 5 * time.Minute
	testWindow     = time.Minute
)

// rig is one host and one run against it.
type rig struct {
	t *testing.T
	*nixos.Machine
	host *simfleet.Host
}

// inBubble runs a test on simulated time.
func inBubble(t *testing.T, o simfleet.HostOptions, do func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Hostname == "" {
			o.Hostname = "web-1"
		}
		h := simfleet.NewHost(o)
		defer h.Close()
		r := &rig{t: t, host: h, Machine: &nixos.Machine{Run: "RUN1", Operator: "ann@desk"}}
		r.dial()
		do(t, r)
	})
}

func (r *rig) dial() {
	r.t.Helper()
	conn, err := r.host.Dial(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.Conn = conn
}

func (r *rig) sees() deploy.Observation {
	r.t.Helper()
	o, err := r.Inspect(r.t.Context(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

func (r *rig) upload(f *flake.Flake) {
	r.t.Helper()
	var tar bytes.Buffer
	if err := f.Pack(&tar); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Upload(r.t.Context(), f.Digest(), f.Hash, &tar); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) build(f *flake.Flake, timeout time.Duration) deploy.BuildAnswer {
	r.t.Helper()
	a, err := r.Build(r.t.Context(), deploy.BuildRequest{Digest: f.Digest(), Hash: f.Hash, Attribute: "web-1", Timeout: timeout}, func(string) {})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) armRequest(f *flake.Flake, mode, wanted string) deploy.ArmRequest {
	return deploy.ArmRequest{
		Stage: "dev", Fleet: "f", Host: "web-1", Digest: f.Digest(), Hash: f.Hash, Attribute: "web-1",
		Mode: mode, Goal: deploy.GoalFlake, Wanted: wanted, Expect: r.sees().Links,
		ActivationTimeout: testActivation, ConfirmTimeout: testWindow,
	}
}

// armed uploads, builds and arms.
func (r *rig) armed(f *flake.Flake, mode string) (wanted string, before deploy.Links) {
	r.t.Helper()
	before = r.sees().Links
	r.upload(f)
	wanted = r.build(f, time.Hour).Toplevel
	if _, err := r.Arm(r.t.Context(), r.armRequest(f, mode, wanted)); err != nil {
		r.t.Fatal(err)
	}
	return wanted, before
}

func (r *rig) switched() deploy.SwitchAnswer {
	r.t.Helper()
	if _, err := r.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	a, err := r.Await(r.t.Context(), 0, testActivation)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) back() deploy.Settlement {
	r.t.Helper()
	s, err := r.Back(r.t.Context(), testActivation)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// is fails unless the host is exactly that, past its network.
func (r *rig) is(want deploy.Links) {
	r.t.Helper()
	if got := r.host.Links(); got != want {
		r.t.Errorf("the host is\n%+v, want\n%+v", got, want)
	}
}

func codeOf(err error) deploy.Code {
	if p, ok := errors.AsType[*deploy.Problem](err); ok {
		return p.Code
	}
	return ""
}

func wordHost(s simfleet.System) simfleet.HostOptions {
	return simfleet.HostOptions{Generation: 41, SystemFor: func(files []flake.File, attribute string) (simfleet.System, error) {
		s.Toplevel = simfleet.ToplevelPath(flake.HashFiles(files), attribute)
		return s, nil
	}}
}

// The state that a failure leaves at each step of a switch (contract, end of
// section 2), and the exit codes of both tools.
func TestHowASwitchFails(t *testing.T) {
	for _, c := range []struct {
		name           string
		system         simfleet.System
		faults         simfleet.HostFaults
		python, bash   int
		set, boots, on bool // profile, next boot, running are the new system
		says           string
	}{
		{name: "it works", set: true, boots: true, on: true},
		{name: "a check refuses", system: simfleet.System{CheckFails: "switchInhibitors"}, python: 1, bash: 1, set: true, says: "Pre-switch check"},
		{name: "the boot loader is full", faults: simfleet.HostFaults{BootFull: true}, python: 1, bash: 1, set: true, says: "No space left on device"},
		{name: "another init", system: simfleet.System{InitDiffers: true}, python: 100, bash: 1, set: true, boots: true, says: "until you reboot"},
		{name: "a snippet fails", system: simfleet.System{SnippetFails: "users"}, python: 2, bash: 1, set: true, boots: true, on: true, says: "snippet 'users' failed"},
		{name: "a unit fails", system: simfleet.System{FailsUnits: []string{"a.service"}}, python: 4, bash: 1, set: true, boots: true, on: true, says: "units failed: a.service"},
		{name: "a unit crashes again and again", system: simfleet.System{LoopsUnits: []string{"b.service"}}, python: 4, bash: 1, set: true, boots: true, on: true, says: "units failed: b.service"},
	} {
		for tool, code := range map[string]int{"python": c.python, "bash": c.bash} {
			t.Run(c.name+"/"+tool, func(t *testing.T) {
				o := wordHost(c.system)
				o.Traits = &simfleet.Traits{BashTool: tool == "bash"}
				inBubble(t, o, func(t *testing.T, r *rig) {
					wanted, before := r.armed(flakeOf("x"), "switch")
					r.host.SetFaults(c.faults)
					a := r.switched()
					l := r.host.Links()
					if !a.Done || a.Code != code || !strings.Contains(strings.Join(a.Output, "\n"), c.says) {
						t.Errorf("code %d (done %v), want %d and %q in %q", a.Code, a.Done, code, c.says, a.Output)
					}
					if (l.Profile == wanted) != c.set || (l.NextBoot == wanted) != c.boots || (l.Running == wanted) != c.on {
						t.Errorf("links %+v", l)
					}
					r.host.SetFaults(simfleet.HostFaults{})
					if s := r.back(); s.Result != deploy.ResultReturned {
						t.Errorf("back: %+v", s)
					}
					r.is(before)
				})
			})
		}
	}
}

// Wherever a switch is cut, by a kill or by the power, the host ends on its
// record by itself: in the end nobody asks for it.
func TestWhereverItIsCutTheHostComesBack(t *testing.T) {
	phases := []simfleet.Phase{simfleet.PhaseSet, simfleet.PhaseLoader, simfleet.PhaseStopped, simfleet.PhaseActivated}
	for _, mode := range []string{"switch", "test-first"} {
		for _, phase := range phases {
			for name, faults := range map[string]simfleet.HostFaults{
				"killed": {SwitchDiesAt: phase}, "power cut": {PowerCutAt: phase},
			} {
				t.Run(fmt.Sprintf("%s/%s/%s", mode, phase, name), func(t *testing.T) {
					o := wordHost(simfleet.System{SwitchTime: 8 * time.Second})
					o.Traits = &simfleet.Traits{BootTime: 20 * time.Second}
					inBubble(t, o, func(t *testing.T, r *rig) {
						_, before := r.armed(flakeOf("x"), mode)
						r.host.SetFaults(faults)
						if _, err := r.Start(t.Context()); err != nil && codeOf(err) != deploy.CodeUnreachable {
							t.Fatal(err)
						}
						time.Sleep(testActivation + 3*testWindow)
						r.host.Settle()
						time.Sleep(testWindow)
						r.is(before)
						r.dial()
						if o := r.sees(); o.Active != nil || o.Lease != nil {
							t.Errorf("unresolved: %+v", o.Active)
						}
					})
				})
			}
		}
	}
}

// The guard decides at its deadline by the clock, not before.
func TestTheGuardDecidesAtItsDeadline(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		r.armed(flakeOf("x"), "switch")
		left := r.sees().Active.DecidesIn
		if want := int64((testActivation + testWindow).Seconds()); left != want {
			t.Errorf("the guard decides in %d s, want %d", left, want)
		}
		time.Sleep(testActivation + testWindow - 2*time.Second)
		if r.sees().Active == nil {
			t.Fatal("the guard decided early")
		}
		time.Sleep(2 * time.Second)
		if r.sees().Active != nil {
			t.Error("the deadline passed and nothing was decided")
		}
	})
}

// A guard that gets no script would hold nobody back: sending it is the deployer's
// duty, and a host that forgave it would hide that.
func TestAnArmingWithoutAScriptIsUnguarded(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		l := r.sees().Links
		r.upload(flakeOf("x"))
		wanted := r.build(flakeOf("x"), time.Hour).Toplevel
		args := []string{"NONCE", "arm", "RUN1", "ann@desk", "90", "wanted", wanted, "expect", l.ProfileLink + " " + l.Profile + " " + l.Running}
		_, err := r.Conn.Run(t.Context(), deploy.Command{Name: "guard", Script: nixos.Script("guard"), Args: args}, func(string) {}, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if r.sees().Active != nil {
			t.Error("a guard without a script is armed")
		}
	})
}

// A guard that is killed comes back and goes on.
func TestAKilledGuardGoesOn(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "switch")
		r.switched()
		r.host.KillGuard()
		time.Sleep(2 * testWindow)
		r.is(before)
	})
}

// What cannot be brought back is stranded, and stays so until somebody asks
// again.
func TestStrandedUntilAskedAgain(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{SwitchTime: time.Second}), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "switch")
		r.switched()
		r.host.SetFaults(simfleet.HostFaults{NoWayBack: true})
		if s := r.back(); s.Result != deploy.ResultStranded || s.Links.Running == before.Running {
			t.Fatalf("back: %+v", s)
		}
		r.host.SetFaults(simfleet.HostFaults{})
		r.dial() // it tried a reboot
		if a := r.sees().Active; a == nil || a.Result != deploy.ResultStranded {
			t.Fatalf("not stranded: %+v", a)
		}
		if s := r.back(); s.Result != deploy.ResultReturned {
			t.Errorf("back again: %+v", s)
		}
		r.is(before)
	})
}
