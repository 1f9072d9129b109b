package rollout_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func exits(t *testing.T, r rollout.Result, err error, want int) {
	t.Helper()
	if r.Exit() != want {
		t.Errorf("exit %d, want %d: %s: %v", r.Exit(), want, states(r), err)
	}
}

func TestAllGood(t *testing.T) {
	s := prepare(newFleet(map[string]act{"p2": {unchanged: true}, "p3": {takes: time.Minute}}), canary, "dev: d1", "prod: p1 p2 p3")
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	expect(t, "told", s.told(), "stage-started dev, wave-started 1, d1=confirmed, stage-finished dev, "+
		"stage-started prod, wave-started 1, p1=confirmed, wave-started 2, p2=unchanged, p3=confirmed, stage-finished prod")
	expect(t, "summary", res.Stages[1].Message, "2 confirmed, 1 unchanged")
	if p := s.events[4].Plan; p == nil || len(p.Waves) != 2 || !p.Gate.Open || p.Gate.Before[0].Proven[0] != "d1" {
		t.Errorf("stage-started of prod carries %+v", p)
	}
	if h := res.Hosts[1]; h.Wave != 1 || h.Stage != "prod" || !h.Changed || !h.Contacted || h.Before == nil || h.Wanted == "" {
		t.Errorf("report of p1: %+v", h)
	}
	released := strings.Fields(s.did("release"))
	if len(released) != 4 {
		t.Errorf("released %v, want each host once", released)
	}
}

func TestLaterStagesAreNotContactedBeforeTheGateOpens(t *testing.T) {
	s := prepare(newFleet(map[string]act{"c1": {state: deploy.StateReturned}}), nil, "container: c1", "dev: d1", "prod: p1")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "c1=returned d1=skipped p1=skipped")
	expect(t, "calls", strings.Join(s.calls, ", "), "inspect c1, apply c1, release c1")
	if p := s.problem(res, "p1"); p.Code != deploy.CodeGate || p.Host != "p1" || !strings.Contains(strings.Join(p.Details, "\n"), "c1 (container): failed in this run: returned") {
		t.Errorf("p1 is skipped because of %+v", p)
	}
	if err == nil || !strings.Contains(err.Error(), "c1: a check failed") || !strings.Contains(err.Error(), "p1: stage prod stays closed") {
		t.Errorf("error: %v", err)
	}
}

func TestAFailureWithinTheBudgetStillClosesTheNextStage(t *testing.T) {
	tune := func(s *inventory.Stage) { s.MaxFailures = inventory.Share{Count: 1} }
	s := prepare(newFleet(map[string]act{"d1": {state: deploy.StateReturned}}), tune, "dev: d1 d2 d3", "prod: p1")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "d1=returned d2=confirmed d3=confirmed p1=skipped")
}

func TestGateOfAStageAlone(t *testing.T) {
	t.Run("proven", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"d1": {recorded: true}, "d2": {recorded: true}}), nil, "dev: d1 d2", "prod: p1").only("p1")
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
		expect(t, "states", states(res), "p1=confirmed")
	})
	t.Run("closed", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"d1": {recorded: true}, "d2": {problem: down()}}), nil, "dev: d1 d2", "prod: p1").only("p1")
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		expect(t, "inspected", s.did("inspect"), "")
		p := s.problem(res, "p1")
		text := strings.Join(p.Details, "\n") + p.Next
		if p.Code != deploy.CodeGate || !strings.Contains(text, "d2 (dev): unreachable") || strings.Contains(text, "d1 (") || !strings.Contains(text, "--override-gate") {
			t.Errorf("problem: %+v", p)
		}
		if len(strings.Fields(s.did("release"))) != 2 {
			t.Errorf("what was read for the gate is still held: %v", s.calls)
		}
	})
	t.Run("a selection of an earlier stage proves only itself", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "dev: d1 d2", "prod: p1").only("p1", "d1")
		res, err := s.run(t, nil)
		exits(t, res, err, 5)
		expect(t, "states", states(res), "d1=confirmed p1=skipped")
		expect(t, "read", s.did("read"), "d2")
	})
	t.Run("confirmed, but its soak was broken off", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"d1": {recorded: true}}), nil, "dev: d1", "prod: p1").only("p1")
		s.in.Owed = map[string]time.Duration{"d1": 90 * time.Second}
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		if p := s.problem(res, "p1"); !strings.Contains(strings.Join(p.Details, "\n"), "d1 (dev): not soaked: its soak was broken off, 1m30s are left") {
			t.Errorf("problem: %+v", p)
		}
	})
	t.Run("overridden", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "dev: d1", "prod: p1").only("p1")
		pl := s.in.Planner
		s.in.Planner = overriding{pl}
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
		if g := s.events[0].Plan.Gate; g.Override != "a reason" {
			t.Errorf("the override is not on record: %+v", g)
		}
	})
	t.Run("ungated: a rollback reads nobody else", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "dev: d1", "prod: p1").only("p1")
		s.in.Ungated = true
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
		expect(t, "read", s.did("read"), "")
	})
	t.Run("ungated: nothing leads back to the release", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"d1": {state: deploy.StateUntouched}}), func(s *inventory.Stage) { s.Parallel = 1 }, "dev: d1 d2")
		s.in.Ungated = true
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		if p := s.problem(res, "d2"); p.Code != deploy.CodeBudget || p.Next != "run the same command again" {
			t.Errorf("problem: %+v", p)
		}
	})
	t.Run("ungated: what fails in this run stops it", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"d1": {state: deploy.StateUntouched}}), nil, "dev: d1", "prod: p1")
		s.in.Ungated = true
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		expect(t, "states", states(res), "d1=untouched p1=skipped")
	})
}

