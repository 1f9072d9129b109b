package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func statusCommand() command {
	return command{
		name: "status", usage: "show what each host runs, and what is odd about it",
		about:    "Reads the hosts themselves; nothing is written there.",
		examples: []string{"status", "status --on web-1", "status --stage prod --json"},
		own: func() []cli.Flag {
			drift := &cli.BoolFlag{Name: "exit-code", Usage: "exit 10 when a host is worth a look"}
			return append(selectFlags(), drift)
		},
		run: runStatus,
	}
}

func runStatus(ctx context.Context, in *invocation) error {
	rows, err := in.lookAtHosts(ctx)
	if err != nil {
		return err
	}
	return in.showStatus(rows)
}

// lookAtHosts inspects the selected hosts, whoever holds them.
func (in *invocation) lookAtHosts(ctx context.Context) ([]view.HostStatus, error) {
	inv, hosts, err := in.selection()
	if err != nil {
		return nil, err
	}
	sink := in.readOnly()
	fleet, err := in.connect(Request{
		Inventory: inv, First: true, Journal: sink, Ours: func(string) bool { return true }, Detach: in.signals.admit,
	})
	if err != nil {
		return nil, err
	}
	defer fleet.Driver.Close()
	in.tell("contacting " + hostList(hosts) + "\n")
	stop := sink.beats(ctx)
	rows := eachHost(hosts, fleet.Limits.Readers, func(h inventory.Host) view.HostStatus {
		defer fleet.Driver.Release(h.Name)
		p := fleet.Driver.Inspect(ctx, h, "")
		return view.HostStatus{Host: h.Name, Stage: h.Stage, Target: h.Target, Observed: p.Observed, Problem: in.named(p.Problem)}
	})
	stop()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return rows, nil
}

func (in *invocation) showStatus(rows []view.HostStatus) error {
	out := view.JSONStatus(versionNumber(), rows)
	if !in.json {
		out = []byte(in.out.Status(rows, in.nextAfterStatus(rows)))
	}
	if _, err := in.Stdout.Write(out); err != nil {
		return err
	}
	var problems []*deploy.Problem
	odd := false
	for _, r := range rows {
		odd = odd || !r.Settled()
		// What was observed is the answer; only what could not be observed,
		// or is another machine, is a failure of this command.
		if r.Problem != nil && (r.Observed == nil || r.Problem.Security()) {
			problems = append(problems, r.Problem)
		}
	}
	switch code := problemExit(problems); {
	case code != rollout.ExitOK:
		return exitError(code)
	case odd && in.exitCode:
		return exitError(rollout.ExitDrift)
	}
	return nil
}

func (in *invocation) nextAfterStatus(rows []view.HostStatus) string {
	for _, r := range rows {
		if r.Unresolved() {
			return in.recommend("resume", r.Observed.Active.Run)
		}
	}
	return ""
}
