package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func statusCommand() command {
	return command{
		name: "status", usage: "show how each host stands, against its last confirmed run",
		about: "Reads the hosts themselves; nothing is written there, and no journal of this machine is needed. Drift: a host is not what its " +
			"last confirmed run made it. Failed units count when they were not failed then. With --verbose, or of one host, what is running, " +
			"booted, next boot and profile is told by store path.",
		examples: []string{"status", "status --on web-1", "status --stage prod --checks --exit-code", "status --json"},
		own: func() []cli.Flag {
			return append(selectFlags(),
				&cli.BoolFlag{Name: "checks", Usage: "run the health checks of hosts.toml, too, one round each"},
				&cli.BoolFlag{Name: "exit-code", Usage: "exit 10 when a host drifts, is unhealthy, unresolved or unconfirmed"})
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
		return in.lookAt(ctx, fleet.Driver, h)
	})
	stop()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return rows, nil
}

func (in *invocation) lookAt(ctx context.Context, d Driver, h inventory.Host) view.HostStatus {
	p := d.Inspect(ctx, h, "")
	row := view.HostStatus{Host: h.Name, Stage: h.Stage, Target: h.Target, Observed: p.Observed, Problem: in.named(p.Problem)}
	if p.Observed != nil {
		st := plan.Stand(*p.Observed)
		row.Standing = &st
		// What keeps an apply from it keeps no check from it, but that it is another machine.
		if in.checks && (p.Problem == nil || !p.Problem.Security()) && p.Observed.Active == nil {
			row.Health = in.named(checked(ctx, d, h))
		}
	}
	row.State = view.StateOf(row)
	return row
}

// checked runs a host's checks once, but for units: of these the inspection says
// more, for it knows which were failed when the host was confirmed.
func checked(ctx context.Context, d Driver, h inventory.Host) *deploy.Problem {
	h.Checks = slices.DeleteFunc(slices.Clone(h.Checks), func(c inventory.Check) bool { return c.Type == inventory.CheckUnits })
	if len(h.Checks) == 0 {
		return nil
	}
	p := d.Check(ctx, h)
	if p == nil {
		return nil
	}
	own := *p
	own.Step, own.State = deploy.StepHealth, "" // nothing was changed here
	return &own
}

func (in *invocation) showStatus(rows []view.HostStatus) error {
	page := view.StatusPage{
		Hosts: rows, Findings: view.Findings(rows), Now: time.Now(), Zone: in.zone(), Each: in.verbose,
	}
	for i := range page.Findings {
		f := &page.Findings[i]
		var command bool
		f.Next, command = in.nextAfterFinding(*f, rows)
		if command && page.Next == "" {
			page.Next = f.Next
		}
	}
	out := view.JSONStatus(versionNumber(), page)
	if !in.json {
		out = []byte(in.out.Status(page))
	}
	if _, err := in.Stdout.Write(out); err != nil {
		return err
	}
	if code := statusExit(rows, in.exitCode); code != rollout.ExitOK {
		return exitError(code)
	}
	return nil
}

// statusExit is the exit code of status: what could not be read counts before what
// was read and is not as it should be.
func statusExit(rows []view.HostStatus, asked bool) int {
	var problems []*deploy.Problem
	odd := false
	for _, r := range rows {
		odd = odd || !r.Good()
		if p := r.Failed(); p != nil {
			problems = append(problems, p)
		}
	}
	if code := problemExit(problems); code != rollout.ExitOK || !odd || !asked {
		return code
	}
	return rollout.ExitDrift
}

// nextAfterFinding is what a person does next about a finding, and whether it is a
// command of nixdeploy.
func (in *invocation) nextAfterFinding(f view.Finding, rows []view.HostStatus) (next string, command bool) {
	on := []string{"--stage", f.Stage}
	if len(f.Hosts) <= maxNamed {
		on = append(on, "--on", strings.Join(f.Hosts, ","))
	}
	switch deploy.Condition(f.State) {
	case deploy.ConditionUnresolved:
		return in.recommend("resume", f.Run), true
	case deploy.ConditionDrift:
		return in.recommend(append([]string{"plan"}, on...)...), true
	case deploy.ConditionUnconfirmed:
		words := append([]string{"plan"}, on...)
		for _, r := range rows {
			if slices.Contains(f.Hosts, r.Host) && r.Observed.Marker == nil {
				return in.recommend(append(words, "--first")...), true
			}
		}
		return in.recommend(words...), true
	case deploy.ConditionFailedUnits:
		return "on the host: " + shellLine(append([]string{"systemctl", "status"}, f.Units...)...), false
	case deploy.ConditionRebootPending:
		return "on the host, when it suits: systemctl reboot", false
	}
	return "", false
}
