package simfleet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// startStates are the states of a host in which "the generation before" is not
// what was there before (contract 3.3), and the plain one.
func startStates() map[string]func(r *rig) {
	other := func(r *rig, how, name string) {
		r.host.ForeignSwitch(how, simfleet.System{Toplevel: simfleet.ToplevelPath(name, "web-1"), Units: []string{"app.service"}, SwitchTime: time.Second})
		time.Sleep(time.Minute)
	}
	return map[string]func(r *rig){
		"one generation":      func(*rig) {},
		"several generations": func(r *rig) { other(r, "switch", "second"); other(r, "switch", "third") },
		"rolled back": func(r *rig) {
			r.Run = "EARLIER"
			r.armed(flakeOf("better"), "switch")
			r.switched()
			r.back()
			r.Run = "RUN1"
		},
		"a gap": func(r *rig) {
			for _, name := range []string{"second", "third", "fourth"} {
				other(r, "switch", name)
			}
			r.host.DeleteGeneration(43)
			r.host.DeleteGeneration(42)
		},
		"only tested":      func(r *rig) { other(r, "test", "tested") },
		"a specialisation": func(r *rig) { other(r, "test", "first-specialisation") },
		"a boot is pending": func(r *rig) {
			other(r, "boot", "pending")
		},
		"tested over a pending boot": func(r *rig) { other(r, "boot", "pending"); other(r, "test", "tested") },
	}
}

// Whatever it is before, and however a release fails: it is that again, by all
// three links, and every generation that was there is there still.
func TestAReturnIsExactFromEveryStartState(t *testing.T) {
	t.Parallel()
	fails := map[string]struct {
		word string
		back bool // asked for; else the guard is on its own
	}{"a unit": {"fails-unit", true}, "a health check": {"good", true}, "the network": {"breaks-network", false}}
	for kind, traits := range kinds() {
		for state, prepare := range startStates() {
			for failure, f := range fails {
				for _, mode := range []string{"switch", "test-first"} {
					t.Run(kind+"/"+state+"/"+failure+"/"+mode, func(t *testing.T) {
						o := simfleet.HostOptions{
							Traits: traits, SystemFor: wordSystem, Generation: 41,
							System: simfleet.System{Toplevel: simfleet.ToplevelPath("first", "web-1"), Units: []string{"app.service"}, SwitchTime: time.Second},
						}
						inBubble(t, o, func(t *testing.T, r *rig) {
							prepare(r)
							had := r.sees()
							wanted, before := r.armed(flakeOf(f.word), mode)
							if f.back {
								if a := r.switched(); a.Links.Running != wanted {
									t.Fatalf("not switched: %+v", a)
								}
								if s := r.back(); s.Result != deploy.ResultReturned || len(s.Down) > 0 {
									t.Fatalf("%+v", s)
								}
							} else {
								_, _ = r.Start(t.Context()) // its answer may not arrive
								time.Sleep(2 * time.Hour)
								r.dial()
							}
							r.is(before)
							now := r.sees()
							for _, n := range had.Generations {
								if !slices.Contains(now.Generations, n) {
									t.Errorf("generation %d is gone: had %v, has %v", n, had.Generations, now.Generations)
								}
							}
							if now.Active != nil || now.Lease != nil {
								t.Errorf("unresolved: %+v %+v", now.Active, now.Lease)
							}
						})
					})
				}
			}
		}
	}
}

// Where there would be no way back nothing is armed.
func TestARecordThatIsGoneIsNotArmed(t *testing.T) {
	for name, lose := range map[string]func(h *simfleet.Host, system string){
		"collected": (*simfleet.Host).Forget, "not valid": (*simfleet.Host).Invalidate,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slowRecord(time.Second, nil), func(t *testing.T, r *rig) {
				f := flakeOf("good")
				r.upload(f)
				wanted := r.build(f, time.Hour).Toplevel
				q := r.armRequest(f, "switch", wanted)
				lose(r.host, "/nix/store/first")
				if _, err := r.Arm(t.Context(), q); codeOf(err) != deploy.CodeGuard {
					t.Errorf("armed without a way back: %v", err)
				}
				if r.sees().Active != nil {
					t.Error("a refused arming left a run")
				}
			})
		})
	}
}

// The second deadline: a way back whose every activation hangs ends stranded, in
// the time for one activation of somebody else's and one of its own.
func TestAHangingReturnEndsAtItsOwnDeadline(t *testing.T) {
	inBubble(t, slowRecord(100*testActivation, &simfleet.Traits{Container: true}), func(t *testing.T, r *rig) {
		r.armed(flakeOf("x"), "switch")
		r.switched()
		began := time.Now()
		s, err := r.Back(t.Context(), 24*time.Hour)
		if err != nil || s.Result != deploy.ResultStranded || !slices.Contains(s.Log, "the return's own deadline has passed") {
			t.Errorf("%+v, %v", s, err)
		}
		if took := time.Since(began); took > 2*testActivation+testWindow+time.Minute {
			t.Errorf("it took %s", took)
		}
		// Asked anew it begins anew.
		again, err := r.Back(t.Context(), 24*time.Hour)
		if err != nil || again.Result != deploy.ResultStranded || time.Since(began) < 3*testActivation {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// A unit that was up and does not start any more is told; a reboot is made for
// it only where that was allowed.
func TestAUnitThatIsDownAfterTheReturn(t *testing.T) {
	for _, reboot := range []string{"auto", "allow", "never"} {
		t.Run(reboot, func(t *testing.T) {
			inBubble(t, slowRecord(time.Second, &simfleet.Traits{}), func(t *testing.T, r *rig) {
				f := flakeOf("x")
				r.upload(f)
				q := r.armRequest(f, "switch", r.build(f, time.Hour).Toplevel)
				q.ReturnReboot = reboot
				before := r.sees()
				if _, err := r.Arm(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				r.switched()
				r.host.SetFaults(simfleet.HostFaults{StaysDown: "app.service"})
				s, err := r.Back(t.Context(), time.Hour)
				if reboot == "allow" {
					r.dial()
					time.Sleep(testWindow)
					if o := r.sees(); o.BootID == before.BootID || o.Active != nil || o.Running != before.Running {
						t.Errorf("not rebooted into the record: %+v", o)
					}
					return
				}
				if err != nil || s.Result != deploy.ResultReturned || !slices.Equal(s.Down, []string{"app.service"}) {
					t.Errorf("%+v, %v", s, err)
				}
				if r.sees().BootID != before.BootID {
					t.Error("rebooted, though nobody allowed it")
				}
			})
		})
	}
}
