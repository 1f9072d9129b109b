package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// told is a host whose answers to the waits are told one by one; each answer
// takes as long as it was allowed to.
type told struct {
	*fakeHost
	awaits  []deploy.SwitchAnswer
	offsets []int64
	waits   []time.Duration
	settles []deploy.Settlement // the last one stays
	asked   []string
}

func (s *told) Await(ctx context.Context, offset int64, wait time.Duration) (deploy.SwitchAnswer, error) {
	s.offsets, s.waits = append(s.offsets, offset), append(s.waits, wait)
	if len(s.awaits) == 0 {
		return s.fakeHost.Await(ctx, offset, wait)
	}
	a := s.awaits[0]
	if len(s.awaits) > 1 {
		s.awaits = s.awaits[1:]
	}
	if !a.Done && !a.Lost && !a.Gone && a.Claim == deploy.ClaimNone {
		time.Sleep(wait)
	}
	return a, s.did("await")
}

func (s *told) settle(verb string, wait time.Duration) (deploy.Settlement, error) {
	s.asked = append(s.asked, verb)
	got := s.settles[0]
	if len(s.settles) > 1 {
		s.settles = s.settles[1:]
	}
	if got.Result == deploy.ResultNone && got.Claim != deploy.ClaimNone {
		time.Sleep(wait)
	}
	return got, nil
}

func (s *told) Confirm(ctx context.Context, wait time.Duration) (deploy.Settlement, error) {
	if len(s.settles) == 0 {
		return s.fakeHost.Confirm(ctx, wait)
	}
	return s.settle("confirm", wait)
}

func (s *told) Back(ctx context.Context, wait time.Duration) (deploy.Settlement, error) {
	if len(s.settles) == 0 {
		return s.fakeHost.Back(ctx, wait)
	}
	return s.settle("back", wait)
}

// tell applies to the host in a bubble.
func tell(t *testing.T, s *told, check func(t *testing.T, out deploy.Outcome, took time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := s.driver()
		d.Attach = func(deploy.Conn, string) Machine { return s }
		defer d.Close()
		began := time.Now()
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		check(t, out, time.Since(began))
	})
}

// A long switch is followed slice by slice, each from where the last one ended.
func TestALongSwitchIsFollowedSliceBySlice(t *testing.T) {
	s := &told{fakeHost: newFakeHost(), awaits: []deploy.SwitchAnswer{
		{Offset: 10, Output: []string{"stopping the following units: nginx.service"}},
		{Offset: 30, Output: []string{"activating the configuration..."}},
		{Offset: 44, Done: true, Links: onNew, Output: []string{"starting the following units: nginx.service"}},
	}}
	tell(t, s, func(t *testing.T, out deploy.Outcome, took time.Duration) {
		wantState(t, out, deploy.StateConfirmed, "")
		if !slices.Equal(s.offsets, []int64{0, 10, 30}) || !slices.Equal(s.waits, []time.Duration{slice, slice, slice}) || took != 2*slice {
			t.Errorf("offsets %v, waits %v, took %v", s.offsets, s.waits, took)
		}
		var shown []string
		for _, e := range s.events {
			if e.Kind == deploy.EventOutput && e.Step == deploy.StepSwitch {
				shown = append(shown, e.Message)
			}
		}
		want := []string{"stopping the following units: nginx.service", "activating the configuration...", "starting the following units: nginx.service"}
		if !slices.Equal(shown, want) {
			t.Errorf("shown %q", shown)
		}
	})
}

// What an early slice printed still counts when the last one is judged.
func TestASnippetThatFailedInAnEarlySliceIsNotForgotten(t *testing.T) {
	s := &told{fakeHost: newFakeHost(), awaits: []deploy.SwitchAnswer{
		{Output: []string{"Activation script snippet 'users' failed (1)"}},
		{Done: true, Links: onNew, Output: []string{"starting units"}},
	}}
	tell(t, s, func(t *testing.T, out deploy.Outcome, _ time.Duration) {
		wantState(t, out, deploy.StateReturned, deploy.CodeSwitch)
		if !slices.Contains(out.Problem.Details, "says    Activation script snippet 'users' failed (1)") {
			t.Errorf("details %q", out.Problem.Details)
		}
	})
}

