package host

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestARollbackGoesToAKnownSystemGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{fakeHost: newFakeHost()}
		d := a.driver()
		defer d.Close()
		out := d.Goto(t.Context(), webHost(), "prod", 2, newSystem, "system-2-link")
		wantState(t, out, deploy.StateConfirmed, "")
		a.wantIntentsFirst(t)
		a.wantTrace(t, "send inspect, intent arm, send arm, intent switch, send start, send await, send contact, send health, "+
			"intent confirm, send confirm, state confirmed")
		if q := a.arms[0]; q.Goal != deploy.GoalSystem || q.Wanted != newSystem || q.WantedLink != "system-2-link" || q.Expect != onOld {
			t.Errorf("armed with %+v", q)
		}
		if last := a.events[len(a.events)-1]; last.Wave != 2 || last.Stage != "prod" || last.Run != "run-2" || last.Wanted != newSystem {
			t.Errorf("its last event is %+v", last)
		}
	})
}

// Who is there already stays there; a rollback writes no record of a flake.
func TestARollbackToWhatRunsIsNone(t *testing.T) {
	f := newFakeHost()
	f.observed.Recorded = &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: newSystem}
	f.observed.WantedValid = true
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		out := d.Goto(t.Context(), webHost(), "prod", 1, oldSystem, "system-1-link")
		wantState(t, out, deploy.StateUnchanged, "")
		f.wantTrace(t, "send inspect, send health, state unchanged")
	})
}

func TestARollbackThatIsUnhealthyGoesBackToWhereItCameFrom(t *testing.T) {
	f := newFakeHost()
	f.health = &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		out := d.Goto(t.Context(), webHost(), "prod", 1, newSystem, "system-2-link")
		wantState(t, out, deploy.StateReturned, deploy.CodeHealth)
		if out.Before != onOld || out.After != onOld {
			t.Errorf("%+v", out)
		}
	})
}

// confirmed brings a host to its confirmed state and makes it ready to go back.
func confirmed(t *testing.T, f *fakeHost, d *Driver) {
	t.Helper()
	wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateConfirmed, "")
	f.trace, f.events, f.started, f.claim, f.result = nil, nil, false, "", ""
	f.onStart = func(f *fakeHost) { f.links = onOld }
}

func TestReturnAfterTheSoak(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fakeHost)
		state  deploy.State
		code   deploy.Code
	}{
		{"exactly as it was", func(*fakeHost) {}, deploy.StateReturned, deploy.CodeHealth},
		{"it boots another next", func(f *fakeHost) {
			f.onStart = func(f *fakeHost) {
				f.links = linksOf("system-1-link", oldSystem, oldSystem, "")
			}
		}, deploy.StateReturned, deploy.CodeHealth},
		{"the generation is another", func(f *fakeHost) {
			f.onStart = func(f *fakeHost) { f.links = linksOf("system-3-link", oldSystem, oldSystem, oldSystem) }
		}, deploy.StateStranded, deploy.CodeReturnFailed},
		{"it did not switch", func(f *fakeHost) { f.onStart = func(*fakeHost) {} }, deploy.StateStranded, deploy.CodeSwitch},
		{"it cannot be armed", func(f *fakeHost) {
			f.fails["arm"] = []error{&deploy.Problem{Code: deploy.CodeForeignChange, What: "moved"}}
		}, deploy.StateStranded, deploy.CodeForeignChange},
		{"it is back already", func(f *fakeHost) { f.links = onOld }, deploy.StateReturned, deploy.CodeHealth},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost()
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				confirmed(t, f, d)
				c.change(f)
				cause := &deploy.Problem{Code: deploy.CodeHealth, Step: deploy.StepSoak, What: "failed in the soak"}
				out := d.Return(t.Context(), webHost(), "prod", 1, cause)
				wantState(t, out, c.state, c.code)
				if out.Before != onOld {
					t.Errorf("before %+v", out.Before)
				}
				if c.state == deploy.StateStranded && !strings.HasPrefix(out.Problem.Next, "nixdeploy resume") {
					t.Errorf("next %q", out.Problem.Next)
				}
				if f.count("send health") != 0 {
					t.Error("the checks of the system it leaves were asked of the one it returns to")
				}
				if last := f.events[len(f.events)-1]; last.Kind != deploy.EventHostState || last.State != c.state {
					t.Errorf("last event %+v", last)
				}
			})
		})
	}
}

