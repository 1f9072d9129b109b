package rollout

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// stage runs one stage: gate, inspection, plan, budget, approval, waves. Until
// the gate is open it contacts none of the stage's hosts.
func (r *run) stage(ctx context.Context, s stageHosts) {
	st := &stage{run: r, stageHosts: s, byName: map[string]inventory.Host{}}
	for _, h := range s.hosts {
		st.byName[h.Name] = h
	}
	gate := deploy.Gate{}
	if ctx.Err() == nil && r.log.failure() == nil {
		gate = r.gate(ctx, s)
	}
	if ctx.Err() != nil || r.log.failure() != nil {
		st.open(st.bare(), deploy.Gate{})
		st.drive(ctx) // begins nobody, and says why
		st.close(ctx)
		return
	}
	hosts := st.bare()
	if gate.Open {
		hosts = st.inspect(ctx)
	}
	st.open(hosts, gate)
	st.started = true
	r.log.emit(ctx, deploy.Event{Kind: deploy.EventStageStarted, Stage: s.Name, Plan: &st.plan})
	st.block(ctx)
	switch {
	case ctx.Err() != nil:
	case !gate.Open:
		st.refuse(ctx, r.gateProblem(s.Name, st.plan.Flake, gate))
	default:
		st.approve(ctx)
	}
	st.drive(ctx)
	st.close(ctx)
}

// stage is one stage under way.
type stage struct {
	*run
	stageHosts
	byName  map[string]inventory.Host
	plan    deploy.Plan
	plans   []deploy.HostPlan   // by wave; the next three by the same index
	owed    []time.Duration     // the rest of another run's soak
	p       Progress            // p.Hosts
	reports []deploy.HostReport // what will be told
	started bool                // stage-started was emitted
	held    map[string]bool     // inspected, and not released yet
	driver
}

// bare is the stage's hosts as nobody has seen them.
func (s *stage) bare() []deploy.HostPlan {
	hosts := make([]deploy.HostPlan, len(s.hosts))
	for i, h := range s.hosts {
		hosts[i] = deploy.HostPlan{Host: h.Name, Target: h.Target, Change: deploy.ChangeUnknown}
	}
	return hosts
}

// inspect reads all hosts of the stage and marks machines with two names.
// Reading changes nothing, so an interruption ends it at once.
func (s *stage) inspect(ctx context.Context) []deploy.HostPlan {
	s.held = map[string]bool{}
	for _, h := range s.hosts {
		s.held[h.Name] = true
	}
	hosts := s.read(ctx, s.hosts, s.Name)
	same := doubled(s.machines, hosts)
	for i := range hosts {
		h := &hosts[i]
		if p := same[h.Host]; p != nil {
			h.Problem, h.Change = p, deploy.ChangeBlocked
		}
		if p := h.Problem; p != nil && ctx.Err() != nil && cutShort(p) {
			h.Problem = nil // not its fault: it is skipped as interrupted
		}
	}
	return hosts
}

// cutShort says that a problem is only the end of a context.
func cutShort(p *deploy.Problem) bool {
	return p.Code == deploy.CodeInterrupted || errors.Is(p, context.Canceled)
}

// read inspects hosts, a bounded number at once. Hosts whose turn has not come
// when ctx ends are not contacted.
func (r *run) read(ctx context.Context, hosts []inventory.Host, stage string) []deploy.HostPlan {
	plans := make([]deploy.HostPlan, len(hosts))
	each(len(hosts), r.Readers, func(i int) {
		if ctx.Err() != nil {
			plans[i] = deploy.HostPlan{Host: hosts[i].Name, Change: deploy.ChangeUnknown, Problem: &deploy.Problem{
				Code: deploy.CodeInterrupted, Host: hosts[i].Name, What: "not read: the run was interrupted",
			}}
			return
		}
		plans[i] = r.runner.Inspect(ctx, hosts[i], stage)
	})
	return plans
}