// A switch that does not end is left after the activation's own timeout.
func TestASwitchThatDoesNotEndIsLeftAfterItsTimeout(t *testing.T) {
	s := &told{fakeHost: newFakeHost(), awaits: []deploy.SwitchAnswer{{Output: []string{"waiting for the disk"}}}}
	tell(t, s, func(t *testing.T, out deploy.Outcome, took time.Duration) {
		wantState(t, out, deploy.StateReturned, deploy.CodeSwitch)
		if limit := webHost().ActivationTimeout; took < limit || took > limit+slice {
			t.Errorf("took %v", took)
		}
		if out.Problem.What != "the switch has not ended after 15m0s" || !slices.Contains(out.Problem.Details, "waiting for the disk") || len(out.Problem.Details) != 20 {
			t.Errorf("%+v", out.Problem)
		}
		if last := s.waits[len(s.waits)-1]; last > slice || last < time.Second {
			t.Errorf("the last wait was %v", last)
		}
		if s.count("send health") != 0 {
			t.Error("a host in its switch was judged")
		}
	})
}

func TestWhoeverDecidesEndsTheWaitForTheSwitch(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  deploy.SwitchAnswer
		settles []deploy.Settlement
		state   deploy.State
		code    deploy.Code
		asked   []string
	}{
		{"the guard has returned it", deploy.SwitchAnswer{Gone: true, Result: deploy.ResultReturned, Links: onOld}, nil, deploy.StateReturned, deploy.CodeLate, nil},
		{"the guard is at it", deploy.SwitchAnswer{Claim: deploy.ClaimReturn}, []deploy.Settlement{{Claim: deploy.ClaimReturn, Result: deploy.ResultReturned, Links: onOld}},
			deploy.StateReturned, deploy.CodeLate, []string{"back"}},
		{"somebody else confirmed it", deploy.SwitchAnswer{Gone: true, Result: deploy.ResultConfirmed, Links: onNew}, nil, deploy.StateConfirmed, "", nil},
		{"it was stranded", deploy.SwitchAnswer{Gone: true, Result: deploy.ResultStranded, Links: onNew}, nil, deploy.StateStranded, deploy.CodeLate, nil},
		{"its state was removed", deploy.SwitchAnswer{Gone: true, Links: onNew}, nil, deploy.StateStranded, deploy.CodeReturnFailed, nil},
		{"its state was removed, and it is back", deploy.SwitchAnswer{Gone: true, Links: onOld}, nil, deploy.StateReturned, deploy.CodeLate, nil},
		{"its unit is gone", deploy.SwitchAnswer{Lost: true, Links: onNew}, []deploy.Settlement{{Claim: deploy.ClaimReturn, Result: deploy.ResultReturned, Links: onOld}},
			deploy.StateReturned, deploy.CodeSwitch, []string{"back"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &told{fakeHost: newFakeHost(), awaits: []deploy.SwitchAnswer{c.answer}, settles: c.settles}
			tell(t, s, func(t *testing.T, out deploy.Outcome, _ time.Duration) {
				wantState(t, out, c.state, c.code)
				if !slices.Equal(s.asked, c.asked) {
					t.Errorf("asked %v, want %v", s.asked, c.asked)
				}
				for _, e := range s.events { // what was decided meanwhile is no switch that failed
					if e.Kind == deploy.EventStepFailed && c.state == deploy.StateConfirmed {
						t.Errorf("%s is told as failed: %v", e.Step, e.Problem)
					}
				}
			})
		})
	}
}

func TestSettlements(t *testing.T) {
	pending := deploy.Settlement{Claim: deploy.ClaimConfirm}
	for _, c := range []struct {
		name    string
		settles []deploy.Settlement
		state   deploy.State
		code    deploy.Code
		what    string
		asked   int
	}{
		{"at once", []deploy.Settlement{{Claim: deploy.ClaimConfirm, Result: deploy.ResultConfirmed, Links: onNew}}, deploy.StateConfirmed, "", "", 1},
		{"after two slices", []deploy.Settlement{pending, pending, {Claim: deploy.ClaimConfirm, Result: deploy.ResultConfirmed, Links: onNew}}, deploy.StateConfirmed, "", "", 3},
		{"the guard won", []deploy.Settlement{{Claim: deploy.ClaimReturn, Result: deploy.ResultReturned, Links: onOld}}, deploy.StateReturned, deploy.CodeLate, "the guard returned the host before it was confirmed", 1},
		{"the guard won and is at it", []deploy.Settlement{{Claim: deploy.ClaimReturn}, {Claim: deploy.ClaimReturn, Result: deploy.ResultReturned, Links: onOld}}, deploy.StateReturned, deploy.CodeLate, "the guard returned", 2},
		{"the boot entry could not be set", []deploy.Settlement{{Claim: deploy.ClaimConfirm, Result: deploy.ResultReturned, Links: onOld, Log: []string{"/boot is full"}}},
			deploy.StateReturned, deploy.CodeSwitch, "the host could not set the new system as what it boots", 1},
		{"the way back failed", []deploy.Settlement{{Claim: deploy.ClaimReturn, Result: deploy.ResultStranded, Links: onNew, Log: []string{"switch-to-configuration: no such file"}}},
			deploy.StateStranded, deploy.CodeReturnFailed, "the way back failed on the host", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &told{fakeHost: newFakeHost(), settles: c.settles}
			log := c.settles[len(c.settles)-1].Log
			tell(t, s, func(t *testing.T, out deploy.Outcome, took time.Duration) {
				wantState(t, out, c.state, c.code)
				if len(s.asked) != c.asked || took != time.Duration(c.asked-1)*slice {
					t.Errorf("asked %v, took %v", s.asked, took)
				}
				if p := out.Problem; p != nil && (!strings.HasPrefix(p.What, c.what) || !slices.Equal(p.Details[:len(log)], log)) {
					t.Errorf("%+v", p)
				}
			})
		})
	}
}