// A soak judges against what was broken before this run, over the connection
// that stands, once.
func TestCheckJudgesAgainstTheBaselineOfTheRun(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		confirmed(t, f, d)
		var got HealthRequest
		d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem {
			got = q
			_, err := q.Conn.Run(ctx, deploy.Command{}, nil, nil)
			if err != nil {
				t.Error(err)
			}
			return f.health
		}
		if p := d.Check(t.Context(), webHost()); p != nil {
			t.Errorf("%+v", p)
		}
		if !got.Once || got.Run != "" || !slices.Equal(got.Baseline, []string{"old.service"}) || got.Host.Name != "web-1" {
			t.Errorf("asked %+v", got)
		}
		f.health = &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
		if p := d.Check(t.Context(), webHost()); codeOf(p) != deploy.CodeHealth || p.Host != "web-1" || p.Step != deploy.StepSoak {
			t.Errorf("%+v", p)
		}
		if f.count("send dial") != 0 {
			t.Errorf("%d new connections", f.count("send dial"))
		}
	})
}

// The lease of a dead run of ours would shut this one out until it expires.
func TestTheLeaseOfADeadRunOfOursIsGivenBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		lease *deploy.Lease
		want  []string // who gave back
	}{
		{"none", nil, nil},
		{"of a dead run of ours", &deploy.Lease{Run: "run-1"}, []string{"run-1", "run-1", "run-1"}},
		{"our own", &deploy.Lease{Run: "run-2"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost()
			f.observed.Lease = c.lease
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				d.Terms.Ours = func(run string) bool { return run == "run-1" || run == "run-2" }
				var gave []string
				d.Attach = func(_ deploy.Conn, run string) Machine { return unlocking{f, run, &gave} }
				wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateConfirmed, "")
				if !slices.Equal(gave, c.want) {
					t.Errorf("given back %v, want %v", gave, c.want)
				}
			})
		})
	}
}

type unlocking struct {
	*fakeHost
	run  string
	gave *[]string
}

func (u unlocking) Unlock(ctx context.Context) error {
	*u.gave = append(*u.gave, u.run)
	return u.fakeHost.Unlock(ctx)
}

func TestALeaseThatCannotBeGivenBackLeavesTheHostUntouched(t *testing.T) {
	f := newFakeHost()
	f.observed.Lease = &deploy.Lease{Run: "run-1"}
	f.fails["unlock"] = []error{lostConnection()}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateUntouched, deploy.CodeUnreachable)
		if f.count("send upload")+f.count("send build")+f.count("send arm") != 0 {
			t.Errorf("trace %v", f.trace)
		}
	})
}

// A dead run of ours with another flake is settled, and then the run at hand
// begins on what it left.
func TestAfterADeadRunOfAnotherFlakeTheRunStartsOver(t *testing.T) {
	f := newFakeHost()
	f.armed, f.started, f.links = true, true, onNew
	f.deadline, f.window = time.Now().Add(100*365*24*time.Hour), time.Minute
	f.observed.Active = &deploy.ActiveRun{Run: "run-1", FlakeHash: "d0", Attribute: "web-1", Mode: "switch", Wanted: newSystem, Record: onOld}
	third := "/nix/store/ccc-nixos-system-web-3"
	f.build.Toplevel = third
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Attach = func(_ deploy.Conn, run string) Machine { return afterwards{f, run} }
		f.onStart = func(f *fakeHost) { f.links = linksOf("system-3-link", third, third, third) }
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateConfirmed, "")
		if out.After.Running != third || out.Before != onNew {
			t.Errorf("before %+v, after %+v", out.Before, out.After)
		}
		f.wantTrace(t, "send inspect, intent switch, send await, send contact, send health, intent confirm, send confirm, "+
			"send inspect, send upload, send build, intent arm, send arm, intent switch, send start, send await, send contact, send health, "+
			"intent confirm, send confirm, state confirmed")
	})
}

