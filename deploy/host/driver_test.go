package host

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// run applies to one fake host in a bubble, so that waits take no time.
func run(t *testing.T, f *fakeHost, check func(t *testing.T, d *Driver, out deploy.Outcome)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		f.wantIntentsFirst(t)
		if n := f.count("send start"); n > 1 && !f.started {
			t.Errorf("the switch was sent %d times", n)
		}
		check(t, d, out)
	})
}

func wantState(t *testing.T, out deploy.Outcome, state deploy.State, code deploy.Code) {
	t.Helper()
	if out.State != state || codeOf(out.Problem) != code {
		t.Errorf("ended %s with %q (%v), want %s with %q", out.State, codeOf(out.Problem), out.Problem, state, code)
	}
	if out.Problem != nil && (out.Problem.State == "" || out.Problem.Next == "" || out.Problem.Host != "web-1") {
		t.Errorf("the problem does not say host, state and what to do: %+v", out.Problem)
	}
}

func TestApplyConfirms(t *testing.T) {
	f := newFakeHost()
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateConfirmed, "")
		f.wantTrace(t, "send inspect, send upload, send build, intent arm, send arm, intent switch, send start, send await, "+
			"send contact, send health, intent confirm, send confirm, state confirmed")
		if out.Before != onOld || out.After != onNew {
			t.Errorf("before %+v, after %+v", out.Before, out.After)
		}
		if f.count("send dial") != 2 {
			t.Errorf("%d connections, want one and a fresh one", f.count("send dial"))
		}
	})
}

func TestApplyLeavesAnUnchangedHostAlone(t *testing.T) {
	f := newFakeHost()
	f.observed.Recorded = &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: oldSystem}
	f.observed.WantedValid = true
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateUnchanged, "")
		f.wantTrace(t, "send inspect, send health, state unchanged")
	})
}

func TestApplyRecordsANewFlakeOfTheSameSystem(t *testing.T) {
	f := newFakeHost()
	f.build.Toplevel = oldSystem
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateUnchanged, "")
		f.wantTrace(t, "send inspect, send upload, send build, send health, intent record, send record, state unchanged")
	})
}

func TestUnhealthyUnchangedHostIsNotUndone(t *testing.T) {
	f := newFakeHost()
	f.build.Toplevel = oldSystem
	f.health = &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateUnchanged, deploy.CodeHealth)
		if out.Changed || f.count("send back") != 0 || f.count("send arm") != 0 {
			t.Errorf("something was undone: %v", f.trace)
		}
	})
}

func TestFailuresBeforeArmLeaveTheHostUntouched(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fakeHost)
		code   deploy.Code
	}{
		"unreachable":     {func(f *fakeHost) { f.fails["dial"] = []error{lostConnection()} }, deploy.CodeUnreachable},
		"does not upload": {func(f *fakeHost) { f.fails["upload"] = []error{lostConnection()} }, deploy.CodeUnreachable},
		"locked":          {func(f *fakeHost) { f.fails["upload"] = []error{deploy.Locked("r", "anna@ci", 0, 9, true)} }, deploy.CodeLocked},
		"no evaluation": {func(f *fakeHost) {
			f.build = deploy.BuildAnswer{DryBuildCode: 1, Output: []string{"error: does not provide attribute"}}
		}, deploy.CodeEvaluation},
		"no build":        {func(f *fakeHost) { f.build = deploy.BuildAnswer{BuildCode: 1} }, deploy.CodeBuild},
		"not switchable":  {func(f *fakeHost) { f.build.Unswitchable = true }, deploy.CodeUnsupported},
		"guard not armed": {func(f *fakeHost) { f.fails["arm"] = []error{&deploy.Problem{Code: deploy.CodeGuard, What: "no"}} }, deploy.CodeGuard},
		"journal is full": {func(f *fakeHost) { f.fails["journal step-intent arm"] = []error{errors.New("no space left")} }, deploy.CodeJournal},
		"wrong machine":   {func(f *fakeHost) { f.observed.Marker.Host = "db-1" }, deploy.CodeIdentity},
		"not seen, no OK": {func(f *fakeHost) { f.observed.Marker = nil }, deploy.CodeUnadopted},
		"foreign switch": {func(f *fakeHost) {
			f.observed.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignUpgrade, What: "nixos-upgrade.service"}}
		}, deploy.CodeLocked},
		"another run's up": {func(f *fakeHost) { f.observed.Active = &deploy.ActiveRun{Run: "theirs", DecidesIn: 40} }, deploy.CodeLocked},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			c.change(f)
			run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
				wantState(t, out, deploy.StateUntouched, c.code)
				if f.started || f.links != onOld || out.Changed {
					t.Errorf("the host was touched: %v", f.trace)
				}
			})
		})
	}
}

