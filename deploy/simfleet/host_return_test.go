package simfleet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// slowRecord is a host whose record takes its time to be activated again.
func slowRecord(took time.Duration, t *simfleet.Traits) simfleet.HostOptions {
	o := wordHost(simfleet.System{SwitchTime: time.Second})
	o.Traits = t
	o.System = simfleet.System{Toplevel: "/nix/store/first", Units: []string{"app.service"}, SwitchTime: took}
	return o
}

// Cut between stop and start, no link has moved, and units are down all the
// same: the way back starts them.
func TestUnitsAreUpAfterAReturn(t *testing.T) {
	for name, mode := range map[string]string{"switch": "switch", "where rollback misses": "switch", "test-first": "test-first"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
				if name == "where rollback misses" {
					r.armed(flakeOf("bad"), mode)
					r.switched()
					r.back()
					r.Run = "RUN2"
				}
				_, before := r.armed(flakeOf("x"), mode)
				r.host.SetFaults(simfleet.HostFaults{SwitchDiesAt: simfleet.PhaseStopped})
				if a := r.switched(); !a.Lost {
					t.Errorf("%+v", a)
				}
				p := &nixos.Probe{Conn: r.Conn}
				app := func() string {
					states, err := p.UnitStates(t.Context(), []string{"app.service"})
					if err != nil {
						t.Fatal(err)
					}
					return states["app.service"]
				}
				if app() != "inactive" {
					t.Error("the unit is up in the middle of a switch")
				}
				r.back()
				r.is(before)
				if app() != "active" {
					t.Errorf("the unit is %s after the return", app())
				}
			})
		})
	}
}

// One activation does for the boot loader and for the running system where the
// record is one system.
func TestAnExactReturnActivatesOnce(t *testing.T) {
	inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
		r.armed(flakeOf("bad"), "switch")
		r.switched()
		r.back() // its generation stays above, so --rollback would miss
		r.Run = "RUN2"
		_, before := r.armed(flakeOf("x"), "switch")
		r.switched()
		s := r.back()
		activations := 0
		for _, line := range s.Log {
			if strings.HasPrefix(line, "+ ") {
				activations++
			}
		}
		if s.Result != deploy.ResultReturned || activations != 1 {
			t.Errorf("%+v", s)
		}
		r.is(before)
	})
}

// A container is nobody's to reboot, a machine is rebooted once.
func TestWhatIsRebootedOnTheWayBack(t *testing.T) {
	for name, c := range map[string]struct {
		traits *simfleet.Traits
		boots  bool
	}{
		"machine": {&simfleet.Traits{}, true}, "container": {&simfleet.Traits{Container: true}, false}, "wsl": {&simfleet.Traits{WSL: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slowRecord(0, c.traits), func(t *testing.T, r *rig) {
				wanted, before := r.armed(flakeOf("x"), "switch")
				r.switched()
				r.host.PowerCut()
				r.dial()
				first := r.sees().BootID
				time.Sleep(3 * testWindow)
				r.dial()
				o := r.sees()
				if (o.BootID != first) != c.boots || (o.Booted == wanted) == c.boots || o.Running != before.Running || o.Active != nil {
					t.Errorf("%+v", o)
				}
			})
		})
	}
}