// The settings of a stage close it before anybody is contacted, unless overridden.
func TestFrozenStage(t *testing.T) {
	frozen := func(s *inventory.Stage) {
		if s.Name == "prod" {
			s.Frozen = "the shop's sale is on"
		}
	}
	s := prepare(newFleet(nil), frozen, "dev: d1", "prod: p1").only("p1")
	res, err := s.run(t, nil)
	exits(t, res, err, 4)
	expect(t, "calls", strings.Join(s.calls, ", "), "")
	p := s.problem(res, "p1")
	if p.Code != deploy.CodeGate || p.What != "stage prod is frozen: the shop's sale is on" || !strings.Contains(strings.Join(p.Details, "\n"), "--override-gate") {
		t.Errorf("problem: %+v", p)
	}

	s = prepare(newFleet(map[string]act{"d1": {recorded: true}}), frozen, "dev: d1", "prod: p1").only("p1")
	s.in.Planner = plan.Planner{Inventory: s.inv, Flake: flakeHash, Override: "hotfix"}
	res, err = s.run(t, nil)
	exits(t, res, err, 0)

	s = prepare(newFleet(nil), frozen, "dev: d1", "prod: p1").only("p1")
	s.in.Ungated = true
	res, err = s.run(t, nil)
	exits(t, res, err, 0)
}

// Each runs in a bubble, whose clock begins on Saturday, 2000-01-01 00:00 UTC.
func TestWindows(t *testing.T) {
	within := func(text string) func(*inventory.Stage) {
		return func(s *inventory.Stage) {
			w, err := inventory.ParseWindow(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Windows, s.Parallel = []inventory.Window{w}, 1
			s.Batches = []inventory.Share{{Count: 2}, {Count: 100, Percent: true}}
		}
	}
	t.Run("outside", func(t *testing.T) {
		s := prepare(newFleet(nil), within("Mon 09:00-16:00 Europe/Amsterdam"), "dev: a b c")
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		expect(t, "calls", strings.Join(s.calls, ", "), "")
		if p := s.problem(res, "a"); p.What != "stage dev is closed now, outside of its windows: it opens Mon 2000-01-03 09:00 CET" || p.Next != "nixdeploy apply --stage dev" {
			t.Errorf("problem: %+v", p)
		}
	})
	// The second of the first wave begins after the end, since that wave began.
	t.Run("no further wave begins after its end", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"a": {takes: 2 * time.Minute}}), within("Sat 00:00-00:01 UTC"), "dev: a b c")
		res, err := s.run(t, nil)
		exits(t, res, err, 5)
		expect(t, "states", states(res), "a=confirmed b=confirmed c=skipped")
		if p := s.problem(res, "c"); p.Code != deploy.CodeGate || p.What != "not begun: stage dev came to be closed, outside of its windows: it opens Sat 2000-01-08 00:00 UTC" {
			t.Errorf("problem: %+v", p)
		}
	})
	t.Run("it ends while the plan is asked about", func(t *testing.T) {
		s := prepare(newFleet(nil), within("Sat 00:00-00:01 UTC"), "dev: a b c")
		s.in.Approve = func(context.Context, deploy.Plan) error { time.Sleep(time.Minute); return nil }
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		expect(t, "states", states(res), "a=skipped b=skipped c=skipped")
	})
	t.Run("overridden", func(t *testing.T) {
		s := prepare(newFleet(nil), within("Mon 09:00-16:00 UTC"), "dev: a b c")
		s.in.Planner = plan.Planner{Inventory: s.inv, Flake: flakeHash, Override: "hotfix"}
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
	})
	t.Run("overridden before it ended", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"a": {takes: 2 * time.Minute}}), within("Sat 00:00-00:01 UTC"), "dev: a b c")
		s.in.Planner = plan.Planner{Inventory: s.inv, Flake: flakeHash, Override: "hotfix"}
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
	})
	t.Run("a rollback goes by no window", func(t *testing.T) {
		s := prepare(newFleet(nil), within("Mon 09:00-16:00 UTC"), "dev: a b c")
		s.in.Ungated = true
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
	})
}

