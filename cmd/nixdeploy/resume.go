package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func resumeCommand() command {
	return command{
		name: "resume", usage: "settle the hosts of a run that did not end, whatever ended it",
		args: "[RUN]", maxArgs: 1,
		about: "Every host that the run left undecided is confirmed when it runs the new system and is healthy, else brought back. " +
			"The hosts are believed over the journal. No further host begins: that is apply's. Without RUN it is the newest run " +
			"that did not end.",
		examples: []string{"resume", "resume 01JDXK7QJ3M8Z9V6B2T4R5W0AX"},
		run:      runResume,
	}
}

func runResume(ctx context.Context, in *invocation) error {
	dir, err := in.stateDir()
	if err != nil {
		return err
	}
	id, err := in.runToResume(dir)
	if err != nil {
		return err
	}
	j, events, err := journal.Open(dir, id)
	switch {
	case errors.Is(err, journal.ErrHeld):
		return &deploy.Problem{Code: deploy.CodeLocked, What: "run " + id + " is still being worked on by a process of this machine",
			State: "not touched"}
	case errors.Is(err, journal.ErrNotFound):
		return &usageError{what: "there is no run " + quoted(id) + " in " + in.display(dir), command: "resume"}
	case err != nil:
		return err
	}
	end, err := in.settle(ctx, j, id, deploy.Fold(events), events)
	if closed := j.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return in.end(end)
}

// runToResume is the run that was named, or the newest that did not end.
func (in *invocation) runToResume(dir string) (string, error) {
	if len(in.args) > 0 {
		return in.args[0], nil
	}
	runs, err := journal.List(dir)
	if err != nil {
		return "", err
	}
	for _, r := range runs {
		if r.Err == nil && !r.Held && (!r.Finished || r.Exit == rollout.ExitStranded || r.Exit == rollout.ExitInterrupted) {
			return r.Run, nil
		}
	}
	return "", &usageError{what: "every run of this machine has ended; there is nothing to resume", command: "resume"}
}

// settle brings the undecided hosts of a run to a promised state.
func (in *invocation) settle(
	ctx context.Context, j *journal.Journal, id string, report deploy.Report, events []deploy.Event,
) (view.Ending, error) {
	if found, err := in.discover(); in.file == "" && (err != nil || absolute(in.App, found) != report.Start.Inventory) {
		in.file = report.Start.Inventory
	}
	inv, err := in.load()
	if err != nil {
		return view.Ending{}, err
	}
	hosts, open, err := hostsOf(inv, report)
	if err != nil {
		return view.Ending{}, err
	}
	p := in.newProgress()
	for _, e := range events {
		p.fold.Add(e)
		p.lines.Text(e)
	}
	j.Watch(p.show)
	dir, err := in.stateDir()
	if err != nil {
		return view.Ending{}, err
	}
	fleet, err := in.connect(Request{
		Run: id, Inventory: inv, First: true, Journal: j, Detach: in.signals.drain,
		Ours: func(run string) bool { return run == id || dead(dir)(run) },
	})
	if err != nil {
		return view.Ending{}, err
	}
	defer fleet.Driver.Close()
	if in.json {
		_, _ = in.Stdout.Write(view.JSONVersion(versionNumber()))
	}
	if len(open) > 0 {
		in.tell("settling " + hostList(open) + "\n")
	}
	in.signals.act(id)
	stop := p.beats(ctx)
	left := map[string]deploy.HostReport{}
	for _, h := range report.Hosts {
		left[h.Host] = h
	}
	rollout.EachUndecided(inv, open, left, func(h inventory.Host) {
		if ctx.Err() == nil {
			defer fleet.Driver.Release(h.Name)
			fleet.Driver.Resume(context.WithoutCancel(ctx), h, h.Stage, left[h.Name])
		}
	})
	stop()
	code := rollout.ExitCode(p.report(), in.signals.interrupted())
	err = j.Append(context.WithoutCancel(ctx), deploy.Event{
		Run: id, Time: time.Now(), Kind: deploy.EventRunFinished, Exit: &code, Message: meaning(code),
	})
	return in.endingOf(p.report(), code, inv, hosts), err
}

// hostsOf are the hosts of a run as the inventory knows them now, and of them
// those that were left undecided.
func hostsOf(inv *inventory.Inventory, report deploy.Report) (all, open []inventory.Host, err error) {
	undecided := map[string]bool{}
	for _, h := range report.Hosts {
		undecided[h.Host] = unresolved(h)
	}
	for _, name := range report.Start.Hosts {
		h, ok := inv.HostByName(name)
		switch {
		case ok:
			all = append(all, h)
			if undecided[name] {
				open = append(open, h)
			}
		case undecided[name]:
			return nil, nil, &usageError{
				what:    fmt.Sprintf("host %s was left undecided by the run, and the inventory has it no more", quoted(name)),
				hint:    "put it back into hosts.toml until it is settled",
				command: "resume",
			}
		}
	}
	return all, open, nil
}
