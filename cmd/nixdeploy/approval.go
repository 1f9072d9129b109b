package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// approver asks a person about each stage of a run before it begins.
type approver struct {
	*change
	fleet    Fleet
	journal  *journal.Journal
	run      string
	progress *progress
}

// approve shows a stage's plan and asks: for the stage's approval where it is
// missing, which --yes does not stand for, else for leave to begin.
func (a *approver) approve(ctx context.Context, p deploy.Plan) error {
	if !a.json {
		a.tell("\n" + a.err.Plan(p, ""))
	}
	changing := changes(p)
	unapproved := p.Approvals != nil && len(p.Approvals.Missing) > 0
	switch {
	case unapproved && !a.Terminal.In:
		return a.unapproved(p)
	case !unapproved && (a.yes || changing == 0):
		return nil
	}
	a.progress.hush(true)
	defer a.progress.hush(false)
	change := fmt.Sprintf("%s %d of %d hosts of stage %s?", verb(a.command), changing, len(p.Hosts), p.Stage)
	if !unapproved {
		return a.ask(ctx, change)
	}
	err := a.ask(ctx, fmt.Sprintf("Approve flake %s for stage %s, as %s? %s", view.FlakeID(p.Flake), p.Stage, operator(a.App), change))
	if err != nil {
		return a.unapproved(p)
	}
	return a.keep(ctx, p)
}

// changes counts the hosts of a plan that may be changed.
func changes(p deploy.Plan) int {
	n := 0
	for _, h := range p.Hosts {
		if h.Change == deploy.ChangeSwitch || h.Change == deploy.ChangeEvaluate || h.Change == deploy.ChangeUnknown {
			n++
		}
	}
	return n
}

// unapproved is a stage that nobody approved this flake for.
func (a *approver) unapproved(p deploy.Plan) error {
	problem := &deploy.Problem{
		Code:    deploy.CodeApproval,
		What:    fmt.Sprintf("stage %s asks for an approval of flake %s, which is missing on %s", p.Stage, view.FlakeID(p.Flake), some(p.Approvals.Missing)),
		Details: []string{"flake " + p.Flake, "an approval is for one flake and one stage; --yes and --override-gate are none"},
		Next:    a.forStage("approve", p.Stage),
	}
	for _, g := range p.Approvals.Given {
		problem.Details = append(problem.Details, "on other hosts: by "+g.By+" on "+g.Time.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return problem
}

// some names a few hosts and counts the rest.
func some(names []string) string {
	if len(names) > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], " "), len(names)-maxNamed)
	}
	return strings.Join(names, " ")
}

// keep writes an approval that was given at the prompt into the journal, without
// which nothing begins, and to the stage's hosts, so that another run finds it.
func (a *approver) keep(ctx context.Context, p deploy.Plan) error {
	if err := a.journal.Append(ctx, approvedEvent(a.run, a.leave(p.Flake, p.Stage))); err != nil {
		return unwritable(err)
	}
	for _, problem := range a.approveOn(ctx, a.fleet, a.inv, p) {
		a.tell("warning: the approval holds for this run, and is not kept: " + a.err.Clean(problem.Error()) + "\n")
	}
	return nil
}

// leave is this operator's approval.
func (in *invocation) leave(flake, stage string) deploy.Approval {
	return deploy.Approval{Flake: flake, Stage: stage, By: operator(in.App), Time: time.Now().UTC().Truncate(time.Second)}
}

func approvedEvent(run string, a deploy.Approval) deploy.Event {
	return deploy.Event{Run: run, Time: time.Now(), Kind: deploy.EventStageApproved, Stage: a.Stage, Approval: &a}
}

// approveOn makes the hosts of a stage's plan remember the approval; those that
// were not read are left out. It returns what kept a host from it.
func (in *invocation) approveOn(ctx context.Context, f Fleet, inv *inventory.Inventory, p deploy.Plan) []*deploy.Problem {
	var hosts []inventory.Host
	for _, hp := range p.Hosts {
		if h, ok := inv.HostByName(hp.Host); ok && hp.Observed != nil && hp.Problem == nil {
			hosts = append(hosts, h)
		}
	}
	errs := eachHost(hosts, f.Limits.Readers, func(h inventory.Host) error {
		return f.Driver.Approve(ctx, h, p.Stage)
	})
	var problems []*deploy.Problem
	for i, err := range errs {
		if err == nil {
			continue
		}
		problem, ok := errors.AsType[*deploy.Problem](err)
		if !ok {
			problem = &deploy.Problem{Code: deploy.CodeInternal, Host: hosts[i].Name, What: "the approval was not kept", Err: err}
		}
		problems = append(problems, problem)
	}
	return problems
}
