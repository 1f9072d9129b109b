package rollout

import (
	"context"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
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
	stop, drop := ctx.Done(), s.Drain.Done()
	for {
		s.p.Detached = s.Drain.Err() != nil
		s.p.Interrupted = s.p.Detached || ctx.Err() != nil
		s.p.Unwritten = s.log.failure() != nil
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
			case <-drop:
				drop = nil
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

// settle ends a wave. The end of a soak that was cut is not told: whoever
// resumes must see that it is owed (Owed).
func (s *stage) settle(ctx context.Context, a Action) {
	s.p.Settled = a.Wave
	s.interrupted(a.Cut)
	if !s.until.IsZero() && !a.Cut {
		s.log.emit(ctx, deploy.Event{Kind: deploy.EventSoakFinished, Stage: s.Name, Wave: a.Wave})
	}
	s.until = time.Time{}
	for i, st := range s.p.Hosts {
		if st.Wave == a.Wave && s.OnFailure != inventory.OnFailureStage {
			s.release(i) // nothing brings it back any more
		}
	}
}

// soak checks hosts at intervals until one of them fails, its time is over or
// ctx ends. It is called again after a failing host went back: the time that
// passed counts.
func (s *stage) soak(ctx context.Context, a Action) {
	length := s.soakLength(a)
	if s.until.IsZero() {
		s.until = time.Now().Add(length)
		s.log.emit(ctx, deploy.Event{Kind: deploy.EventSoakStarted, Stage: s.Name, Wave: a.Wave, Duration: length})
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(min(soakInterval(length), max(time.Until(s.until), 0)))
		select {
		case <-ctx.Done():
			return
		case <-s.Drain.Done():
			return
		case <-timer.C:
		}
		last := !time.Now().Before(s.until)
		if s.checkAll(ctx, a.Hosts, last) {
			return
		}
		if last {
			if ctx.Err() == nil && s.Drain.Err() == nil {
				s.settle(ctx, Action{Wave: a.Wave})
			}
			return
		}
	}
}

// soakLength is the stage's soak when this run confirmed a host of the wave,
// else the longest rest that one of them is owed.
func (s *stage) soakLength(a Action) time.Duration {
	var owed time.Duration
	for _, i := range a.Hosts {
		if s.p.Hosts[i].State == deploy.StateConfirmed {
			return s.Soak
		}
		owed = max(owed, s.Owed[s.plans[i].Host])
	}
	return owed
}

// checkAll checks hosts once, a bounded number at a time, and reports whether
// one failed. A round that an interruption cut short proves nothing.
func (s *stage) checkAll(ctx context.Context, hosts []int, last bool) bool {
	problems := make([]*deploy.Problem, len(hosts))
	each(len(hosts), s.Readers, func(n int) {
		if ctx.Err() == nil {
			problems[n] = s.runner.Check(ctx, s.byName[s.plans[hosts[n]].Host])
		}
	})
	sick := false
	for n, i := range hosts {
		p := problems[n]
		if !fails(p, last) || ctx.Err() != nil && cutShort(p) {
			continue
		}
		sick = true
		s.p.Hosts[i] = s.p.Hosts[i].sick()
		s.reports[i].Problem = p
		if s.p.Hosts[i].State == deploy.StateUnchanged {
			s.tell(ctx, i, deploy.StateUnchanged, p) // not this run's to undo
		}
	}
	return sick
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
