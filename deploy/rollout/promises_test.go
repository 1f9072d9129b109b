package rollout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// TestRunKeepsItsPromises runs random fleets with random faults and random
// interruptions through the real loop, in a bubble with its own clock.
func TestRunKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		stages := [][]string{{"a", "b", "c", "d", "e", "f"}, {"m", "n", "o", "p"}}
		acts := map[string]act{}
		for _, hosts := range stages {
			for _, h := range hosts {
				acts[h] = drawAct(rt, h)
			}
		}
		policy := inventory.Stage{
			Parallel:    rapid.IntRange(1, 4).Draw(rt, "parallel"),
			OnFailure:   rapid.SampledFrom([]inventory.OnFailure{"host", "wave", "stage"}).Draw(rt, "on_failure"),
			MaxFailures: inventory.Share{Count: rapid.IntRange(0, 2).Draw(rt, "budget")},
			Soak:        time.Duration(rapid.IntRange(0, 30).Draw(rt, "soak")) * time.Second,
			Batches:     []inventory.Share{{Count: 1}, {Count: rapid.IntRange(1, 4).Draw(rt, "batch")}},
		}
		f := newFleet(acts)
		s := prepare(f, func(s *inventory.Stage) { name := s.Name; *s = policy; s.Name = name }, "dev: a b c d e f", "prod: m n o p")
		stop := time.Duration(rapid.IntRange(1, 400_000).Draw(rt, "interrupt")) * time.Millisecond
		drop := stop + time.Duration(rapid.IntRange(1, 100_000).Draw(rt, "drop"))*time.Millisecond
		res, _ := s.run(t, func(_ context.Context, interrupt, letGo context.CancelFunc) {
			time.Sleep(stop)
			interrupt()
			time.Sleep(drop - stop)
			letGo()
		})
		ended(rt, f, res)
		ordered(rt, f, policy)
	})
}

func drawAct(rt *rapid.T, host string) act {
	a := act{takes: time.Duration(rapid.IntRange(1, 40_000).Draw(rt, host)) * time.Millisecond}
	switch rapid.IntRange(0, 12).Draw(rt, "fate of "+host) {
	case 0:
		a.problem = down()
	case 1:
		a.state = deploy.StateReturned
	case 2:
		a.state = deploy.StateUntouched
	case 3:
		a.sickAfter = time.Duration(rapid.IntRange(1, 30).Draw(rt, "sick")) * time.Second
		a.stuck = rapid.Bool().Draw(rt, "stuck")
	case 4, 5:
		a.unchanged = true
	case 6:
		a.panics = rapid.SampledFrom([]string{"inspect", "apply", "check", "return"}).Draw(rt, "panic")
	}
	return a
}

// ended: every host is in a final state or was let go of, the journal says the
// same as the result, nobody is called too often, and no host goes back that
// was not changed.
func ended(rt *rapid.T, f *fleet, res rollout.Result) {
	if len(res.Hosts) != 10 {
		rt.Fatalf("%d hosts in the result: %s", len(res.Hosts), states(res))
	}
	last := map[string]deploy.State{}
	for _, h := range deploy.Fold(f.events).Hosts {
		last[h.Host] = h.State
	}
	for _, h := range res.Hosts {
		if !h.State.Final() && (h.State != deploy.StateInFlight || !res.Interrupted) {
			rt.Fatalf("%s ends %s", h.Host, h.State)
		}
		if h.State.Final() && last[h.Host] != h.State {
			rt.Fatalf("%s ends %s, and the journal says %s", h.Host, h.State, last[h.Host])
		}
		if f.acts[h.Host].unchanged && strings.Contains(f.did("return"), h.Host) {
			rt.Fatalf("%s was unchanged and went back", h.Host)
		}
	}
	count := map[string]int{}
	for _, c := range f.calls {
		method, host, _ := strings.Cut(c, " ")
		if count["release "+host] > 0 {
			rt.Fatalf("%s after the release: %v", c, f.calls)
		}
		count[c]++
		if method != "check" && count[c] > 1 {
			rt.Fatalf("%s twice: %v", c, f.calls)
		}
	}
	for c, n := range count {
		if host, ok := strings.CutPrefix(c, "inspect "); ok && count["release "+host] != n {
			rt.Fatalf("%s is never released: %v", host, f.calls)
		}
	}
}

// ordered: never more in flight than parallel; nobody begins over the budget,
// before the wave or the stage before is over and soaked.
func ordered(rt *rapid.T, f *fleet, policy inventory.Stage) {
	if f.most > policy.Parallel {
		rt.Fatalf("%d in flight, %d allowed", f.most, policy.Parallel)
	}
	wave := map[string]int{}
	for _, e := range f.events {
		if e.Kind == deploy.EventStageStarted {
			for _, h := range e.Plan.Hosts {
				wave[h.Host] = h.Wave
			}
		}
	}
	stage := func(host string) bool { return host >= "m" } // prod
	for c, begun := range f.moments {
		host, ok := strings.CutPrefix(c, "apply ")
		if !ok {
			continue
		}
		failures := 0
		for other, a := range f.acts {
			at, ended := f.since[other]
			same := stage(other) == stage(host)
			if same && (a.problem != nil || a.panics == "inspect") {
				failures++
			}
			if same && ended && at.Before(begun) && (a.state == deploy.StateReturned || a.state == deploy.StateUntouched) {
				failures++
			}
			before := !stage(other) && stage(host) || same && wave[other] < wave[host]
			applied, began := f.moments["apply "+other]
			_, wentBack := f.moments["return "+other] // with its wave: nothing is left to soak
			switch {
			case !before || !began:
			case applied.After(begun) || ended && at.After(begun):
				rt.Fatalf("%s begins before %s is over", host, other)
			case same && policy.OnFailure != inventory.OnFailureStage && f.moments["return "+other].After(begun):
				rt.Fatalf("%s of an earlier wave goes back after %s began", other, host)
			case a.state == "" && !a.unchanged && a.panics == "" && a.sickAfter == 0 && !wentBack && begun.Sub(at) < policy.Soak:
				rt.Fatalf("%s begins %v after %s was confirmed, soak is %v", host, begun.Sub(at), other, policy.Soak)
			case stage(other) != stage(host) && (a.state != "" || a.problem != nil):
				rt.Fatalf("%s begins though %s of an earlier stage failed", host, other)
			}
		}
		if failures > policy.MaxFailures.Count {
			rt.Fatalf("%s begins after %d failures, %d allowed", host, failures, policy.MaxFailures.Count)
		}
	}
}