// each calls do for 0..n-1 from at most limit goroutines and waits for all.
func each(n, limit int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, limit) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// open makes the plan and sets every host waiting.
func (s *stage) open(hosts []deploy.HostPlan, gate deploy.Gate) {
	s.plan = s.Planner.Stage(s.Name, hosts, gate)
	s.plans = byWave(s.plan)
	s.p = Progress{
		Parallel:  s.Parallel,
		Budget:    s.plan.Budget,
		OnFailure: s.OnFailure,
		Soak:      s.Soak > 0,
		Hosts:     make([]Standing, len(s.plans)),
	}
	s.reports = make([]deploy.HostReport, len(s.plans))
	s.owed = make([]time.Duration, len(s.plans))
	for i, hp := range s.plans {
		left, owed := s.Owed[hp.Host]
		if own := hp.Observed.Unsoaked(s.Soak); own > 0 && !s.Ungated { // a run of somebody else still soaks it, or did
			left, owed = max(left, own), true
		}
		s.owed[i] = left
		s.p.Hosts[i] = Standing{Wave: hp.Wave, State: deploy.StateWaiting, Owed: owed}
		s.reports[i] = deploy.HostReport{
			Host: hp.Host, Stage: s.Name, Wave: hp.Wave, State: deploy.StateWaiting,
			Wanted: hp.Wanted, Contacted: hp.Observed != nil || hp.Problem != nil,
		}
	}
}

// block ends the hosts whose inspection found a problem: untouched, and counted
// before any host begins.
func (s *stage) block(ctx context.Context) {
	for i, hp := range s.plans {
		if hp.Problem != nil {
			s.p.Hosts[i] = s.p.Hosts[i].blocked()
			s.tell(ctx, i, deploy.StateUntouched, hp.Problem)
			s.release(i)
		}
	}
}

// approve asks for leave to begin, when there is anything to begin.
func (s *stage) approve(ctx context.Context) {
	if s.Approve == nil || Next(s.p).Kind != Begin {
		return
	}
	err := s.Approve(ctx, s.plan)
	if err != nil && ctx.Err() == nil {
		s.refuse(ctx, s.approvalProblem(err))
	}
}

// refuse skips every waiting host because of cause.
func (s *stage) refuse(ctx context.Context, cause *deploy.Problem) {
	for i := range s.p.Hosts {
		if s.p.Hosts[i].State == deploy.StateWaiting {
			s.skip(ctx, i, cause)
		}
	}
}

func (s *stage) skip(ctx context.Context, i int, cause *deploy.Problem) {
	s.p.Hosts[i].State = deploy.StateSkipped
	p := *cause
	p.Host = s.plans[i].Host
	if p.State == "" {
		p.State = "not touched"
	}
	s.tell(ctx, i, deploy.StateSkipped, &p)
	s.release(i)
}

// tell sets and emits a host's state that the rollout, not the Runner, decided.
func (s *stage) tell(ctx context.Context, i int, state deploy.State, p *deploy.Problem) {
	r := &s.reports[i]
	r.State, r.Problem = state, p
	s.log.emit(ctx, deploy.Event{
		Kind: deploy.EventHostState, Stage: s.Name, Wave: r.Wave, Host: r.Host, State: state,
		Wanted: r.Wanted, Before: r.Before, After: r.After, Problem: p,
	})
}

// close hands the stage's hosts to the run.
func (s *stage) close(ctx context.Context) {
	for i := range s.plans {
		s.release(i)
	}
	s.finish(s.reports)
	if s.started {
		s.log.emit(ctx, deploy.Event{Kind: deploy.EventStageFinished, Stage: s.Name, Message: summary(s.reports)})
		s.result.Stages = append(s.result.Stages, deploy.StageReport{Stage: s.Name, Waves: s.wave, Message: summary(s.reports)})
	}
}

// release lets the Runner close what it holds of a host that is not called for
// again. Connections are not kept for the sake of hosts that are done.
func (s *stage) release(i int) {
	host := s.plans[i].Host
	if s.held[host] {
		delete(s.held, host)
		s.runner.Release(host)
	}
}