// A host that never decides is not waited for without end, and is not called
// what it is not known to be.
func TestAHostThatNeverDecidesIsStranded(t *testing.T) {
	s := &told{fakeHost: newFakeHost(), settles: []deploy.Settlement{{Claim: deploy.ClaimConfirm}}}
	s.settles[0].Links, s.settles[0].Log = onNew, []string{"confirmed " + newSystem}
	synctest.Test(t, func(t *testing.T) {
		d := s.driver()
		d.Attach = func(deploy.Conn, string) Machine { return bounded{s} }
		defer d.Close()
		began := time.Now()
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateStranded, deploy.CodeReturnFailed)
		if p := out.Problem; !strings.HasPrefix(p.What, "the host has not decided in time") || !slices.Equal(p.Details, s.settles[0].Log) {
			t.Errorf("%+v", p)
		}
		if took := time.Since(began); took < time.Minute || took > 3*time.Hour {
			t.Errorf("took %v", took)
		}
		if first, last := s.asked[0], s.asked[len(s.asked)-1]; first != "confirm" || last != "back" {
			t.Errorf("asked %s first and %s last", first, last)
		}
	})
}

// Checks may take longer than the switch and its guard together: what they cost
// is not taken from the time of the confirmation or of the way back.
func TestSlowChecksLeaveTimeToDecide(t *testing.T) {
	for _, c := range []struct {
		name   string
		health *deploy.Problem
		state  deploy.State
		code   deploy.Code
	}{
		{"confirmed", nil, deploy.StateConfirmed, ""},
		{"returned", &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}, deploy.StateReturned, deploy.CodeHealth},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &told{fakeHost: newFakeHost()}
			synctest.Test(t, func(t *testing.T) {
				d := s.driver()
				d.Attach = func(deploy.Conn, string) Machine { return bounded{s} }
				d.Health = func(context.Context, HealthRequest) *deploy.Problem {
					time.Sleep(2 * time.Hour)
					return c.health
				}
				defer d.Close()
				wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), c.state, c.code)
			})
		})
	}
}

// bounded ends its answers with the context, as a real connection does.
type bounded struct{ *told }

func (b bounded) Confirm(ctx context.Context, wait time.Duration) (deploy.Settlement, error) {
	if ctx.Err() != nil {
		return deploy.Settlement{}, errors.New("cut")
	}
	return b.told.Confirm(ctx, wait)
}

func (b bounded) Back(ctx context.Context, wait time.Duration) (deploy.Settlement, error) {
	if ctx.Err() != nil {
		return deploy.Settlement{}, errors.New("cut")
	}
	return b.told.Back(ctx, wait)
}

// The first answer was lost, the second came: it is armed once and goes on.
func TestAnArmingThatIsAskedTwiceGoesOn(t *testing.T) {
	f := newFakeHost()
	f.fails["arm"] = []error{lostConnection()}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateConfirmed, "")
		if f.count("send arm") != 2 || f.count("send start") != 1 {
			t.Errorf("trace %v", f.trace)
		}
	})
}

// While checks wait for something else, the guard sees a sign of life three
// times per window, and none any more once they have ended.
func TestTheGuardSeesSignsOfLifeDuringTheChecks(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		h := webHost()
		d.Health = func(context.Context, HealthRequest) *deploy.Problem {
			before := f.signs()
			time.Sleep(3*h.ConfirmTimeout + time.Second) // longer than the guard waits
			synctest.Wait()
			if n := f.signs() - before; n != 9 {
				t.Errorf("%d signs of life in three windows, want 9", n)
			}
			return nil
		}
		wantState(t, d.Apply(t.Context(), h, "prod", 1), deploy.StateConfirmed, "")
		n := f.signs()
		time.Sleep(10 * h.ConfirmTimeout)
		if f.signs() != n {
			t.Error("signs of life after the end")
		}
	})
}

