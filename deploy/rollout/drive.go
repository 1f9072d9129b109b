package rollout

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// driver is the part of a stage that its loop owns.
type driver struct {
	wg      sync.WaitGroup
	results chan result
	wave    int       // the last one begun
	until   time.Time // the end of the soak under way, zero for none
}

// result is what came of an Apply or a Return.
type result struct {
	host int
	back bool // of a Return
	deploy.Outcome
	told bool // the Runner emitted it
}

// drive does what Next says until the stage is over. All goroutines that it
// starts have ended when it returns; one host's failure stops no other.
func (s *stage) drive(ctx context.Context) {
	s.results = make(chan result, len(s.p.Hosts)) // one call a host at a time: never blocks
	defer s.wg.Wait()
	stop := ctx.Done()
	for {
		s.p.Detached = s.Drain.Err() != nil
		s.p.Interrupted = ctx.Err() != nil
		s.p.Unwritten = s.log.failure() != nil
		s.p.Shut, s.p.Wave = s.shut(), s.wave
		a := Next(s.p)
		switch a.Kind {
		case Begin:
			s.begin(ctx, a)
		case Return:
			s.goBack(a)
		case Skip:
			s.interrupted(a.Why == WhyInterrupted)
			why := skipProblem(a.Why, s)
			for _, i := range a.Hosts {
				s.skip(ctx, i, why)
			}
		case Wait:
			select {
			case res := <-s.results:
				s.ended(ctx, res)
			case <-stop:
				stop = nil
			}
		case Soak:
			s.soak(ctx, a)
		case Settle:
			s.settle(ctx, a)
		case Done:
			s.leaveNoneSick(ctx)
			return
		}
	}
}

// shut says that the stage's calendar lets no wave begin now. A rollback goes by
// none, and neither does a stage whose gate is overridden, which a gate that was
// open at first comes to be here.
func (s *stage) shut() bool {
	if s.Ungated || s.plan.Gate.Override != "" || s.Opening(time.Now()).Open {
		return false
	}
	return !s.Planner.Gate(s.Name, time.Now(), maps.Clone(s.done), nil).Open
}

func (s *stage) interrupted(is bool) {
	s.result.Interrupted = s.result.Interrupted || is
}

// begin applies hosts, each in a goroutine that ends with its result.
func (s *stage) begin(ctx context.Context, a Action) {
	if a.Wave > s.wave {
		s.wave = a.Wave
		s.log.emit(ctx, deploy.Event{Kind: deploy.EventWaveStarted, Stage: s.Name, Wave: a.Wave})
		if s.log.failure() != nil {
			return // what cannot be written down does not begin
		}
	}
	for _, i := range a.Hosts {
		st := &s.p.Hosts[i]
		st.State, st.Running, st.Begun = deploy.StateInFlight, true, true
		s.reports[i].Contacted = true
		s.start(i, false, func(ctx context.Context) deploy.Outcome {
			return s.runner.Apply(ctx, s.byName[s.plans[i].Host], s.Name, s.plans[i].Wave)
		})
	}
}

// goBack returns hosts to their records: a sick one because of itself, the
// others because of the one that on_failure brings them back with.
func (s *stage) goBack(a Action) {
	for _, i := range a.Hosts {
		st := &s.p.Hosts[i]
		cause := s.reports[i].Problem
		if !st.Sick {
			cause = onFailureProblem(s, i)
		}
		st.Running, st.Back = true, true
		s.start(i, true, func(ctx context.Context) deploy.Outcome {
			o := s.runner.Return(ctx, s.byName[s.plans[i].Host], s.Name, s.plans[i].Wave, cause)
			if o.Problem == nil && o.State != deploy.StateConfirmed {
				o.Problem = cause
			}
			o.Changed = true
			return o
		})
	}
}

// start runs call for a host. Its context is the drain: the first interruption
// does not reach a host that has begun.
func (s *stage) start(i int, back bool, call func(context.Context) deploy.Outcome) {
	s.wg.Go(func() {
		o, told := s.runner.outcome(s.Drain, s.byName[s.plans[i].Host], func() deploy.Outcome { return call(s.Drain) })
		s.results <- result{host: i, back: back, Outcome: o, told: told}
	})
}

// ended takes in how an Apply or a Return ended.
func (s *stage) ended(ctx context.Context, res result) {
	i := res.host
	if res.back {
		s.p.Hosts[i] = s.p.Hosts[i].returned(res.Outcome)
	} else {
		s.p.Hosts[i] = s.p.Hosts[i].applied(res.Outcome)
	}
	r := &s.reports[i]
	r.Changed = res.Changed
	r.Unresolved = res.State == deploy.StateStranded || !res.State.Final() && res.Changed
	if res.Before != (deploy.Links{}) && !res.back {
		r.Before = &res.Before
	}
	if res.After != (deploy.Links{}) {
		r.After = &res.After
	}
	r.State, r.Problem = res.State, res.Problem
	s.interrupted(!res.State.Final())
	if !res.told {
		s.tell(ctx, i, res.State, res.Problem)
	}
	if st := s.p.Hosts[i]; st.State != deploy.StateConfirmed && !st.Owed {
		s.release(i)
	}
}

// leaveNoneSick ends hosts that failed in the soak and did not go back, because
// the run let go of everything: they run what was found unhealthy.
func (s *stage) leaveNoneSick(ctx context.Context) {
	for i, st := range s.p.Hosts {
		if st.Sick && st.State == deploy.StateConfirmed {
			s.p.Hosts[i].State = deploy.StateStranded
			s.reports[i].Unresolved = true
			s.tell(ctx, i, deploy.StateStranded, sickProblem(s.plans[i].Host, s.reports[i].Problem, s.Run))
		}
	}
}