func TestALockThatWasTakenIsGivenBack(t *testing.T) {
	f := newFakeHost()
	f.build = deploy.BuildAnswer{BuildCode: 1}
	run(t, f, func(t *testing.T, _ *Driver, _ deploy.Outcome) {
		if f.count("send unlock") != 1 {
			t.Errorf("the lock was not given back: %v", f.trace)
		}
	})
}

func TestFailedHealthReturnsTheHost(t *testing.T) {
	f := newFakeHost()
	f.health = &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateReturned, deploy.CodeHealth)
		if out.After != onOld || f.count("send confirm") != 0 {
			t.Errorf("not back on the record: %+v, %v", out.After, f.trace)
		}
	})
}

func TestASwitchThatMissesReturnsTheHost(t *testing.T) {
	f := newFakeHost()
	f.onStart = func(f *fakeHost) { f.links = linksOf("system-2-link", newSystem, oldSystem, oldSystem) }
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateReturned, deploy.CodeSwitch)
		if f.count("send health") != 0 || f.links != onOld {
			t.Errorf("trace %v, links %+v", f.trace, f.links)
		}
	})
}

func TestConnectionLostAfterTheSwitchWasSent(t *testing.T) {
	f := newFakeHost()
	f.fails["await"] = []error{lostConnection(), lostConnection()}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateConfirmed, "")
		if f.count("send start") != 1 {
			t.Errorf("the switch was sent %d times", f.count("send start"))
		}
	})
}

func TestConnectionLostWhileTheSwitchIsSent(t *testing.T) {
	f := newFakeHost()
	f.fails["start"] = []error{lostConnection()}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) { wantState(t, out, deploy.StateConfirmed, "") })
}

func TestConnectionLostInTheConfirmationIsAskedAgain(t *testing.T) {
	f := newFakeHost()
	f.fails["confirm"] = []error{lostConnection()}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) { wantState(t, out, deploy.StateConfirmed, "") })
}

// The switch cuts the network: only the guard can act. nixdeploy must find out
// what it did, and must not confirm late.
func TestTheGuardReturnsAHostThatCannotBeReached(t *testing.T) {
	f := newFakeHost()
	f.onStart = func(f *fakeHost) {
		f.links, f.cutUntil = onNew, time.Now().Add(3*time.Minute) // its own return mends it
		f.fails["await"] = []error{lostConnection()}
	}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateReturned, deploy.CodeLate)
		if out.After != onOld {
			t.Errorf("after %+v", out.After)
		}
	})
}

func TestAHostThatNeverAnswersAgainIsStranded(t *testing.T) {
	f := newFakeHost()
	f.onStart = func(f *fakeHost) {
		f.links, f.cutUntil = onNew, time.Now().Add(24*time.Hour)
		f.fails["await"] = []error{lostConnection()}
	}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		if out.State != deploy.StateStranded || out.Problem == nil || out.Problem.Next == "" {
			t.Errorf("ended %+v", out)
		}
	})
}

// An old connection that lives proves nothing.
func TestNoFreshConnectionMeansReturn(t *testing.T) {
	f := newFakeHost()
	f.onStart = func(f *fakeHost) { f.links, f.cutUntil = onNew, time.Now().Add(24*time.Hour) }
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateReturned, deploy.CodeReachable)
	})
}

func TestALateConfirmationIsNoConfirmation(t *testing.T) {
	f := newFakeHost()
	f.fails["contact"] = []error{lostConnection(), lostConnection(), lostConnection(), lostConnection(), lostConnection()}
	d := f.driver()
	slow := d.Health
	synctest.Test(t, func(t *testing.T) {
		d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem {
			f.mu.Lock()
			f.deadline = time.Now() // the guard's time is over while the checks pass
			f.mu.Unlock()
			return slow(ctx, q)
		}
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateReturned, deploy.CodeLate)
		d.Close()
	})
}

func TestADeadRunOfOursIsSettledAndConfirmed(t *testing.T) {
	f := newFakeHost()
	f.armed, f.started, f.links = true, true, onNew
	f.deadline, f.window = time.Now().Add(100*365*24*time.Hour), time.Minute
	f.observed.Active = &deploy.ActiveRun{Run: "run-1", FlakeHash: "d1", Attribute: "web-1", Mode: "switch", Wanted: newSystem, Record: onOld}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateConfirmed, "")
		if f.count("send start") != 0 || f.count("send arm") != 0 {
			t.Errorf("a settled host was switched again: %v", f.trace)
		}
	})
}