func (f *fakeHost) signs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count("send contact")
}

// A sign of life that does not get through is not a decision.
func TestALostSignOfLifeEndsNoChecks(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Health = func(ctx context.Context, _ HealthRequest) *deploy.Problem {
			f.mu.Lock()
			f.fails["contact"] = []error{lostConnection()}
			f.mu.Unlock()
			select {
			case <-ctx.Done():
				t.Errorf("the checks were ended: %v", context.Cause(ctx))
			case <-time.After(50 * time.Second):
			}
			return nil
		}
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateConfirmed, "")
	})
}

// An unchanged host has no guard that would want to see anything, and what
// failed since it was confirmed counts against it.
func TestAnUnchangedHostIsJudgedByWhatItWasConfirmedWith(t *testing.T) {
	for _, c := range []struct {
		name     string
		recorded *deploy.Record
		want     []string
	}{
		{"confirmed with this flake", &deploy.Record{Attribute: "web-1", Toplevel: oldSystem, Failed: []string{"known.service"}}, []string{"known.service"}},
		{"never confirmed with it", nil, []string{"old.service"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost()
			f.observed.Recorded, f.observed.WantedValid = c.recorded, c.recorded != nil
			f.build.Toplevel = oldSystem
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				var got HealthRequest
				d.Health = func(_ context.Context, q HealthRequest) *deploy.Problem {
					got = q
					time.Sleep(time.Hour)
					return nil
				}
				wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateUnchanged, "")
				if !slices.Equal(got.Baseline, c.want) || got.Run != "" || got.Once {
					t.Errorf("asked %+v", got)
				}
				if f.count("send contact") != 0 {
					t.Errorf("%d signs of life for no guard", f.count("send contact"))
				}
			})
		})
	}
}

// Attempts to reach a host again are spaced out, up to five seconds.
func TestAttemptsToReachAHostAreSpacedOut(t *testing.T) {
	f := newFakeHost()
	var at []time.Duration
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		w := d.worker(webHost(), "prod", 1)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		err := w.reach(ctx, func(context.Context, Machine) error {
			at = append(at, time.Since(began))
			return lostConnection()
		})
		if !lost(err) || time.Since(began) != 30*time.Second {
			t.Errorf("ended after %v with %v", time.Since(began), err)
		}
	})
	want := []time.Duration{0, 500, 1500, 3500, 7500, 12500, 17500, 22500, 27500}
	for i := range want {
		want[i] *= time.Millisecond
	}
	if !slices.Equal(at, want) {
		t.Errorf("tried at %v", at)
	}
	if n := f.count("send dial"); n != len(want) {
		t.Errorf("%d connections for %d tries: a lost one was used again", n, len(want))
	}
}

// What is not the connection's fault is not tried again.
func TestARefusalIsNotTriedAgain(t *testing.T) {
	for _, code := range []deploy.Code{deploy.CodeElevate, deploy.CodeLocked, deploy.CodeHostKey, deploy.CodeSwitch} {
		f := newFakeHost()
		f.fails["start"] = []error{&deploy.Problem{Code: code, What: "no"}}
		run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
			wantState(t, out, deploy.StateReturned, code)
			if f.count("send start") != 1 {
				t.Errorf("%s: sent %d times", code, f.count("send start"))
			}
		})
	}
}

// A new connection that is refused for good (its key changed) is no reason to
// wait out the window.
func TestAFreshConnectionThatIsRefusedReturnsTheHostAtOnce(t *testing.T) {
	f := newFakeHost()
	f.onStart = func(f *fakeHost) {
		f.links = onNew
		f.fails["dial"] = []error{&deploy.Problem{Code: deploy.CodeHostKey, What: "the host key changed"}}
	}
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		began := time.Now()
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateReturned, deploy.CodeHostKey)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// A new connection that stands but does not carry an answer is closed again.
func TestAConnectionThatProvesNothingIsClosed(t *testing.T) {
	f := newFakeHost()
	f.fails["contact"] = []error{lostConnection(), lostConnection()}
	net := &counted{fakeHost: f}
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		d.Dialer = net
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateConfirmed, "")
		if net.opened != 4 || net.closed != 3 {
			t.Errorf("%d opened, %d closed", net.opened, net.closed)
		}
		d.Close()
		if net.opened != net.closed {
			t.Errorf("%d opened, %d closed", net.opened, net.closed)
		}
	})
}

