package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

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
			"that left something to settle; with nothing to settle it says so, and ends with 0.",
		examples: []string{"resume", "resume 01JDXK7QJ3M8Z9V6B2T4R5W0AX", "resume --rebuild-from-hosts 01JDXK7QJ3M8Z9V6B2T4R5W0AX"},
		own: func() []cli.Flag {
			rebuild := &cli.BoolFlag{Name: "rebuild-from-hosts", Usage: "make the journal of RUN anew from what the hosts hold of it: it is damaged, or on another machine"}
			on := &cli.StringSliceFlag{Name: "on", Usage: "with --rebuild-from-hosts: ask only these hosts: `NAMES`, as in help selectors"}
			yes := &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "with --rebuild-from-hosts: the process of that run is gone, do not ask"}
			return []cli.Flag{lockWaitFlag(), rebuild, on, yes}
		},
		run: runResume,
	}
}

func runResume(ctx context.Context, in *invocation) error {
	dir, err := in.stateDir()
	if err != nil {
		return err
	}
	if err := in.checkResume(); err != nil {
		return err
	}
	if in.rebuildFromHosts {
		id, err := in.runNamed(dir, in.args[0], "resume")
		if err != nil {
			return err
		}
		return in.rebuild(ctx, dir, id)
	}
	id, unread, err := in.runToResume(dir)
	if err != nil || id == "" {
		return err
	}
	j, events, err := in.openWaiting(ctx, dir, id)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return in.unreadable(dir, id, err)
	}
	report := deploy.Fold(events)
	if report.Finished && !slices.ContainsFunc(report.Hosts, unresolved) {
		return errors.Join(j.Close(), in.nothingToSettle(report))
	}
	if err := in.settleAll(ctx, j, id, report, events); err != nil {
		return err
	}
	return unread
}

// settleAll settles the hosts of a run, closes its journal and shows how that ended.
func (in *invocation) settleAll(ctx context.Context, j *journal.Journal, id string, report deploy.Report, events []deploy.Event) error {
	end, unwritten, err := in.settle(ctx, j, id, report, events)
	closed := j.Close()
	if err != nil {
		return err
	}
	if unwritten == nil {
		unwritten = closed
	}
	if unwritten != nil { // as at the end of an apply
		in.tell("warning: " + in.err.Clean(unwritten.Error()) + "\n")
		if end.Exit == rollout.ExitOK {
			end.Exit, end.Meaning = rollout.ExitInternal, meaning(rollout.ExitInternal)
		}
	}
	return in.end(end)
}

func (in *invocation) checkResume() error {
	switch {
	case in.rebuildFromHosts && len(in.args) == 0:
		return &usageError{what: "--rebuild-from-hosts needs the name of the run", command: "resume", hint: "the runs of this machine: " + in.recommend("history")}
	case !in.rebuildFromHosts && (len(in.on) > 0 || in.yes):
		return &usageError{what: "--on and --yes go with --rebuild-from-hosts", command: "resume", hint: "resume settles every host of its run, and asks nothing"}
	}
	return nil
}

// runToResume is the run that was named, or the newest that left something to
// settle; else one that a process still works on; "" when there is none, which
// it says. unread is why other runs could not be looked at, nil for none: what
// they left may not be settled.
func (in *invocation) runToResume(dir string) (run string, unread, err error) {
	if len(in.args) > 0 {
		run, err = in.runNamed(dir, in.args[0], "resume")
		return run, nil, err
	}
	runs, err := runsHere(dir)
	if err != nil {
		return "", nil, err
	}
	open, held := "", ""
	var unreadable []error
	for _, r := range runs {
		if r.Err == nil && r.Finished && !mayBeOpen(r.Exit) {
			continue
		}
		if r.Held {
			held = cmp.Or(held, r.Run)
			continue
		}
		events, err := journal.Read(dir, r.Run)
		switch {
		case err != nil:
			unreadable = append(unreadable, in.unreadable(dir, r.Run, err))
		case !r.Finished || slices.ContainsFunc(deploy.Fold(events).Hosts, unresolved):
			open = cmp.Or(open, r.Run)
		}
	}
	switch {
	case open != "":
		in.warn(unreadable)
		return open, errors.Join(unreadable...), nil
	case len(unreadable) > 0:
		in.warn(unreadable[1:])
		return "", nil, unreadable[0]
	case held != "":
		return held, nil, nil
	}
	return "", nil, in.nothingToSettle(deploy.Report{})
}

func (in *invocation) warn(errs []error) {
	for _, err := range errs {
		in.tell("warning: " + in.err.Clean(err.Error()) + "\n")
	}
}

// mayBeOpen says that a run with this exit code may have left a host undecided.
func mayBeOpen(exit int) bool {
	switch exit {
	case rollout.ExitInternal, rollout.ExitStranded, rollout.ExitSecurity, rollout.ExitInterrupted:
		return true
	}
	return false
}

// nothingToSettle says that resume has nothing to do, which is no failure: who
// types it after an interruption need not know how that one ended.
func (in *invocation) nothingToSettle(r deploy.Report) error {
	what := "every run of this machine has ended, and every host of theirs is settled"
	if r.Run != "" {
		what = "run " + r.Run + " has ended, and every host of it is settled"
	}
	return in.nothing("resume", r, what, in.recommend("status"))
}