func TestAShareOfAStageOpensTheNext(t *testing.T) {
	half := func(s *inventory.Stage) { s.Gate = inventory.Share{Count: 50, Percent: true} }
	s := prepare(newFleet(map[string]act{"d1": {recorded: true}, "d2": {problem: down()}}), half, "dev: d1 d2", "prod: p1").only("p1")
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	// One that is away says nothing of the flake, in this run either; one that fails does.
	spare := func(s *inventory.Stage) { half(s); s.MaxFailures = inventory.Share{Count: 1} }
	s = prepare(newFleet(map[string]act{"d2": {problem: down()}}), spare, "dev: d1 d2", "prod: p1")
	res, err = s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "d1=confirmed d2=untouched p1=confirmed")
	// A rollback stops at every host that did not go back.
	s = prepare(newFleet(map[string]act{"d2": {problem: down()}}), spare, "dev: d1 d2", "prod: p1")
	s.in.Ungated = true
	res, err = s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "d1=confirmed d2=untouched p1=skipped")
	s = prepare(newFleet(map[string]act{"d2": {state: deploy.StateReturned}}), spare, "dev: d1 d2", "prod: p1")
	res, err = s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "d1=confirmed d2=returned p1=skipped")
	s = prepare(newFleet(map[string]act{"d1": {recorded: true}, "d2": {problem: down()}, "d3": {problem: down()}}), half, "dev: d1 d2 d3", "prod: p1").only("p1")
	res, err = s.run(t, nil)
	exits(t, res, err, 4)
	if p := s.problem(res, "p1"); !strings.Contains(strings.Join(p.Details, "\n"), "stage dev: confirmed on 1 of 3 hosts, its gate asks for 2") {
		t.Errorf("problem: %+v", p)
	}
}

type overriding struct{ rollout.Planner }

func (o overriding) Gate(stage string, now time.Time, done map[string]deploy.Outcome, seen map[string]deploy.HostPlan) deploy.Gate {
	g := o.Planner.Gate(stage, now, done, seen)
	g.Open, g.Override = true, "a reason"
	return g
}

func TestUnreachableHostsCountBeforeAnythingBegins(t *testing.T) {
	s := prepare(newFleet(map[string]act{"a": {problem: down()}, "b": {problem: down()}}),
		func(s *inventory.Stage) { s.MaxFailures = inventory.Share{Count: 20, Percent: true} }, "prod: a b c d e")
	asked := false
	s.in.Approve = func(context.Context, deploy.Plan) error { asked = true; return nil }
	res, err := s.run(t, nil)
	exits(t, res, err, 4)
	expect(t, "states", states(res), "c=skipped d=skipped e=skipped a=untouched b=untouched")
	expect(t, "applied", s.did("apply"), "")
	if p := s.problem(res, "c"); p.Code != deploy.CodeBudget || !strings.Contains(p.What, "a, b failed") {
		t.Errorf("c is skipped because of %+v", p)
	}
	if asked {
		t.Error("asked for leave to begin nothing")
	}
}

func TestBudgetSpentInAWave(t *testing.T) {
	acts := map[string]act{"a": {state: deploy.StateReturned}, "b": {takes: time.Minute}}
	s := prepare(newFleet(acts), nil, "prod: a b c d")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "a=returned b=confirmed c=skipped d=skipped")
	if n := len(strings.Fields(s.did("apply"))); n != 2 {
		t.Errorf("%d hosts were applied, want 2: %v", n, s.calls)
	}
}