// A rollback does not take the confirmation of what a dead run brought for its
// own: it goes where it was told to.
func TestAfterADeadRunARollbackGoesWhereItWasToldTo(t *testing.T) {
	for name, c := range map[string]struct {
		health *deploy.Problem
		goal   string
		starts int
	}{
		"the dead run's is confirmed":         {nil, "/nix/store/ccc-nixos-system-web-3", 1},
		"the dead run's is unhealthy":         {&deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}, "/nix/store/ccc-nixos-system-web-3", 1},
		"the dead run was after the same one": {nil, newSystem, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			f.armed, f.started, f.links, f.health = true, true, onNew, c.health
			f.deadline, f.window = time.Now().Add(100*365*24*time.Hour), time.Minute
			f.observed.Active = &deploy.ActiveRun{Run: "run-1", FlakeHash: "d0", Attribute: "web-1", Mode: "switch", Wanted: newSystem, Record: onOld}
			f.onStart = func(f *fakeHost) { f.links, f.health = linksOf("system-3-link", c.goal, c.goal, c.goal), nil }
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				d.Attach = func(_ deploy.Conn, run string) Machine { return afterwards{f, run} }
				out := d.Goto(t.Context(), webHost(), "prod", 1, c.goal, "system-3-link")
				wantState(t, out, deploy.StateConfirmed, "")
				if out.After.Running != c.goal || f.count("send start") != c.starts {
					t.Errorf("after %+v, %v", out.After, f.trace)
				}
			})
		})
	}
}

// afterwards is a host that forgets a settled run once another one asks.
type afterwards struct {
	*fakeHost
	run string
}

func (a afterwards) Inspect(ctx context.Context, digest string) (deploy.Observation, error) {
	if a.result != deploy.ResultNone {
		a.observed.Active, a.started, a.claim, a.result = nil, false, "", ""
	}
	return a.fakeHost.Inspect(ctx, digest)
}

func TestWhichEndOfADeadRunAnswersForTheRunAtHand(t *testing.T) {
	f := newFakeHost()
	for _, c := range []struct {
		name string
		same bool
		out  deploy.Outcome
		want bool
	}{
		{"the same was confirmed", true, deploy.Outcome{State: deploy.StateConfirmed}, false},
		{"another was", false, deploy.Outcome{State: deploy.StateConfirmed}, true},
		{"its guard had returned it", true, deploy.Outcome{State: deploy.StateReturned, Problem: late()}, true},
		{"it was returned for its health", true, deploy.Outcome{State: deploy.StateReturned, Problem: &deploy.Problem{Code: deploy.CodeHealth}}, false},
		{"or for what could not be checked", true, deploy.Outcome{State: deploy.StateReturned, Problem: &deploy.Problem{Code: deploy.CodeInconclusive}}, false},
		{"another was, for its health", false, deploy.Outcome{State: deploy.StateReturned, Problem: &deploy.Problem{Code: deploy.CodeHealth}}, true},
		{"it is stranded", false, deploy.Outcome{State: deploy.StateStranded}, false},
		{"it is left to its guard", false, deploy.Outcome{State: deploy.StateInFlight}, false},
	} {
		w := &worker{d: f.driver(), h: webHost()}
		w.p.Observed.Active = &deploy.ActiveRun{}
		if got := w.startOver(c.out, func(*deploy.ActiveRun) bool { return c.same }); got != c.want {
			t.Errorf("%s: starts over %v, want %v", c.name, got, c.want)
		}
	}
	w := &worker{d: f.driver(), h: webHost()}
	for want, all := range map[bool][]deploy.ActiveRun{
		true:  {{FlakeHash: "d1", Attribute: "web-1"}},
		false: {{FlakeHash: "d0", Attribute: "web-1"}, {FlakeHash: "d1", Attribute: "web"}, {FlakeHash: "d1", Attribute: "web-1", Goal: deploy.GoalSystem}},
	} {
		for _, a := range all {
			if w.sameFlake(&a) != want {
				t.Errorf("%+v: the same %v, want %v", a, !want, want)
			}
		}
	}
}
