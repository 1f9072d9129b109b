package rollout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func soaking(d time.Duration) func(*inventory.Stage) {
	return func(s *inventory.Stage) { s.Soak, s.MaxFailures = d, inventory.Share{Count: 1} }
}

func seconds(list ...int) []time.Duration {
	var d []time.Duration
	for _, n := range list {
		d = append(d, time.Duration(n)*time.Second)
	}
	return d
}

func TestTheNextWaveWaitsForTheSoak(t *testing.T) {
	s := prepare(newFleet(nil), func(s *inventory.Stage) { soaking(30 * time.Second)(s); canary(s) }, "prod: a b")
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	expect(t, "told", s.told(), "stage-started prod, wave-started 1, a=confirmed, soak-started 1, soak-finished 1, "+
		"wave-started 2, b=confirmed, soak-started 2, soak-finished 2, stage-finished prod")
	if d := cmp.Diff(seconds(10, 20, 30), s.checked["a"]); d != "" {
		t.Errorf("a is checked at (-want +got):\n%s", d)
	}
	if gap := s.moments["apply b"].Sub(s.since["a"]); gap != 30*time.Second {
		t.Errorf("b begins %v after the confirm of a, want 30s", gap)
	}
	if e := s.events[3]; e.Duration != 30*time.Second || e.Stage != "prod" {
		t.Errorf("soak-started: %+v", e)
	}
}

func TestTheSoakBeginsAfterTheLastConfirm(t *testing.T) {
	s := prepare(newFleet(map[string]act{"b": {takes: time.Hour}}), soaking(3*time.Second), "prod: a b")
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	if d := cmp.Diff(seconds(1, 2, 3), s.checked["b"]); d != "" {
		t.Errorf("b is checked at (-want +got):\n%s", d)
	}
	if first := s.checked["a"][0]; first != time.Hour {
		t.Errorf("a is first checked %v after its confirm", first)
	}
}

func TestAHostThatFailsInTheSoakIsReturnedAtOnce(t *testing.T) {
	acts := map[string]act{"a": {sickAfter: 15 * time.Second}}
	s := prepare(newFleet(acts), soaking(time.Minute), "prod: a b", "after: z")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "a=returned b=confirmed z=skipped")
	if d := cmp.Diff(seconds(10, 20), s.checked["a"]); d != "" {
		t.Errorf("a is checked at (-want +got):\n%s", d)
	}
	// The return takes a second; the soak of b goes on and ends on time.
	if d := cmp.Diff(seconds(10, 20, 31, 41, 51, 60), s.checked["b"]); d != "" {
		t.Errorf("b is checked at (-want +got):\n%s", d)
	}
	if p := s.problem(res, "a"); p.Step != deploy.StepSoak || p.What != "503" {
		t.Errorf("a was returned because of %+v", p)
	}
}

func TestASoakFailureSpendsTheBudget(t *testing.T) {
	s := prepare(newFleet(map[string]act{"a": {sickAfter: time.Second}}), func(s *inventory.Stage) {
		canary(s)
		s.Soak = time.Minute
	}, "prod: a b")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "a=returned b=skipped")
}

func TestASoakFailureTakesItsWaveBack(t *testing.T) {
	s := prepare(newFleet(map[string]act{"b": {sickAfter: time.Second}, "c": {unchanged: true}}), func(s *inventory.Stage) {
		soaking(time.Hour)(s)
		s.OnFailure = inventory.OnFailureWave
	}, "prod: a b c")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "a=returned b=returned c=unchanged")
	if n := len(s.checked["a"]); n != 1 {
		t.Errorf("a soaks on after it went back: %d checks", n)
	}
}

func TestInconclusiveInTheSoak(t *testing.T) {
	unsure := &deploy.Problem{Code: deploy.CodeInconclusive, What: "no answer"}
	during := func(until time.Duration) act {
		return act{check: func(since time.Duration) *deploy.Problem {
			if since < until {
				return unsure
			}
			return nil
		}}
	}
	s := prepare(newFleet(map[string]act{"a": during(50 * time.Second), "b": during(time.Hour)}), soaking(time.Minute), "prod: a b")
	res, err := s.run(t, nil)
	exits(t, res, err, 5)
	expect(t, "states", states(res), "a=confirmed b=returned")
}

