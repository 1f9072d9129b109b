package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// rebuild makes the journal of a run anew from what the hosts hold of it, then
// settles it like any other. For a journal that is damaged, or on another
// machine.
func (in *invocation) rebuild(ctx context.Context, dir, id string) error {
	known, err := in.toRebuild(dir, id)
	if err != nil {
		return err
	}
	report := deploy.Fold(journal.Salvage(dir, id))
	in.findInventoryOf(report)
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	kept, err := in.askKept(ctx, inv, hosts, id)
	if err != nil {
		return err
	}
	events := rebuilt(inv, report, in.startOf(inv, id, report, kept), kept)
	fold := deploy.Fold(events)
	if len(fold.Hosts) == 0 && !known {
		return &deploy.Problem{
			Code: deploy.CodeJournal, What: "none of " + hostList(hosts) + " holds anything of run " + id + ", and this machine has no journal of it",
			State: "nothing was written", Next: in.recommend("status"),
		}
	}
	if err := in.mayTakeOver(ctx, known, id, kept); err != nil {
		return err
	}
	j, err := journal.Rebuild(dir, id, events)
	if err != nil {
		return err
	}
	in.tell(fmt.Sprintf("rebuilt the journal of run %s from the hosts: %d hold something of it\n", id, len(fold.Hosts)))
	return in.settleAll(ctx, j, id, fold, events)
}

// toRebuild says whether this machine knows the run. A journal that can be read
// is not rebuilt.
func (in *invocation) toRebuild(dir, id string) (known bool, err error) {
	_, err = journal.Read(dir, id)
	switch _, damaged := errors.AsType[*journal.DamagedError](err); {
	case journal.Held(dir, id):
		return true, in.unreadable(dir, id, journal.ErrHeld)
	case err == nil:
		return true, &usageError{what: "the journal of run " + id + " is whole", hint: in.recommend("resume", id), command: "resume"}
	case damaged:
		return true, nil
	case errors.Is(err, journal.ErrNotFound):
		return false, nil
	}
	return true, in.unreadable(dir, id, err)
}

// keptRun is what one host answered.
type keptRun struct {
	deploy.KeptRun
	host    inventory.Host
	problem *deploy.Problem
}

// askKept asks hosts what they hold of a run, reading only. Unless all of them
// answer, it is an error: who is silent may be the one that is armed.
func (in *invocation) askKept(ctx context.Context, inv *inventory.Inventory, hosts []inventory.Host, run string) ([]keptRun, error) {
	sink := in.readOnly()
	fleet, err := in.connect(Request{
		Run: run, Inventory: inv, First: true, Journal: sink, Ours: func(string) bool { return true }, Detach: in.signals.admit,
	})
	if err != nil {
		return nil, err
	}
	defer fleet.Driver.Close()
	in.tell("asking " + hostList(hosts) + " about run " + run + "\n")
	stop := sink.beats(ctx)
	kept := eachHost(hosts, fleet.Limits.Readers, func(h inventory.Host) keptRun {
		defer fleet.Driver.Release(h.Name)
		k, err := fleet.Driver.Kept(ctx, h, run, "")
		return keptRun{KeptRun: k, host: h, problem: keptProblem(h, inv.Fleet, k, err)}
	})
	stop()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var problems []deploy.Problem
	var answered []string
	for _, k := range kept {
		if k.problem != nil {
			problems = append(problems, *k.problem)
		} else {
			answered = append(answered, k.host.Name)
		}
	}
	if len(problems) == 0 {
		return kept, nil
	}
	in.tell(in.err.Problems(problems))
	if len(answered) > 0 {
		in.tell("nothing was written; to go on without them choose hosts: --on " + shellWord(strings.Join(answered, ",")) + "\n")
	}
	all := make([]*deploy.Problem, len(problems))
	for i := range problems {
		all[i] = &problems[i]
	}
	return nil, exitError(problemExit(all))
}

// keptProblem says why an answer cannot be relied on, nil when it can.
func keptProblem(h inventory.Host, fleet string, k deploy.KeptRun, err error) *deploy.Problem {
	if err != nil {
		p, ok := errors.AsType[*deploy.Problem](err)
		if !ok {
			p = &deploy.Problem{Code: deploy.CodeInternal, What: err.Error()}
		}
		own := *p
		own.Host, own.State = h.Name, "not asked, so nothing was written"
		return &own
	}
	if k.Run != "" && (k.Fleet != fleet || k.Host != h.Name) {
		return &deploy.Problem{
			Code: deploy.CodeIdentity, Host: h.Name, Step: deploy.StepInspect, State: "not touched",
			What: fmt.Sprintf("the machine behind this address is %s of fleet %s", k.Host, k.Fleet),
			Next: "correct the address in hosts.toml",
		}
	}
	return nil
}

