package simulator

import (
	"context"
	"sync"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/host"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// rewind is what cmd makes of a Driver for a rollback: its Apply goes to what the
// newest confirmed run on a host went away from.
type rewind struct {
	*host.Driver
	mu    sync.Mutex
	goals map[string]deploy.Previous
}

func (r *rewind) Inspect(ctx context.Context, h inventory.Host, stage string) deploy.HostPlan {
	p := r.Driver.Inspect(ctx, h, stage)
	if p.Problem != nil || p.Observed == nil || stage == "" {
		return p
	}
	goal := p.Observed.Previous
	if goal == nil || goal.Profile == "" {
		p.Change = deploy.ChangeBlocked
		p.Problem = &deploy.Problem{Code: deploy.CodeUnsupported, Host: h.Name, What: "no earlier system is recorded on this host"}
		r.Release(h.Name)
		return p
	}
	if goal.Wanted != "" && p.Observed.Running != goal.Wanted { // as cmd has it: not what that run brought
		p.Change = deploy.ChangeBlocked
		p.Problem = &deploy.Problem{Code: deploy.CodeForeignChange, Host: h.Name, What: "it runs something else than run " + goal.Run + " brought"}
		r.Release(h.Name)
		return p
	}
	if a := p.Observed.Active; a != nil && a.Wanted != goal.Profile {
		p.Change = deploy.ChangeBlocked
		p.Problem = &deploy.Problem{Code: deploy.CodeInconclusive, Host: h.Name, What: "run " + a.Run + " is not settled here"}
		r.Release(h.Name)
		return p
	}
	p.Wanted, p.Change = goal.Profile, deploy.ChangeSwitch
	r.mu.Lock()
	defer r.mu.Unlock()
	r.goals[h.Name] = *goal
	return p
}

func (r *rewind) Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome {
	r.mu.Lock()
	goal := r.goals[h.Name]
	r.mu.Unlock()
	return r.Goto(ctx, h, stage, wave, goal.Profile, goal.ProfileLink)
}
