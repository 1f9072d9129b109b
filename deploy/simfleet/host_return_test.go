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

// A guard that is killed in the middle of a return meets the lock of the
// activation that it left behind.
func TestAGuardKilledInItsReturn(t *testing.T) {
	inBubble(t, slowRecord(3*time.Second, &simfleet.Traits{Container: true}), func(t *testing.T, r *rig) {
		_, before := r.armed(flakeOf("x"), "test-first")
		r.switched()
		if _, err := r.Back(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		r.host.KillGuard()
		s := r.back()
		if s.Result != deploy.ResultReturned || !slices.Contains(s.Log, "exit code 11") || !slices.Contains(s.Log, "Could not acquire lock") {
			t.Errorf("%+v", s)
		}
		r.is(before)
	})
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
