package health

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// OnSample is told of every try as it ends, by one goroutine at a time. It
// must not block for long: tries of all checks wait for it.
type OnSample func(check string, ok bool, detail string)

// Run takes all checks of h to their verdicts, side by side in time but with
// one call of probe at a time. baseline names the units that were failed
// before this run; they are not blamed on it. It returns in the order of
// checks and within answerGrace of their longest deadline, as a plan counts on.
//
// Once a check has failed the round is lost: the others are broken off and
// come back inconclusive, as all do when ctx ends.
func Run(ctx context.Context, checks []inventory.Check, h inventory.Host, probe Host, baseline []string, onSample ...OnSample) []Result {
	return newRound(probe, onSample).run(ctx, checks, h, baseline)
}

// RunOnce tries each check once, for the soak: one yes passes, one no fails.
func RunOnce(ctx context.Context, checks []inventory.Check, h inventory.Host, probe Host, baseline []string, onSample ...OnSample) []Result {
	once := make([]inventory.Check, len(checks))
	for i, c := range checks {
		c = withDefaults(c)
		c.Successes = 1
		// No second try fits in. Waiting for the others' turns is bounded too.
		c.Interval = c.Deadline
		once[i] = c
	}
	return newRound(probe, onSample).run(ctx, once, h, baseline)
}

// round is one Run.
type round struct {
	probe   Host
	watch   []OnSample
	turn    chan struct{} // holds a token while the host is being asked
	telling chan struct{} // holds a token while watch is being told
}

func newRound(probe Host, watch []OnSample) *round {
	return &round{probe: probe, watch: watch, turn: make(chan struct{}, 1), telling: make(chan struct{}, 1)}
}

func (r *round) run(ctx context.Context, checks []inventory.Check, h inventory.Host, baseline []string) []Result {
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	results := make([]Result, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			a := asker{check: withDefaults(c), host: h, probe: r.probe, baseline: baseline}
			results[i] = r.judge(ctx, a)
			if results[i].Verdict == Failed {
				lost(fmt.Errorf("the check %s had failed", c.Name))
			}
		})
	}
	all.Wait()
	return results
}

// judge tries one check until Judge has a verdict or ctx ends.
func (r *round) judge(ctx context.Context, a asker) Result {
	var samples []Sample
	began := time.Now()
	for {
		s := r.try(ctx, a, began)
		if ctx.Err() != nil {
			return brokenOff(ctx, a, samples)
		}
		forget(samples)
		samples = append(samples, s)
		r.tell(a.check.Name, s)
		verdict := Judge(a.check, samples)
		if verdict != Pending {
			return concluded(a, samples, verdict)
		}
		if !pause(ctx, nextTry(a.check, s)-time.Since(began)) {
			return brokenOff(ctx, a, samples)
		}
	}
}

// forget drops the words of samples that no result will quote once another is
// added: a host that prints much at each try must not fill the memory.
func forget(samples []Sample) {
	keep := newest(samples, No)
	for i := range samples {
		if i != keep {
			samples[i].Detail = ""
		}
	}
}

// try makes one try, bounded by the check's timeout and by its deadline.
func (r *round) try(ctx context.Context, a asker, began time.Time) Sample {
	due := time.Since(began)
	if a.remote() {
		if !r.await(ctx, a.check.Deadline-least(a.check)-due) {
			return Sample{Began: due, Ended: time.Since(began), Detail: "other checks kept the host busy"}
		}
		defer func() { <-r.turn }()
	}
	start := time.Since(began)
	s := a.ask(ctx, min(a.check.Timeout, a.check.Deadline-start))
	s.Began, s.Ended = start, time.Since(began)
	return s
}

// await waits at most so long for the turn to ask the host.
func (r *round) await(ctx context.Context, most time.Duration) bool {
	select {
	case r.turn <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case r.turn <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (r *round) tell(check string, s Sample) {
	r.telling <- struct{}{}
	defer func() { <-r.telling }()
	for _, w := range r.watch {
		if w != nil {
			w(check, s.Answer == Yes, s.Detail)
		}
	}
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