// mayTakeOver makes sure that nobody works on the run any more. Of a run of this
// machine the lock tells; of another machine's only a live lease does, and a
// person.
func (in *invocation) mayTakeOver(ctx context.Context, known bool, id string, kept []keptRun) error {
	open := ""
	for _, k := range kept {
		if k.Lease != nil && !known {
			p := deploy.Locked(k.Lease.Run, k.Lease.Operator, k.Lease.Since, k.Lease.Seconds, false)
			p.Host, p.State = k.host.Name, "nothing was written: a process of that run was there a moment ago"
			return p
		}
		if k.Active {
			open = k.Operator
		}
	}
	if known || open == "" {
		return nil
	}
	if err := in.mustBeAbleToAsk("resume"); err != nil {
		return err
	}
	if in.yes {
		return nil
	}
	return in.ask(ctx, fmt.Sprintf("Is the process of run %s, by %s, gone for good?", id, open))
}

// startOf is how the run began: as the readable part of its journal says, else
// as the hosts tell it.
func (in *invocation) startOf(inv *inventory.Inventory, id string, r deploy.Report, kept []keptRun) deploy.RunStart {
	if r.Start.Command != "" {
		return r.Start
	}
	start := deploy.RunStart{
		Command: "rollback", Fleet: inv.Fleet, Inventory: absolute(in.App, inv.Path), InvHash: inv.Hash,
	}
	seen := map[string]bool{}
	for _, k := range kept {
		if k.Run != id {
			continue
		}
		start.Operator = k.Operator
		start.Hosts = append(start.Hosts, k.host.Name)
		if k.Goal == deploy.GoalFlake {
			start.Command, start.Flake = "apply", k.FlakeHash
		}
		if !seen[k.Stage] {
			seen[k.Stage] = true
			start.Stages = append(start.Stages, k.Stage)
		}
	}
	return start
}

// rebuilt is what the hosts tell of a run as its events. It is pure but for the
// time of an event, which is that of the arming. No host knows whether its soak
// came to an end, so all of it is owed.
func rebuilt(inv *inventory.Inventory, r deploy.Report, start deploy.RunStart, kept []keptRun) []deploy.Event {
	began := r.Began
	var hosts []deploy.Event
	for _, k := range kept {
		if k.Run == "" {
			continue
		}
		at := time.Unix(k.Since, 0).UTC()
		if began.IsZero() || at.Before(began) {
			began = at
		}
		for _, e := range hostEvents(start.Command, k) {
			e.Time, e.Host, e.Stage = at, k.host.Name, k.Stage
			hosts = append(hosts, e)
		}
	}
	events := []deploy.Event{{Kind: deploy.EventRunStarted, Time: began, Start: &start, Message: "rebuilt from the hosts"}}
	for _, name := range start.Stages {
		if s, ok := inv.StageByName(name); ok {
			events = append(events, deploy.Event{Kind: deploy.EventStageStarted, Time: began, Stage: name, Plan: &deploy.Plan{Stage: name, Policy: s}})
		}
	}
	return append(events, hosts...)
}

// hostEvents tells one host's part. An apply that armed a host for a system of
// its own store was bringing it back from what it had confirmed there.
func hostEvents(command string, k keptRun) []deploy.Event {
	before, wanted, step := k.Record, k.Wanted, deploy.StepSwitch
	var events []deploy.Event
	back := command == "apply" && k.Goal == deploy.GoalSystem
	if back {
		left := k.Record
		before = deploy.Links{Profile: k.Wanted, Running: k.Wanted, NextBoot: k.Wanted}
		wanted, step = left.Profile, deploy.StepReturn
		events = append(events,
			deploy.Event{Kind: deploy.EventHostState, State: deploy.StateConfirmed, Wanted: wanted, Before: &before, After: &left},
			deploy.Event{Kind: deploy.EventStepStarted, Step: deploy.StepReturn})
	}
	if len(events) == 0 {
		events = append(events, deploy.Event{Kind: deploy.EventStepStarted, Step: deploy.StepInspect})
	}
	events = append(events, deploy.Event{Kind: deploy.EventStepIntent, Step: step, Wanted: wanted, Before: &before})
	end := deploy.Event{Kind: deploy.EventHostState, Wanted: wanted, Before: &before}
	switch {
	case k.Active:
		return events // undecided: resume asks
	case k.Result == deploy.ResultConfirmed && !back:
		end.State = deploy.StateConfirmed
	case k.Result == deploy.ResultConfirmed, k.Result == deploy.ResultReturned && !back:
		end.State = deploy.StateReturned
		end.Problem = &deploy.Problem{Code: deploy.CodeInterrupted, Host: k.host.Name, What: "returned, by the host's own account; the journal that said why is lost"}
	default:
		return events // stranded, or stayed on what it was to leave: resume asks
	}
	if after := k.Links; after.Running == reached(end.State, wanted, before) {
		end.After = &after
	}
	return append(events, end)
}

// reached is the system that a host with this end runs, if nobody changed it since.
func reached(s deploy.State, wanted string, before deploy.Links) string {
	if s == deploy.StateConfirmed {
		return wanted
	}
	return before.Running
}
