package main

import (
	"context"
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func showCommand() command {
	return command{
		name: "show", usage: "tell one run of this machine, from its journal", args: "RUN", maxArgs: 1,
		about: "RUN is its name, the beginning of it, or last. What it recommends is what still applies: after a later run of " +
			"the same fleet that is only to look at that one. No host is contacted.",
		examples: []string{"show last", "show 01JDXK7QJ3", "show --events last", "show --json last"},
		own: func() []cli.Flag {
			return []cli.Flag{&cli.BoolFlag{Name: "events", Usage: "every event of the journal, one JSON object a line"}}
		},
		run: runShow,
	}
}

func runShow(_ context.Context, in *invocation) error {
	if len(in.args) == 0 {
		return &usageError{what: "no run named", command: "show", hint: "the newest is: nixdeploy show last; all of them: " + in.recommend("history")}
	}
	dir, err := in.stateDir()
	if err != nil {
		return err
	}
	id, err := in.runNamed(dir, in.args[0], "show")
	if err != nil {
		return err
	}
	events, err := journal.Read(dir, id)
	if errors.Is(err, journal.ErrNotFound) {
		return &usageError{what: "there is no run " + quoted(id) + " in " + in.display(dir), command: "show", hint: in.recommend("history")}
	}
	if err != nil {
		return in.unreadable(dir, id, err)
	}
	if in.cli.Bool("events") {
		for _, e := range events {
			line, err := view.JSONRecorded(e)
			if err != nil {
				return err
			}
			if _, err := in.Stdout.Write(line); err != nil {
				return err
			}
		}
		return nil
	}
	p := in.past(dir, journal.RunInfo{Run: id, Held: journal.Held(dir, id)})
	next, err := in.nextAfterShow(dir, &p)
	if err != nil {
		return err
	}
	for i := range p.Report.Hosts {
		p.Report.Hosts[i].Problem = in.named(p.Report.Hosts[i].Problem)
	}
	if in.json {
		_, err := in.Stdout.Write(view.JSONPast(versionNumber(), p, next))
		return err
	}
	return in.print(in.out.Past(p, in.zone(), in.verbose, next))
}

// nextAfterShow is the command that goes on from a run, if it is still for that
// run to say: what a later run of the same fleet found counts more.
func (in *invocation) nextAfterShow(dir string, p *view.Past) (string, error) {
	r := p.Report
	switch {
	case p.Held:
		return "", nil
	case !r.Finished || slices.ContainsFunc(r.Hosts, unresolved):
		return in.recommend("resume", p.Run), nil
	}
	runs, err := runsHere(dir)
	if err != nil {
		return "", err
	}
	for _, later := range runs { // the newest first
		if later.Run > p.Run && later.Err == nil && later.Fleet == r.Start.Fleet {
			p.Later = later.Run
			for i, h := range r.Hosts {
				if h.Problem != nil {
					own := *h.Problem
					own.Next = ""
					r.Hosts[i].Problem = &own
				}
			}
			return in.recommend("show", later.Run), nil
		}
	}
	hosts, stages := selectedBy(r)
	return in.nextAfter(r, hosts, stages), nil
}

// selectedBy is the selection of a run as its journal knows it: the stages that
// it was for, and the hosts that it came to.
func selectedBy(r deploy.Report) (hosts []inventory.Host, stages []string) {
	for _, s := range r.Start.Stages {
		for _, h := range r.Hosts {
			if h.Stage == s {
				hosts = append(hosts, inventory.Host{Name: h.Host, Stage: s})
			}
		}
	}
	return hosts, r.Start.Stages
}
