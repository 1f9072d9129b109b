package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// wayBack says where a rollback goes. Without run and to it is what the newest
// confirmed run on each host went away from.
type wayBack struct {
	run           string                       // undo this one
	to            string                       // a generation's number or a store path
	journal       map[string]deploy.HostReport // what the journal of run says, by host
	acceptForeign bool
	again         func(words ...string) string // a command line that goes on
}

// goal is where one host goes.
type goal struct {
	system, link string
	run          string // whose work is undone, "" for a system that was named
	left         string // the toplevel that this run left, "" when not known
}

// rewind is a Driver whose Apply goes back.
type rewind struct {
	Driver
	wayBack
	mu    sync.Mutex
	goals map[string]goal
}

// Inspect reads the host and finds its way back.
func (r *rewind) Inspect(ctx context.Context, h inventory.Host, stage string) deploy.HostPlan {
	p := r.Driver.Inspect(ctx, h, stage)
	if p.Problem != nil && p.Problem.Code == deploy.CodeUnadopted { // a rollback takes no host in
		own := *p.Problem
		own.Next = "no run of nixdeploy is there to be undone; to take the host in: " + r.again("plan", "--first", "--on", h.Name)
		p.Problem = &own
	}
	if p.Problem != nil || p.Observed == nil || stage == "" {
		return p
	}
	g, problem := r.find(ctx, h, *p.Observed)
	if problem == nil {
		problem = r.foreign(h, *p.Observed, g)
	}
	if problem != nil {
		problem.Host, problem.Step, problem.State = h.Name, deploy.StepInspect, "not touched"
		p.Change, p.Problem = deploy.ChangeBlocked, problem
		r.Release(h.Name)
		return p
	}
	p.Wanted, p.Change = g.system, deploy.ChangeSwitch
	if o := p.Observed; o.Profile == g.system && o.Running == g.system && (o.NextBoot == "" || o.NextBoot == g.system) {
		p.Change = deploy.ChangeUnchanged
	}
	p.Notes = append(p.Notes, g.words())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.goals == nil {
		r.goals = map[string]goal{}
	}
	r.goals[h.Name] = g
	return p
}

// Apply goes to what Inspect found.
func (r *rewind) Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome {
	r.mu.Lock()
	g := r.goals[h.Name]
	r.mu.Unlock()
	return r.Goto(ctx, h, stage, wave, g.system, g.link)
}

func (g goal) words() string {
	to := g.link
	if to == "" {
		to = g.system
	}
	if g.run == "" {
		return "goes to " + to
	}
	return fmt.Sprintf("goes back to %s, what run %s went away from", to, g.run)
}

// find is where the host goes.
func (r *rewind) find(ctx context.Context, h inventory.Host, o deploy.Observation) (goal, *deploy.Problem) {
	switch {
	case r.to != "":
		return r.named(ctx, h, o)
	case r.run != "":
		return r.beforeRun(ctx, h)
	case o.Previous == nil || o.Previous.Profile == "":
		return goal{}, &deploy.Problem{
			Code: deploy.CodeUnsupported, What: "no earlier system is recorded on this host",
			Details: []string{"a rollback undoes a run of nixdeploy, and none was confirmed here"},
			Next:    "name a generation of it: " + r.again("rollback", "--on", h.Name, "--to", "N"),
		}
	}
	return goal{system: o.Previous.Profile, link: o.Previous.ProfileLink, run: o.Previous.Run, left: o.Previous.Wanted}, nil
}

// named is the system of --to, which has to be on the host.
func (r *rewind) named(ctx context.Context, h inventory.Host, o deploy.Observation) (goal, *deploy.Problem) {
	k, err := r.Kept(ctx, h, "", r.to)
	if err != nil {
		return goal{}, asked(err)
	}
	if k.System != "" {
		return goal{system: k.System, link: k.SystemLink}, nil
	}
	p := &deploy.Problem{Code: deploy.CodeUnsupported, What: "generation " + r.to + " is not on this host"}
	if strings.HasPrefix(r.to, "/") {
		p.What = r.to + " is not a system in the store of this host"
	}
	p.Details = []string{"generations " + strings.Trim(fmt.Sprint(o.Generations), "[]")}
	p.Next = "choose one that is there"
	return goal{}, p
}

// beforeRun is what the run went away from: by the host's own account, else by
// the journal's, since a host keeps its newest runs only.
func (r *rewind) beforeRun(ctx context.Context, h inventory.Host) (goal, *deploy.Problem) {
	left := r.journal[h.Name]
	record := ""
	if left.Before != nil {
		record = left.Before.Profile
	}
	k, err := r.Kept(ctx, h, r.run, record)
	switch {
	case err != nil:
		return goal{}, asked(err)
	case k.Run != "" && (k.Active || k.Result == deploy.ResultStranded):
		return goal{}, r.unsettled(r.run)
	case k.Run != "" && k.Result == deploy.ResultConfirmed:
		return goal{system: k.Record.Profile, link: k.Record.ProfileLink, run: r.run, left: k.Wanted}, nil
	case k.System != "" && left.Before != nil:
		return goal{system: record, link: left.Before.ProfileLink, run: r.run, left: left.Wanted}, nil
	case record != "":
		return goal{}, &deploy.Problem{
			Code: deploy.CodeUnsupported, What: "what run " + r.run + " went away from is not in the store of this host any more",
			Details: []string{"it was " + left.Before.ProfileLink + ", " + record},
			Next:    "deploy that release again by its flake; or name what is there: " + r.again("rollback", "--on", h.Name, "--to", "N"),
		}
	}
	return goal{}, &deploy.Problem{
		Code: deploy.CodeUnsupported, What: "this host holds nothing of run " + r.run + " that could be undone", Next: r.again("status", "--on", h.Name),
	}
}

// unsettled refuses to go by the runs of a host whose newest has not ended.
func (r *rewind) unsettled(run string) *deploy.Problem {
	return &deploy.Problem{Code: deploy.CodeInconclusive, What: "run " + run + " is not settled here", Next: r.again("resume", run)}
}

// foreign refuses to undo what somebody else did: the host is neither on what the
// run left nor back already.
func (r *rewind) foreign(h inventory.Host, o deploy.Observation, g goal) *deploy.Problem {
	on := func(system string) bool { return o.Running == system && o.Profile == system }
	switch a := o.Active; {
	case r.acceptForeign || g.run == "":
		return nil
	case a != nil && a.Wanted != g.system: // a dead run of this operator, or it were refused as locked
		return r.unsettled(a.Run)
	case g.left == "" || on(g.left) || on(g.system):
		return nil
	}
	p := &deploy.Problem{
		Code: deploy.CodeForeignChange, What: "it is not on what run " + g.run + " left: going back would undo what somebody did since",
		Details: []string{"left    " + g.left, "running " + o.Running, "profile " + o.ProfileLink + " " + o.Profile},
	}
	words := []string{"rollback"}
	if r.run != "" {
		words = append(words, "--run", r.run)
	}
	p.Next = "find out who changed it; to undo that as well: " + r.again(append(words, "--accept-foreign", "--on", h.Name)...)
	if o.Previous != nil && o.Previous.Run != g.run {
		p.Details = append(p.Details, "the newest run that was confirmed here is "+o.Previous.Run)
	}
	return p
}

// asked is the problem of a host that did not answer.
func asked(err error) *deploy.Problem {
	if p, ok := errors.AsType[*deploy.Problem](err); ok {
		own := *p
		return &own
	}
	return &deploy.Problem{Code: deploy.CodeInternal, What: err.Error(), Err: err}
}