// nothing says that there is nothing to do.
func (in *invocation) nothing(verb string, r deploy.Report, what, next string) error {
	if in.json {
		_, err := in.Stdout.Write(append(view.JSONVersion(versionNumber()), view.JSONNothing(r, what, next)...))
		return err
	}
	return in.print("Nothing to " + verb + ": " + in.out.Clean(what) + "\n" + in.out.Next(next))
}

// unreadable words why the journal of a run cannot be gone on with.
func (in *invocation) unreadable(dir, run string, err error) error {
	switch {
	case errors.Is(err, journal.ErrHeld):
		return &deploy.Problem{
			Code: deploy.CodeLocked, What: "run " + run + " is still being worked on by a process of this machine", State: "not touched",
			Next: "let it end, or give --lock-wait 10m",
		}
	case errors.Is(err, journal.ErrNotFound):
		return &usageError{
			what: "there is no run " + quoted(run) + " in " + in.display(dir),
			hint: "was it started on another machine: nixdeploy resume --rebuild-from-hosts " + run, command: "resume",
		}
	}
	if damaged, ok := errors.AsType[*journal.DamagedError](err); ok {
		return &deploy.Problem{
			Code: deploy.CodeJournal, What: damaged.Error(), State: "nothing was contacted; an armed host returns by itself",
			Next: in.recommend("resume", "--rebuild-from-hosts", run),
		}
	}
	return &deploy.Problem{
		Code: deploy.CodeJournal, What: "the journal of run " + run + " cannot be read", State: "nothing was contacted; an armed host returns by itself", Err: err,
	}
}

// settle brings the undecided hosts of a run to a promised state. unwritten is why
// the journal does not tell how they ended, nil when it does.
func (in *invocation) settle(
	ctx context.Context, j *journal.Journal, id string, report deploy.Report, events []deploy.Event,
) (end view.Ending, unwritten, err error) {
	in.findInventoryOf(report)
	inv, err := in.load()
	if err != nil {
		return end, nil, err
	}
	hosts, open, err := hostsOf(inv, report)
	if err != nil {
		return end, nil, err
	}
	in.keepWriting()
	p := in.newProgress()
	for _, e := range events {
		p.fold.Add(e)
		p.lines.Text(e)
	}
	j.Watch(p.show)
	dir, err := in.stateDir()
	if err != nil {
		return end, nil, err
	}
	fleet, err := in.connect(Request{
		Run: id, Inventory: inv, First: true, Journal: j, Detach: in.signals.drain,
		Ours: func(run string) bool { return run == id || dead(dir)(run) },
	})
	if err != nil {
		return end, nil, err
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
	ends := make(chan deploy.Outcome, len(open))
	rollout.EachUndecided(inv, open, left, func(h inventory.Host) {
		if ctx.Err() == nil {
			defer fleet.Driver.Release(h.Name)
			ends <- fleet.Driver.Resume(context.WithoutCancel(ctx), h, h.Stage, left[h.Name])
		}
	})
	close(ends)
	stop()
	settled := p.report()
	code := in.codeOf(settled, open)
	if unwritten = finish(ctx, j, id, code); unwritten != nil { // what was not written was not shown either
		settled = in.seen(settled, ends)
		code = in.codeOf(settled, open)
	}
	return in.endingOf(settled, code, inv, hosts), unwritten, nil
}

// codeOf is the exit code of a resume that settled these hosts.
func (in *invocation) codeOf(r deploy.Report, hosts []inventory.Host) int {
	if !in.rebuildFromHosts { // then what the hosts told is the answer, too
		r = only(r, hosts)
	}
	return rollout.ExitCode(r, in.signals.interrupted())
}

// seen puts how hosts ended into a report whose events do not tell it.
func (in *invocation) seen(r deploy.Report, ends <-chan deploy.Outcome) deploy.Report {
	r.Hosts = slices.Clone(r.Hosts)
	for o := range ends {
		i := slices.IndexFunc(r.Hosts, func(h deploy.HostReport) bool { return h.Host == o.Host })
		h := &r.Hosts[i] // it was left undecided, so it is there
		h.State, h.Problem, h.After = o.State, in.named(o.Problem), &o.After
		h.Changed = h.Changed || o.Changed
		h.Unresolved = o.State == deploy.StateStranded || !o.State.Final()
	}
	return r
}

// findInventoryOf has the run's own inventory read, unless another one was named.
func (in *invocation) findInventoryOf(r deploy.Report) {
	if in.file != "" || in.getenv("NIXDEPLOY_INVENTORY") != "" || r.Start.Inventory == "" {
		return
	}
	if found, err := in.discover(); err != nil || absolute(in.App, found) != r.Start.Inventory {
		in.file = r.Start.Inventory
	}
}

// only is the report of these hosts: a resume is not to blame for hosts that an
// interrupted run never began.
func only(r deploy.Report, hosts []inventory.Host) deploy.Report {
	r.Hosts = slices.DeleteFunc(slices.Clone(r.Hosts), func(h deploy.HostReport) bool {
		return !slices.ContainsFunc(hosts, func(o inventory.Host) bool { return o.Name == h.Host })
	})
	return r
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