func TestAWaveWithoutAChangeDoesNotSoak(t *testing.T) {
	s := prepare(newFleet(map[string]act{"a": {unchanged: true}}), soaking(time.Hour), "prod: a")
	res, err := s.run(t, nil)
	exits(t, res, err, 0)
	expect(t, "told", s.told(), "stage-started prod, wave-started 1, a=unchanged, stage-finished prod")
}

func TestAnOwedSoakIsFinished(t *testing.T) {
	owed := map[string]time.Duration{"a": 3 * time.Second}
	t.Run("healthy", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"a": {unchanged: true}, "b": {unchanged: true}}), soaking(time.Hour), "prod: a b")
		s.in.Owed = owed
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
		if d := cmp.Diff(map[string][]time.Duration{"a": seconds(1, 2, 3)}, s.checked); d != "" {
			t.Errorf("checks (-want +got):\n%s", d)
		}
	})
	t.Run("its time is over: one round is left", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"a": {unchanged: true}}), soaking(time.Hour), "prod: a")
		s.in.Owed = map[string]time.Duration{"a": 0}
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
		expect(t, "checks", fmt.Sprint(s.checked["a"]), "[0s]")
	})
	t.Run("unhealthy: told, not undone", func(t *testing.T) {
		s := prepare(newFleet(map[string]act{"a": {unchanged: true, sickAfter: time.Second}}), soaking(time.Hour), "dev: a", "prod: p")
		s.in.Owed = owed
		res, err := s.run(t, nil)
		exits(t, res, err, 4)
		expect(t, "states", states(res), "a=unchanged p=skipped")
		expect(t, "returned", s.did("return"), "")
		if !strings.HasSuffix(s.told(), "soak-started 1, a=unchanged, soak-finished 1, stage-finished dev, stage-started prod, p=skipped, stage-finished prod") {
			t.Errorf("told: %s", s.told())
		}
	})
}

// Somebody else's run has confirmed the host and still soaks it, or was to: only it
// tells, and the rest is soaked before the next stage begins.
func TestASoakOfAnotherRunIsFinished(t *testing.T) {
	for ago, want := range map[int64]string{57: "[1s 2s 3s]", 3600: "[]", -5: fmt.Sprint(seconds(10, 20, 30, 40, 50, 60))} {
		s := prepare(newFleet(map[string]act{"a": {unchanged: true, recorded: true, ago: &ago}}), soaking(time.Minute), "dev: a", "prod: p")
		res, err := s.run(t, nil)
		exits(t, res, err, 0)
		expect(t, fmt.Sprintf("confirmed %d s ago: checks", ago), fmt.Sprint(s.checked["a"]), want)
		if began := s.moments["apply p"].Sub(s.since["a"]); ago == 57 && began < 3*time.Second {
			t.Errorf("prod began %s after dev", began)
		}
	}
}

func TestAWayBackThatFails(t *testing.T) {
	s := prepare(newFleet(map[string]act{"a": {sickAfter: time.Second, stuck: true}}), soaking(time.Minute), "prod: a b")
	res, err := s.run(t, nil)
	exits(t, res, err, 6)
	expect(t, "states", states(res), "a=stranded b=confirmed")
	expect(t, "returned", s.did("return"), "a")
}

// A soak failure found in the very moment in which the run is told to let go:
// nobody is called any more, and the host is not passed off as confirmed.
func TestASickHostThatIsLetGoOfIsStranded(t *testing.T) {
	s := prepare(newFleet(nil), soaking(time.Minute), "prod: a")
	var interrupt, drop context.CancelFunc
	s.acts = map[string]act{"a": {check: func(time.Duration) *deploy.Problem {
		s.mu.Lock()
		defer s.mu.Unlock()
		interrupt()
		drop()
		return &deploy.Problem{Code: deploy.CodeHealth, Host: "a", What: "503"}
	}}}
	res, err := s.run(t, func(_ context.Context, i, d context.CancelFunc) {
		s.mu.Lock()
		defer s.mu.Unlock()
		interrupt, drop = i, d
	})
	exits(t, res, err, 6)
	expect(t, "states", states(res), "a=stranded")
	if p := s.problem(res, "a"); p.What != "503" || p.Next != "nixdeploy resume 01RUN" {
		t.Errorf("problem: %+v", p)
	}
	if !strings.Contains(s.told(), "a=stranded") {
		t.Errorf("not on record: %s", s.told())
	}
}