// An activation that hangs is ended by its own bound.
func TestAReturnIsBounded(t *testing.T) {
	inBubble(t, slowRecord(2*testActivation, &simfleet.Traits{Container: true}), func(t *testing.T, r *rig) {
		r.armed(flakeOf("x"), "switch")
		r.switched()
		s, err := r.Back(t.Context(), 2*time.Hour)
		if err != nil || s.Result != deploy.ResultStranded || !slices.Contains(s.Log, "exit code 143") {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// The bound is by the clock: that a host is slow does not lengthen it.
func TestTheBoundOfAReturnIsByTheClock(t *testing.T) {
	inBubble(t, slowRecord(testActivation, &simfleet.Traits{Container: true}), func(t *testing.T, r *rig) {
		r.armed(flakeOf("x"), "switch")
		r.switched()
		r.host.SetFaults(simfleet.HostFaults{Slow: 4})
		began := time.Now()
		s, err := r.Back(t.Context(), 4*time.Hour)
		if most := 2*testActivation + testWindow + time.Minute; err != nil || s.Result != deploy.ResultStranded || time.Since(began) > most {
			t.Errorf("%+v, %v after %v, at most %v", s, err, time.Since(began), most)
		}
	})
}

// The tool of a return whose activation is killed fails at once, and does not
// use up the time that the exact return needs.
func TestAKilledActivationEndsItsTool(t *testing.T) {
	inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "switch")
		r.switched()
		r.host.SetFaults(simfleet.HostFaults{SwitchDiesAt: simfleet.PhaseActivated})
		began := time.Now()
		s, err := r.Back(t.Context(), 2*time.Hour)
		if err != nil || s.Result != deploy.ResultReturned || slices.Contains(s.Log, "exit code 143") || time.Since(began) > time.Minute {
			t.Errorf("%+v, %v after %v", s, err, time.Since(began))
		}
		r.is(before)
	})
}

// While a return is under way, a sign of life changes nothing: it is decided.
func TestASignOfLifeAfterTheClaim(t *testing.T) {
	inBubble(t, slowRecord(time.Minute, nil), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "switch")
		r.switched()
		if s, err := r.Back(t.Context(), 5*time.Second); err != nil || s.Result != deploy.ResultNone || s.Claim != deploy.ClaimReturn {
			t.Fatalf("%+v, %v", s, err)
		}
		left := r.sees().Active.DecidesIn
		if _, claim, gone, err := r.Contact(t.Context()); err != nil || gone || claim != deploy.ClaimReturn {
			t.Errorf("contact: %q %v %v", claim, gone, err)
		}
		if now := r.sees().Active.DecidesIn; now != left {
			t.Errorf("the deadline moved from %d to %d", left, now)
		}
		if s, err := r.Confirm(t.Context(), time.Hour); err != nil || s.Claim != deploy.ClaimReturn || s.Result != deploy.ResultReturned {
			t.Errorf("confirm: %+v, %v", s, err)
		}
		r.is(before)
	})
}

// A guard that is killed in the middle of a return leaves an activation behind:
// the next one stops it, and ends what it had begun, whatever the links say.
func TestAGuardKilledInItsReturn(t *testing.T) {
	inBubble(t, slowRecord(3*time.Second, &simfleet.Traits{Container: true}), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "test-first")
		r.switched()
		if _, err := r.Back(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // what ran before runs, and its units are down
		r.is(before)
		r.host.KillGuard()
		s := r.back()
		if s.Result != deploy.ResultReturned || slices.Contains(s.Log, "Could not acquire lock") || r.host.Facts().Halted {
			t.Errorf("%+v", s)
		}
		r.is(before)
	})
}

// The same where a confirmation was claimed, and could not be carried out: by then
// it could be, but units are down.
func TestAGuardKilledInTheReturnOfAConfirmation(t *testing.T) {
	inBubble(t, slowRecord(3*time.Second, nil), func(t *testing.T, r *rig) {
		wanted, before := r.armed(flakeOf("x"), "test-first")
		r.switched()
		r.host.SetFaults(simfleet.HostFaults{BootFull: true})
		if s, err := r.Confirm(t.Context(), time.Second); err != nil || s.Claim != deploy.ClaimConfirm || s.Result != deploy.ResultNone {
			t.Fatalf("%+v, %v", s, err)
		}
		if l := r.host.Links(); l.Running != wanted || l.Profile != before.Profile {
			t.Fatalf("the return is not under way: %+v", l)
		}
		r.host.SetFaults(simfleet.HostFaults{})
		r.host.KillGuard()
		if s, err := r.Confirm(t.Context(), time.Hour); err != nil || s.Result != deploy.ResultReturned {
			t.Errorf("%+v, %v", s, err)
		}
		r.is(before)
	})
}

// What a killed guard left behind is stopped by the next one, which does it anew.
func TestAGuardKilledInAConfirmation(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{SwitchTime: 40 * time.Second}), func(t *testing.T, r *rig) {
		wanted, _ := r.armed(flakeOf("x"), "test-first")
		r.switched()
		if s, err := r.Confirm(t.Context(), time.Second); err != nil || s.Result != deploy.ResultNone {
			t.Fatalf("%+v, %v", s, err)
		}
		r.host.KillGuard()
		s, err := r.Confirm(t.Context(), time.Hour)
		if err != nil || s.Result != deploy.ResultConfirmed || s.Links.NextBoot != wanted {
			t.Errorf("%+v, %v", s, err)
		}
		if n := strings.Count(strings.Join(s.Log, "\n"), "/bin/switch-to-configuration boot"); n != 2 {
			t.Errorf("begun %d times: %q", n, s.Log)
		}
	})
}

