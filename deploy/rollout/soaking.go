package rollout

import (
	"context"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

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
		case <-timer.C:
		}
		last := !time.Now().Before(s.until)
		if s.checkAll(ctx, a.Hosts, last) {
			return
		}
		if last {
			if ctx.Err() == nil {
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
		owed = max(owed, s.owed[i])
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
