package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func approveCommand() command {
	return command{
		name: "approve", usage: "approve the flake, as it is now, for a stage that asks for it",
		about: "Shows what the flake would change in the stage, asks on a terminal, and writes to the stage's hosts and to the journal " +
			"who approved which flake, and when. Without a terminal the command itself is the approval.\n" +
			"It holds for this very flake in this stage, on every host that could be reached, and never runs out: " +
			"another flake needs another one. It opens no gate: proof, windows and freezes hold as ever.",
		examples: []string{"approve --stage prod", "approve --stage prod --yes"},
		own: func() []cli.Flag {
			return []cli.Flag{
				&cli.GenericFlag{Name: "stage", Usage: "the `STAGE` to approve the flake for", Value: new(once)},
				&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
				firstFlag(),
			}
		},
		run: runApprove,
	}
}

func runApprove(ctx context.Context, in *invocation) error {
	if in.stage == "" {
		return &usageError{what: "approve needs the stage: --stage STAGE", command: "approve"}
	}
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	if s, ok := inv.StageByName(in.stage); ok && !s.Approval {
		return &usageError{what: "stage " + quoted(in.stage) + " asks for no approval", hint: "approval = true in [stages." + in.stage + "] makes it", command: "approve"}
	}
	f, err := in.openFlake(ctx, inv)
	if err != nil {
		return err
	}
	in.rememberFlake(f)
	dir, err := in.stateDir()
	if err != nil {
		return err
	}
	id := journal.NewRunID()
	fleet, sink, err := in.looking(id, inv, f)
	if err != nil {
		return err
	}
	defer fleet.Driver.Close()
	p, err := in.stageToApprove(ctx, fleet, sink, inv, f, hosts)
	if err != nil {
		return err
	}
	in.tell("\n" + in.err.Plan(p, ""))
	if in.Terminal.In && !in.yes {
		if err := in.ask(ctx, fmt.Sprintf("Approve flake %s for stage %s, as %s?", view.FlakeID(p.Flake), p.Stage, operator(in.App))); err != nil {
			return &deploy.Problem{Code: deploy.CodeApproval, What: "stage " + p.Stage + " was not approved", Err: err, Next: in.forStage("approve", p.Stage)}
		}
	}
	j, err := journal.Create(dir, id)
	if err != nil {
		return unwritable(err)
	}
	err = in.writeApproval(ctx, j, id, fleet, inv, f, hosts, p)
	return errors.Join(err, j.Close())
}

// looking makes a fleet of which hosts are only read.
func (in *invocation) looking(id string, inv *inventory.Inventory, f *flake.Flake) (Fleet, *passing, error) {
	sink := in.readOnly()
	fleet, err := in.connect(Request{
		// The hosts know the lease and the upload of a plan by an id, too.
		Run: id, Inventory: inv, Flake: f, First: in.first, Accept: in.accept, Journal: sink, Ours: func(string) bool { return false }, Detach: in.signals.admit,
	})
	return fleet, sink, err
}

// stageToApprove is the plan of the stage as its hosts are now, reading only.
func (in *invocation) stageToApprove(
	ctx context.Context, fleet Fleet, sink *passing, inv *inventory.Inventory, f *flake.Flake, hosts []inventory.Host,
) (deploy.Plan, error) {
	in.level = deploy.PlanQuick
	plans, err := in.plansNow(ctx, fleet, sink, inv, f, hosts)
	if err != nil {
		return deploy.Plan{}, err
	}
	return plans[0], nil
}

// writeApproval writes it down here first, then on the hosts.
func (in *invocation) writeApproval(
	ctx context.Context, j *journal.Journal, id string, fleet Fleet, inv *inventory.Inventory, f *flake.Flake, hosts []inventory.Host, p deploy.Plan,
) error {
	start := (&change{invocation: in, command: "approve", inv: inv, hosts: hosts, flake: f}).started(id)
	leave := in.leave(p.Flake, p.Stage)
	for _, e := range []deploy.Event{start, approvedEvent(id, leave)} {
		if err := j.Append(ctx, e); err != nil {
			return unwritable(err)
		}
	}
	problems := in.approveOn(ctx, fleet, inv, p)
	for _, h := range p.Hosts { // not read, or not to be written to
		if h.Problem != nil {
			problems = append(problems, in.named(h.Problem))
		}
	}
	code := problemExit(problems)
	if err := finish(ctx, j, id, code); err != nil {
		return err
	}
	if err := in.showApproval(leave, p, problems); err != nil || code == 0 {
		return err
	}
	return exitError(code)
}

// showApproval says what was approved, and where that is known.
func (in *invocation) showApproval(a deploy.Approval, p deploy.Plan, problems []*deploy.Problem) error {
	failed := map[string]bool{}
	list := make([]deploy.Problem, len(problems))
	for i, problem := range problems {
		failed[problem.Host], list[i] = true, *problem
	}
	kept, missing := []string{}, []string{}
	for _, h := range p.Hosts {
		if failed[h.Host] {
			missing = append(missing, h.Host)
		} else {
			kept = append(kept, h.Host)
		}
	}
	next := in.forStage("apply", p.Stage)
	if len(missing) > 0 {
		next = in.forStage("approve", p.Stage)
	}
	if in.json {
		return in.print(string(view.JSONDocument(map[string]any{
			"type": "approval", "nixdeploy": versionNumber(), "format": view.EventsVersion, "flake": a.Flake, "stage": a.Stage, "by": a.By,
			"time": a.Time.Format(time.RFC3339), "hosts": kept, "missing": missing, "next": next,
		})))
	}
	text := fmt.Sprintf("flake %s is approved for stage %s by %s, on %s\n", view.FlakeID(a.Flake), in.out.Clean(a.Stage), in.out.Clean(a.By), orNobody(kept))
	if len(missing) > 0 {
		text += fmt.Sprintf("not on %s: a host that has no approval is not begun\n", some(missing))
		in.tell(in.err.Problems(list))
	}
	return in.print(text + in.out.Next(next))
}

func orNobody(hosts []string) string {
	if len(hosts) == 0 {
		return "no host"
	}
	return strings.Join(hosts, " ")
}