func TestOnFailure(t *testing.T) {
	acts := map[string]act{"d": {state: deploy.StateReturned}, "c": {unchanged: true}, "e": {takes: time.Hour}}
	batches := []inventory.Share{{Count: 1}, {Count: 4}, {Count: 9}}
	for _, c := range []struct {
		policy inventory.OnFailure
		budget int
		want   string
	}{
		{inventory.OnFailureHost, 0, "a=confirmed b=confirmed c=unchanged d=returned e=skipped f=skipped"},
		{inventory.OnFailureHost, 1, "a=confirmed b=confirmed c=unchanged d=returned e=confirmed f=confirmed"},
		{inventory.OnFailureWave, 0, "a=confirmed b=returned c=unchanged d=returned e=skipped f=skipped"},
		{inventory.OnFailureWave, 1, "a=confirmed b=returned c=unchanged d=returned e=skipped f=confirmed"},
		{inventory.OnFailureStage, 1, "a=returned b=returned c=unchanged d=returned e=skipped f=skipped"},
	} {
		s := prepare(newFleet(acts), func(s *inventory.Stage) {
			s.Parallel, s.Batches, s.OnFailure, s.MaxFailures = 1, batches, c.policy, inventory.Share{Count: c.budget}
		}, "prod: a b c d e f")
		res, err := s.run(t, nil)
		exits(t, res, err, 5)
		expect(t, string(c.policy), states(res), c.want)
		if p := s.problem(res, "b"); c.policy != "host" && (p.Code != deploy.CodeOnFailure || !strings.Contains(p.What, "goes back with d")) {
			t.Errorf("%s: b went back because of %+v", c.policy, p)
		}
	}
}

func TestOneErrorDoesNotStopItsSiblings(t *testing.T) {
	acts := map[string]act{"a": {panics: "apply"}, "b": {state: deploy.StateUntouched}, "c": {takes: time.Hour}}
	s := prepare(newFleet(acts), func(s *inventory.Stage) { s.Parallel = 3 }, "prod: a b c d")
	res, err := s.run(t, nil)
	exits(t, res, err, 1)
	expect(t, "states", states(res), "a=stranded b=untouched c=confirmed d=skipped")
	if p := s.problem(res, "a"); p.Code != deploy.CodeInternal || !strings.Contains(p.What, "boom") || len(p.Details) < 3 {
		t.Errorf("the panic is told as %+v", p)
	}
	if !strings.Contains(s.told(), "a=stranded") {
		t.Errorf("the end of a is not on record: %s", s.told())
	}
}

func TestPanicsOfAnyMethodCostOneHost(t *testing.T) {
	for what, want := range map[string]string{
		"inspect": "b=confirmed a=untouched",
		"check":   "a=returned b=confirmed",
		"return":  "a=stranded b=confirmed",
	} {
		a := act{panics: what}
		if what == "return" {
			a.sickAfter = time.Second
		}
		s := prepare(newFleet(map[string]act{"a": a}), func(s *inventory.Stage) {
			s.Soak, s.MaxFailures = time.Minute, inventory.Share{Count: 1}
		}, "prod: a b")
		res, err := s.run(t, nil)
		exits(t, res, err, 1)
		expect(t, what, states(res), want)
	}
}

func TestARunnerWithoutAnAnswerIsABug(t *testing.T) {
	s := prepare(newFleet(map[string]act{"a": {odd: deploy.StateInFlight}}), nil, "prod: a")
	res, err := s.run(t, nil)
	exits(t, res, err, 1)
	expect(t, "states", states(res), "a=stranded")
}

func TestTwoNamesOfOneMachine(t *testing.T) {
	acts := map[string]act{"a": {machine: "m"}, "b": {machine: "m"}}
	t.Run("in one stage", func(t *testing.T) {
		s := prepare(newFleet(acts), nil, "prod: a b c")
		res, err := s.run(t, nil)
		exits(t, res, err, 7)
		expect(t, "states", states(res), "c=skipped a=untouched b=untouched")
		expect(t, "applied", s.did("apply"), "")
	})
	t.Run("in two stages", func(t *testing.T) {
		s := prepare(newFleet(acts), nil, "dev: a", "prod: b")
		res, err := s.run(t, nil)
		exits(t, res, err, 7)
		expect(t, "states", states(res), "a=confirmed b=untouched")
	})
}