// An arming that is asked for again, and whose guard does not start, is taken back
// unless a switch followed it.
func TestArmingAgainWithoutAGuard(t *testing.T) {
	for _, started := range []bool{false, true} {
		inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
			wanted, before := r.armed(flakeOf("x"), "switch")
			request := r.armRequest(flakeOf("x"), "switch", wanted)
			request.Expect = before
			if started {
				r.switched()
			}
			r.host.StopGuard()
			r.host.SetFaults(simfleet.HostFaults{GuardDoesNotStart: true})
			if _, err := r.Arm(t.Context(), request); codeOf(err) != deploy.CodeGuard {
				t.Errorf("armed without a guard: %v", err)
			}
			if a := r.sees().Active; (a != nil) != started {
				t.Errorf("started %v: active is %+v", started, a)
			}
		})
	}
}

// A switch of somebody else is not stopped by a return: it waits, and undoes
// nothing of what came of it.
func TestAReturnLetsSomebodyElseEnd(t *testing.T) {
	for name, system := range map[string]string{"to what was there": "/nix/store/first", "to a system of their own": "/nix/store/theirs"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
				_, before := r.armed(flakeOf("x"), "test-first")
				r.switched()
				r.host.ForeignSwitch("test", simfleet.System{Toplevel: system, SwitchTime: 40 * time.Second})
				time.Sleep(time.Second)
				s := r.back()
				if want := slices.Contains([]string{before.Running}, system); (s.Result == deploy.ResultReturned) != want || s.Links.Running != system {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// A boot loader that nobody can read was told to start the new system, and the
// way back could not tell it otherwise: that is no return, although no link that
// can be read is wrong. Nor is one whose activation failed half way.
func TestAReturnThatFailedIsNotBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		traits *simfleet.Traits
		set    func(s *simfleet.System)
		faults simfleet.HostFaults
	}{
		"the boot loader":   {&simfleet.Traits{Reader: simfleet.ReaderUnknown, Container: true}, func(s *simfleet.System) { s.InitDiffers = true }, simfleet.HostFaults{}},
		"units are stopped": {&simfleet.Traits{Container: true}, func(*simfleet.System) {}, simfleet.HostFaults{SwitchDiesAt: simfleet.PhaseStopped}},
	} {
		t.Run(name, func(t *testing.T) {
			s := simfleet.System{SwitchTime: time.Second}
			c.set(&s)
			o := wordHost(s)
			o.Traits, o.System = c.traits, simfleet.System{Toplevel: "/nix/store/first", Units: []string{"app.service"}}
			inBubble(t, o, func(t *testing.T, r *rig) {
				r.armed(flakeOf("x"), "switch")
				r.host.SetFaults(c.faults)
				r.switched()
				r.host.SetFaults(simfleet.HostFaults{NoWayBack: true})
				if got := r.back(); got.Result != deploy.ResultStranded {
					t.Errorf("%+v", got)
				}
				r.host.SetFaults(simfleet.HostFaults{})
				if got := r.back(); got.Result != deploy.ResultReturned { // asked once more
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// What somebody else set as next boot meanwhile is not overwritten by a
// confirmation, and one that meets their lock waits for it.
func TestAConfirmationAndSomebodyElse(t *testing.T) {
	theirs := simfleet.System{Toplevel: "/nix/store/theirs", SwitchTime: 40 * time.Second}
	for name, c := range map[string]struct {
		how    string
		theirs bool
		want   deploy.Result
	}{
		"another next boot": {"boot", true, deploy.ResultStranded},
		"the same system":   {"test", false, deploy.ResultConfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
				wanted, _ := r.armed(flakeOf("x"), "test-first")
				r.switched()
				s := theirs
				if !c.theirs {
					s.Toplevel = wanted
				}
				r.host.ForeignSwitch(c.how, s)
				time.Sleep(time.Second)
				got, err := r.Confirm(t.Context(), testActivation)
				if err != nil || got.Result != c.want || got.Links.Profile != s.Toplevel {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

// Slow hosts do the same, later.
func TestASlowHost(t *testing.T) {
	inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
		r.armed(flakeOf("x"), "switch")
		r.host.SetFaults(simfleet.HostFaults{Slow: 30})
		began := time.Now()
		a := r.switched()
		if took := time.Since(began); !a.Done || took != 30*time.Second {
			t.Errorf("%s, %+v", took, a)
		}
	})
}
