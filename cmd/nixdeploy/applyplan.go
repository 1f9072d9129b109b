package main

import (
	"context"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// saved is a saved plan that is applied.
type saved struct {
	*planFile
	signer string // verified; "" when nobody had to sign
	// files is what of inventory and flake has moved, which no host is needed for.
	files []*deploy.Problem
}

// applySaved does exactly what a saved plan says, or nothing. The file is its own
// consent: it was made to be looked at.
func applySaved(ctx context.Context, in *invocation) error {
	file, err := in.readPlanFile(in.args[0], "apply")
	if err != nil {
		return err
	}
	if err := in.onlyTheFile(); err != nil {
		return err
	}
	inv, err := in.load()
	if err != nil {
		return err
	}
	signer, err := in.signedBy(ctx, inv, file)
	if err != nil {
		return err
	}
	f, err := in.openFlake(ctx, inv)
	if err != nil {
		return err
	}
	in.rememberFlake(f)
	s := &saved{planFile: file, signer: signer}
	if signer != "" {
		in.tell("signed by " + in.err.Clean(signer) + "\n")
	}
	if p := savedplan.MovedInventory(file.Inventory, inv); p != nil {
		s.files = append(s.files, p)
	}
	if p := savedplan.MovedFlake(file.Flake, f); p != nil {
		s.files = append(s.files, p)
	}
	in.yes, in.first, in.accept, in.planFile = true, file.First, file.Accept, file.name
	if in.override == "" {
		in.override = file.Override
	}
	return (&change{invocation: in, command: "apply", inv: s.policies(inv), hosts: s.hosts(inv), flake: f, saved: s}).run(ctx)
}

// onlyTheFile refuses flags that would make another plan of it.
func (in *invocation) onlyTheFile() error {
	for _, name := range []string{"on", "stage", "first", "accept", "parallel"} {
		if in.cli.IsSet(name) {
			return &usageError{
				what: "--" + name + " with a saved plan: it is applied as it is, whole",
				hint: "give it to plan: " + in.recommend("plan", "--out", in.args[0]), command: "apply",
			}
		}
	}
	return nil
}

// stages are the names of the plan's stages.
func (s *saved) stages() []string {
	var names []string
	for _, p := range s.Stages {
		names = append(names, p.Stage)
	}
	return names
}

// hosts are those of the plan that the inventory has.
func (s *saved) hosts(inv *inventory.Inventory) []inventory.Host {
	var hosts []inventory.Host
	for _, name := range s.Names() {
		if h, ok := inv.HostByName(name); ok {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// policies are the inventory's stages with the plan's --parallel. The rest of a
// policy is the same in both, unless the file was edited: approvals, windows and
// budgets are hosts.toml's to give.
func (s *saved) policies(inv *inventory.Inventory) *inventory.Inventory {
	own := *inv
	own.Stages = slices.Clone(inv.Stages)
	for i, stage := range own.Stages {
		if p, ok := s.Stage(stage.Name); ok {
			own.Stages[i].Parallel = p.Policy.Parallel
		}
	}
	return &own
}

// misplaced is a file that does not fit its own inventory: edited by hand.
func (s *saved) misplaced(inv *inventory.Inventory) error {
	for _, p := range s.Stages {
		for _, h := range p.Hosts {
			if at, ok := inv.HostByName(h.Host); !ok || at.Stage != p.Stage {
				return &usageError{what: s.name + ": host " + quoted(h.Host) + " is not in stage " + quoted(p.Stage) + " of " + inv.Path, command: "apply"}
			}
		}
	}
	return nil
}

// hold inspects every host of the plan, reading only, and refuses when anything
// moved. A host that cannot be read, or is locked, is left to its stage, where it
// counts as in every apply; one that is refused for security ends all of it.
func (s *saved) hold(ctx context.Context, c *change, f Fleet) error {
	if len(s.files) == 0 {
		if err := s.misplaced(c.inv); err != nil {
			return err
		}
	}
	c.tell("looking whether what " + c.err.Clean(s.name) + " saw is still so: " + hostList(c.hosts) + "\n")
	seen := eachHost(c.hosts, f.Limits.Readers, func(h inventory.Host) deploy.HostPlan {
		p := f.Driver.Inspect(ctx, h, "")
		if h.Stage != c.hosts[0].Stage { // its turn is not next: the connection is not kept for so long
			f.Driver.Release(h.Name)
		}
		return p
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	problems := slices.Clone(s.files)
	planned := s.Hosts()
	for _, hp := range seen {
		if p := stops(planned[hp.Host], hp); p != nil {
			problems = append(problems, p)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	last := *problems[len(problems)-1]
	if last.Next == "" {
		last.Next = c.planAnew(s.stages(), s.Names())
	}
	return &refusals{append(problems[:len(problems)-1:len(problems)-1], &last)}
}

// stops says why a host ends all of an apply before it begins, nil when it does
// not. What keeps a host from being worked on, a lock say, does not hide that it
// has moved. Of a run that stands open on it counts where that would go back to.
func stops(planned, now deploy.HostPlan) *deploy.Problem {
	p := now.Problem
	if p == nil || p.Code == deploy.CodeMoved || p.Security() {
		return p
	}
	if now.Observed == nil {
		return nil
	}
	o := *now.Observed
	if a := o.Active; a != nil {
		o.Links, o.Active = a.Record, nil
	}
	return savedplan.MovedHost(planned, o)
}

// refusals are several problems that end a command before it began.
type refusals struct{ problems []*deploy.Problem }

func (r *refusals) Error() string {
	var lines []string
	for _, p := range r.problems {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the first.
func (r *refusals) Unwrap() error { return r.problems[0] }

// savedPlanner makes the plans of a run as they were saved: the same hosts in the
// same waves. What the hosts are now is shown beside it.
type savedPlanner struct {
	plan.Planner
	saved *saved
}

// Stage is the saved plan with what is known by now.
func (p savedPlanner) Stage(stage string, hosts []deploy.HostPlan, gate deploy.Gate) deploy.Plan {
	was, ok := p.saved.Stage(stage)
	if !ok {
		return p.Planner.Stage(stage, hosts, gate)
	}
	planned, both := p.saved.Hosts(), make([]deploy.HostPlan, len(hosts))
	for i, h := range hosts {
		both[i] = merged(planned[h.Host], h)
	}
	now := p.Planner.Stage(stage, both, gate)
	now.Waves, now.AtMost = was.Waves, max(now.AtMost, was.AtMost+p.Limits.LockWait) // no plan waits for locks
	fresh := map[string]deploy.HostPlan{}
	for _, h := range now.Hosts {
		fresh[h.Host] = h
	}
	now.Hosts = nil
	for _, h := range was.Hosts {
		own := fresh[h.Host]
		own.Host, own.Wave = h.Host, h.Wave
		now.Hosts = append(now.Hosts, own)
	}
	return now
}

// merged is a host as it was planned, and as it is.
func merged(was, now deploy.HostPlan) deploy.HostPlan {
	now.Target, now.Wanted = was.Target, was.Wanted
	if now.Change == deploy.ChangeSwitch {
		now.Build, now.Fetch, now.Transfer, now.Difference = was.Build, was.Fetch, was.Transfer, was.Difference
	}
	return now
}