func TestApproval(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "dev: d1", "prod: p1")
		s.in.Approve = func(_ context.Context, p deploy.Plan) error {
			if p.Stage == "prod" {
				return errors.New("the answer was no")
			}
			return nil
		}
		res, err := s.run(t, nil)
		exits(t, res, err, 5)
		expect(t, "states", states(res), "d1=confirmed p1=skipped")
		if p := s.problem(res, "p1"); p.Code != deploy.CodeApproval || !strings.Contains(p.Error(), "the answer was no") {
			t.Errorf("problem: %+v", p)
		}
	})
	t.Run("a plan that no longer fits keeps its words", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "prod: p1")
		s.in.Approve = func(context.Context, deploy.Plan) error {
			return &deploy.Problem{Code: deploy.CodePlanMismatch, What: "stale"}
		}
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		if p := s.problem(res, "p1"); p.Code != deploy.CodePlanMismatch || p.Host != "p1" {
			t.Errorf("problem: %+v", p)
		}
	})
	t.Run("interrupted while it is asked", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "prod: p1")
		s.in.Approve = func(ctx context.Context, _ deploy.Plan) error { <-ctx.Done(); return ctx.Err() }
		res, err := s.run(t, func(_ context.Context, interrupt, _ context.CancelFunc) {
			time.Sleep(time.Hour)
			interrupt()
		})
		exits(t, res, err, 130)
		expect(t, "states", states(res), "p1=skipped")
	})
}

func TestInterruption(t *testing.T) {
	at := func(d time.Duration) func(context.Context, context.CancelFunc, context.CancelFunc) {
		return func(_ context.Context, interrupt, _ context.CancelFunc) { time.Sleep(d); interrupt() }
	}
	tune := func(s *inventory.Stage) { canary(s); s.Soak = 10 * time.Minute }
	acts := map[string]act{"a": {takes: time.Minute}}
	for _, c := range []struct {
		name  string
		after time.Duration
		want  string
		exit  int
	}{
		{"while hosts are read", time.Second / 2, "a=skipped b=skipped p=skipped", 130},
		{"in flight: it comes to its end", 30 * time.Second, "a=confirmed b=skipped p=skipped", 130},
		{"in the soak", 5 * time.Minute, "a=confirmed b=skipped p=skipped", 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(newFleet(acts), tune, "dev: a b", "prod: p")
			res, err := s.run(t, at(c.after))
			exits(t, res, err, c.exit)
			expect(t, "states", states(res), c.want)
		})
	}
	t.Run("with nothing left to begin: it changed nothing", func(t *testing.T) {
		s := prepare(newFleet(acts), nil, "dev: a b")
		res, err := s.run(t, at(30*time.Second))
		exits(t, res, err, 0)
	})
	t.Run("in the last soak, before its end", func(t *testing.T) {
		s := prepare(newFleet(nil), tune, "prod: p")
		res, err := s.run(t, at(5*time.Minute))
		exits(t, res, err, 130)
		if err == nil || strings.Contains(s.told(), "soak-finished") {
			t.Errorf("a soak that was cut looks whole: %v, %s", err, s.told())
		}
	})
	t.Run("before anything", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "prod: p")
		res, err := s.run(t, func(_ context.Context, interrupt, _ context.CancelFunc) { interrupt() })
		exits(t, res, err, 130)
		expect(t, "applied", s.did("apply"), "")
	})
	t.Run("twice: hosts in flight are let go of", func(t *testing.T) {
		s := prepare(newFleet(acts), tune, "dev: a b")
		res, err := s.run(t, func(_ context.Context, interrupt, drop context.CancelFunc) {
			time.Sleep(10 * time.Second)
			interrupt()
			time.Sleep(10 * time.Second)
			drop()
		})
		exits(t, res, err, 130)
		expect(t, "states", states(res), "a=in-flight b=skipped")
		if !res.Hosts[0].Unresolved {
			t.Error("a is not for resume to settle")
		}
	})
	t.Run("let go of, with nobody else waiting", func(t *testing.T) {
		s := prepare(newFleet(acts), nil, "dev: a")
		res, err := s.run(t, func(_ context.Context, _, drop context.CancelFunc) {
			time.Sleep(10 * time.Second)
			drop()
		})
		exits(t, res, err, 130)
		expect(t, "states", states(res), "a=in-flight")
	})
	t.Run("in the middle of a check: it proves nothing", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"p": {slowCheck: true}}), tune, "prod: p")
		res, err := s.run(t, at(5*time.Minute))
		exits(t, res, err, 130)
		expect(t, "states", states(res), "p=confirmed")
	})
	t.Run("while a gate is read: the stage never began", func(t *testing.T) {
		s := prepare(newFleet(nil), nil, "dev: a", "prod: p").only("p")
		res, err := s.run(t, at(time.Second/2))
		exits(t, res, err, 130)
		expect(t, "told", s.told(), "p=skipped")
	})
	t.Run("a refused host key outweighs it", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"b": {problem: &deploy.Problem{Code: deploy.CodeHostKey}}}),
			func(s *inventory.Stage) { s.MaxFailures = inventory.Share{Count: 1} }, "dev: a b c")
		res, err := s.run(t, at(1500*time.Millisecond))
		exits(t, res, err, 7)
	})
}