// An interruption ends waits for a lost host at once, in whichever step.
func TestDetachEndsTheWaitForALostHost(t *testing.T) {
	for _, lostIn := range []string{"start", "await", "contact", "confirm", "back"} {
		t.Run(lostIn, func(t *testing.T) {
			f := newFakeHost()
			if lostIn == "back" { // the guard goes on with the way back by itself
				f.health = &deploy.Problem{Code: deploy.CodeHealth}
			}
			for range 1000 {
				f.fails[lostIn] = append(f.fails[lostIn], lostConnection())
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, detach := context.WithCancel(t.Context())
				d := f.driver()
				defer d.Close()
				d.Detach = ctx
				time.AfterFunc(10*time.Second, detach)
				began := time.Now()
				out := d.Apply(t.Context(), webHost(), "prod", 1)
				if out.State != deploy.StateInFlight || codeOf(out.Problem) != deploy.CodeInterrupted || out.Problem.Next != "nixdeploy resume" {
					t.Errorf("%+v, %+v", out, out.Problem)
				}
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("took %v", took)
				}
				if f.count("send unlock") != 0 {
					t.Error("the lock of an armed run was given back")
				}
			})
		})
	}
}

// Let go of on its way back from the soak, a host is one for resume, not yet for
// a person.
func TestAReturnThatIsLetGoOfIsInFlight(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		confirmed(t, f, d)
		ctx, detach := context.WithCancel(t.Context())
		d.Detach = ctx
		f.onStart = func(*fakeHost) { detach() }
		out := d.Return(t.Context(), webHost(), "prod", 1, &deploy.Problem{Code: deploy.CodeHealth})
		wantState(t, out, deploy.StateInFlight, deploy.CodeInterrupted)
	})
}

// Before it is armed a host is untouched, and says so when it is left.
func TestAHostThatIsLeftBeforeItIsArmedIsUntouched(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		ctx, detach := context.WithCancel(t.Context())
		detach()
		d := f.driver()
		defer d.Close()
		d.Detach = ctx
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateUntouched, deploy.CodeInterrupted)
		f.wantTrace(t, "state untouched")
	})
}

// A host's final state that cannot be written down is a failure of its own,
// for without it resume would settle the host again.
func TestAFinalStateThatIsNotDurableIsAProblem(t *testing.T) {
	f := newFakeHost()
	f.fails["journal host-state "] = []error{errors.New("no space left on device")}
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		if out.State != deploy.StateConfirmed || codeOf(out.Problem) != deploy.CodeJournal || !strings.Contains(out.Problem.Error(), "no space left") {
			t.Errorf("%+v", out)
		}
	})
}

// The way back, too, is announced first; when that is impossible nothing is
// claimed to have come of it.
func TestAReturnThatCannotBeAnnouncedStrandsTheHost(t *testing.T) {
	f := newFakeHost()
	f.health = &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
	f.fails["journal step-intent return"] = []error{errors.New("no space left on device")}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateStranded, deploy.CodeHealth)
		if f.count("send back") != 0 {
			t.Errorf("trace %v", f.trace)
		}
	})
}

// The connection's own user is told where the dialer knows it.
func TestTheSessionTellsWhoseLoginItHas(t *testing.T) {
	net := &counted{fakeHost: newFakeHost(), user: "deploy"}
	s := newSession(inventory.Host{Name: "web-1"})
	if got := s.user(); got != "" {
		t.Errorf("without a connection it is %q", got)
	}
	if _, err := s.conn(t.Context(), net); err != nil || s.user() != "deploy" {
		t.Errorf("it is %q, %v", s.user(), err)
	}
	s.close()
	if s.user() != "" {
		t.Error("a closed connection has a user")
	}
}

// A journal that takes nothing more is waited for, and not for ever: before an
// intent is written nothing is sent.
func TestAJournalThatStandsStillDoesNotHoldUpAHost(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Journal = still{}
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		if out.State != deploy.StateUntouched || codeOf(out.Problem) != deploy.CodeJournal || f.count("send arm") != 0 {
			t.Errorf("%+v after %v", out, f.trace)
		}
	})
}

// still is a journal that answers nobody.
type still struct{}

func (still) Append(ctx context.Context, _ deploy.Event) error {
	<-ctx.Done()
	return ctx.Err()
}