func TestASecondInterruptionLeavesTheHostToItsGuard(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		ctx, detach := context.WithCancel(t.Context())
		f.onStart = func(f *fakeHost) { f.links = onNew; detach() }
		d := f.driver()
		defer d.Close()
		d.Detach = ctx
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		if out.State != deploy.StateInFlight || codeOf(out.Problem) != deploy.CodeInterrupted || f.count("send confirm") != 0 {
			t.Errorf("ended %+v", out)
		}
	})
}

func TestReturnOfAConfirmedHostIsGuarded(t *testing.T) {
	f := newFakeHost()
	run(t, f, func(t *testing.T, d *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateConfirmed, "")
		f.trace, f.started, f.claim, f.result = nil, false, "", ""
		f.onStart = func(f *fakeHost) { f.links = onOld }
		cause := &deploy.Problem{Code: deploy.CodeHealth, What: "failed in the soak"}
		back := d.Return(t.Context(), webHost(), "prod", 1, cause)
		wantState(t, back, deploy.StateReturned, deploy.CodeHealth)
		f.wantIntentsFirst(t)
		if f.count("send arm") != 1 || f.count("send confirm") != 1 || f.count("send build") != 0 || f.links != onOld {
			t.Errorf("trace %v, links %+v", f.trace, f.links)
		}
	})
}

// The host decides while a check still waits: the wait ends, and nothing is
// confirmed.
func TestADecisionOfTheHostEndsTheChecks(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem {
			f.mu.Lock()
			f.deadline = time.Now()
			f.mu.Unlock()
			<-ctx.Done() // a check that would wait for ever
			return &deploy.Problem{Code: deploy.CodeInconclusive, What: "cut short"}
		}
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateReturned, deploy.CodeLate)
	})
}

// A link that is lost in the checks costs a try, not the verdict.
func TestChecksGoOnOverANewConnection(t *testing.T) {
	f := newFakeHost()
	f.fails["run"] = []error{lostConnection()}
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem {
			for range 2 {
				if _, err := q.Conn.Run(ctx, deploy.Command{}, nil, nil); err == nil {
					return nil
				}
			}
			return &deploy.Problem{Code: deploy.CodeInconclusive, What: "no try got through"}
		}
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateConfirmed, "")
		if n := f.count("send dial"); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
	})
}

// What was evaluated elsewhere is what the host must come to.
func TestAnExpectedToplevelIsHeldTo(t *testing.T) {
	for name, c := range map[string]struct {
		expected, built string
		state           deploy.State
		code            deploy.Code
		builds          int
	}{
		"the same":          {newSystem, newSystem, deploy.StateConfirmed, "", 1},
		"another one":       {newSystem, newSystem + "-other", deploy.StateUntouched, deploy.CodePlanMismatch, 1},
		"it runs it by now": {oldSystem, "", deploy.StateUnchanged, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			f.build.Toplevel = c.built
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				d.Expect = func(context.Context, inventory.Host) (string, error) { return c.expected, nil }
				out := d.Apply(t.Context(), webHost(), "prod", 1)
				wantState(t, out, c.state, c.code)
				if n := f.count("send build"); n != c.builds {
					t.Errorf("%d builds on the host, want %d", n, c.builds)
				}
			})
		})
	}
}

// The host may have decided while nobody was there: resume takes that over, and
// so it ends.
func TestResumeTakesOverWhatTheHostDecided(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*fakeHost)
		state   deploy.State
		code    deploy.Code
	}{
		"the guard returned it": {func(f *fakeHost) { f.result = deploy.ResultReturned }, deploy.StateReturned, deploy.CodeLate},
		"it was confirmed":      {func(f *fakeHost) { f.result, f.links = deploy.ResultConfirmed, onNew }, deploy.StateConfirmed, ""},
		"it was never armed":    {func(*fakeHost) {}, deploy.StateUntouched, ""},
		"somebody else is there": {func(f *fakeHost) {
			f.result, f.observed.Active = deploy.ResultReturned, &deploy.ActiveRun{Run: "theirs"}
		}, deploy.StateReturned, deploy.CodeLate},
		"it cannot be reached": {func(f *fakeHost) { f.cutUntil = time.Now().Add(100 * 365 * 24 * time.Hour) }, deploy.StateStranded, deploy.CodeUnreachable},
		"it is still armed, and well": {func(f *fakeHost) {
			f.armed, f.started, f.links, f.window = true, true, onNew, time.Minute
			f.deadline = time.Now().Add(100 * 365 * 24 * time.Hour)
			f.observed.Active = &deploy.ActiveRun{Run: "run-1", Mode: "switch", Wanted: newSystem, Record: onOld}
		}, deploy.StateConfirmed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			c.prepare(f)
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				out := d.Resume(t.Context(), webHost(), "prod", deploy.HostReport{Changed: true})
				wantState(t, out, c.state, c.code)
				if f.count("send start") != 0 {
					t.Errorf("resume switched: %v", f.trace)
				}
			})
		})
	}
}