func TestAJournalThatCannotBeWritten(t *testing.T) {
	t.Run("before anything", func(t *testing.T) {
		f := newFleet(nil)
		f.writes = 1
		s := prepare(f, nil, "dev: a", "prod: p")
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		expect(t, "states", states(res), "a=skipped p=skipped")
		expect(t, "applied", s.did("apply"), "")
		if !errors.Is(res.Journal, errDiskFull) || !errors.Is(err, errDiskFull) {
			t.Errorf("errors: %v, %v", res.Journal, err)
		}
	})
	t.Run("in the middle", func(t *testing.T) {
		f := newFleet(nil)
		f.writes = 3 // stage-started, wave-started, then that of wave 2 fails
		s := prepare(f, canary, "dev: a b c")
		res, err := s.run(t, nil)
		exits(t, res, err, 5)
		expect(t, "states", states(res), "a=confirmed b=skipped c=skipped")
	})
	t.Run("at the very end", func(t *testing.T) {
		f := newFleet(nil)
		f.writes = 3
		s := prepare(f, nil, "dev: a")
		res, err := s.run(t, nil)
		exits(t, res, err, 1)
	})
}

// A host that did not begin is for the command that begins hosts: resume begins
// none, and an apply is the opposite of a rollback.
func TestWhatAHostThatDidNotBeginIsToldToType(t *testing.T) {
	for ungated, want := range map[bool]string{false: "nixdeploy apply --stage dev", true: "run the same command again"} {
		one := func(s *inventory.Stage) { s.Parallel = 1 }
		s := prepare(newFleet(map[string]act{"a": {state: deploy.StateReturned}}), one, "dev: a b")
		s.in.Ungated = ungated
		res, _ := s.run(t, nil)
		if p := s.problem(res, "b"); p.Code != deploy.CodeBudget || p.Next != want {
			t.Errorf("over the budget: %+v", p)
		}
		s = prepare(newFleet(nil), one, "dev: a b")
		s.in.Ungated = ungated
		res, _ = s.run(t, func(_ context.Context, interrupt, _ context.CancelFunc) {
			time.Sleep(1500 * time.Millisecond)
			interrupt()
		})
		if p := s.problem(res, "b"); p.Code != deploy.CodeInterrupted || p.Next != want {
			t.Errorf("interrupted: %+v", p)
		}
	}
}

func TestAHostNamedTwiceGoesOnce(t *testing.T) {
	s := prepare(newFleet(nil), nil, "prod: a b").only("a", "b", "a")
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	expect(t, "states", states(res), "a=confirmed b=confirmed")
}

func TestAHostOfNoStageIsRefusedBeforeAnything(t *testing.T) {
	s := prepare(newFleet(nil), nil, "prod: a")
	s.in.Hosts = append(s.in.Hosts, inventory.Host{Name: "x", Stage: "gone"})
	res, err := s.run(t, nil)
	exits(t, res, err, 1)
	if len(s.calls) > 0 {
		t.Errorf("calls %v", s.calls)
	}
}

func TestReadingIsBoundedByReadersNotByParallel(t *testing.T) {
	s := prepare(newFleet(nil), nil, "prod: a b c d e f g h")
	s.in.Readers = 3
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	if s.mostRead != 3 || s.most != 2 {
		t.Errorf("%d read and %d driven at once, want 3 and 2", s.mostRead, s.most)
	}
}
