package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

// historyLines is how many runs are listed unless -n says otherwise.
const historyLines = 20

func historyCommand() command {
	return command{
		name: "history", usage: "list the runs of this machine, the newest first",
		about: "Reads the journals here; no host is contacted. A journal that is damaged, or that another program or a newer " +
			"nixdeploy wrote, is listed as such.",
		examples: []string{"history", "history -n 5 --host web-1", "history --stage prod --json"},
		own: func() []cli.Flag {
			return []cli.Flag{
				&cli.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: historyLines, Usage: "at most `N` runs; 0 for all"},
				&cli.StringFlag{Name: "host", Usage: "only runs that this `HOST` was part of"},
				stageFlag(),
			}
		},
		run: runHistory,
	}
}

func runHistory(_ context.Context, in *invocation) error {
	limit, host := in.cli.Int("limit"), in.cli.String("host")
	if limit < 0 {
		return &usageError{what: fmt.Sprintf("-n %d: it takes 0 or more", limit), command: "history"}
	}
	if in.cli.IsSet("host") && host == "" {
		return &usageError{what: "--host is empty", command: "history"}
	}
	dir, err := in.stateDir()
	if err != nil {
		return err
	}
	runs, err := runsHere(dir)
	if err != nil {
		return err
	}
	past := []view.Past{}
	for _, r := range runs {
		if limit > 0 && len(past) == limit {
			break
		}
		p := in.past(dir, r)
		if partOf(p, host, in.stage) {
			past = append(past, p)
		}
	}
	if in.json {
		_, err := in.Stdout.Write(view.JSONHistory(versionNumber(), past))
		return err
	}
	if len(past) == 0 {
		in.tell(noRuns(len(runs)) + " in " + in.err.Clean(in.display(dir)) + "\n")
		return nil
	}
	return in.print(in.out.History(past, in.zone(), in.nextAfterHistory(past)))
}

// noRuns is what is said where none is listed, of so many that there are.
func noRuns(there int) string {
	if there == 0 {
		return "no runs"
	}
	return fmt.Sprintf("none of %d runs", there)
}

// past reads one run. What cannot be read is told, not passed over.
func (in *invocation) past(dir string, r journal.RunInfo) view.Past {
	p := view.Past{Run: r.Run, Held: r.Held, Report: deploy.Report{Run: r.Run, Began: r.Began}}
	events, err := journal.Read(dir, r.Run)
	if err != nil {
		p.Unreadable = err.Error()
		_, p.Damaged = errors.AsType[*journal.DamagedError](err)
		return p
	}
	began := p.Report.Began
	if p.Report = deploy.Fold(events); p.Report.Began.IsZero() {
		p.Report.Began, p.Report.Run = began, r.Run
	}
	if n := len(events); n > 0 {
		p.Newest = events[n-1].Time
	}
	p.Meaning = meaning(p.Report.Exit)
	return p
}

// partOf says whether a run had to do with a host and a stage. One that cannot be
// read may have had.
func partOf(p view.Past, host, stage string) bool {
	if p.Unreadable != "" {
		return true
	}
	start := p.Report.Start
	inHosts := slices.Contains(start.Hosts, host) ||
		slices.ContainsFunc(p.Report.Hosts, func(h deploy.HostReport) bool { return h.Host == host })
	return (host == "" || inHosts) && (stage == "" || slices.Contains(start.Stages, stage))
}

// nextAfterHistory settles what is open, else shows the newest run.
func (in *invocation) nextAfterHistory(past []view.Past) string {
	for _, p := range past {
		switch {
		case p.Damaged:
			return in.recommend("resume", "--rebuild-from-hosts", p.Run)
		case p.Unreadable == "" && !p.Held && (!p.Report.Finished || slices.ContainsFunc(p.Report.Hosts, unresolved)):
			return in.recommend("resume", p.Run)
		}
	}
	return in.recommend("show", past[0].Run)
}

// zone is in which people are told times: $TZ, else the machine's own.
func (a App) zone() *time.Location {
	if name := a.getenv("TZ"); name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	return time.Local
}
