package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func rollbackCommand() command {
	return command{
		name: "rollback", usage: "bring hosts back to the system that their newest confirmed run went away from",
		about: "Or to what a whole run went away from (--run), or to a system that is named (--to). Each host goes back by store " +
			"path, guarded and checked like every other change; nothing is evaluated, built or downloaded. The last stage goes " +
			"first. A host that is not on what that run left is refused: somebody else's work would be undone. Hosts have to be " +
			"chosen: without --on, --stage or --run it is refused.",
		examples: []string{"rollback --on web-1", "rollback --stage prod --yes", "rollback --run last", "rollback --on web-1 --to 41"},
		own: func() []cli.Flag {
			return append(selectFlags(),
				&cli.StringFlag{Name: "run", Usage: "undo this `RUN` on every host that it confirmed: its name, the beginning of it, or last"},
				&cli.StringFlag{Name: "to", Usage: "to this `SYSTEM` on the host: a generation's number, a store path, or previous (the default)"},
				&cli.BoolFlag{Name: "accept-foreign", Usage: "go back even where somebody else changed the host since"},
				yesFlag(), parallelFlag(), lockWaitFlag())
		},
		run: runRollback,
	}
}

func runRollback(ctx context.Context, in *invocation) error {
	if err := in.checkRollback(); err != nil {
		return err
	}
	if err := in.mustBeAbleToAsk("rollback"); err != nil {
		return err
	}
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	if err := in.unsignedSystem(inv); err != nil {
		return err
	}
	way := &wayBack{to: in.to, acceptForeign: in.acceptForeign, again: in.recommend}
	if in.undo != "" {
		if hosts, err = in.undoing(ctx, way, inv, hosts); err != nil || len(hosts) == 0 {
			return err
		}
	}
	if _, err := strconv.Atoi(in.to); err == nil && len(hosts) > 1 {
		return &usageError{
			what: fmt.Sprintf("generation %s is another system on each of %s", in.to, hostList(hosts)), command: "rollback",
			hint: "choose one host by --on; a store path means the same everywhere",
		}
	}
	c := &change{invocation: in, command: "rollback", inv: inv, hosts: lastStageFirst(inv, hosts), way: way}
	return c.run(ctx)
}

// system is what --to takes beside a number.
var system = regexp.MustCompile(`^/nix/store/[0-9a-z]{32}-[A-Za-z0-9+._?=-]+$`)

const previous = "previous"

func (in *invocation) checkRollback() error {
	wrong := func(what, hint string) error { return &usageError{what: what, hint: hint, command: "rollback"} }
	if in.undo != "" && in.to != "" {
		return wrong("--run and --to exclude each other", "--run takes each host to what that run went away from")
	}
	if len(in.on) == 0 && in.stage == "" && in.undo == "" {
		return wrong("rollback of the whole fleet has to be said", "choose hosts: --on NAMES or --stage STAGE; all of them: --on '*'")
	}
	if n, err := strconv.Atoi(in.to); in.to != "" && in.to != previous && !system.MatchString(in.to) && (err != nil || n < 1 || in.to != strconv.Itoa(n)) {
		return wrong("--to "+quoted(in.to)+" names no system", "a generation's number, /nix/store/HASH-NAME, or previous")
	}
	if in.to == previous {
		in.to = ""
	}
	return nil
}

// undoing finds out which hosts a run confirmed: by its journal, else by asking
// the hosts. None is no failure, and said.
func (in *invocation) undoing(ctx context.Context, way *wayBack, inv *inventory.Inventory, hosts []inventory.Host) ([]inventory.Host, error) {
	dir, err := in.stateDir()
	if err != nil {
		return nil, err
	}
	if way.run, err = in.runNamed(dir, in.undo, "rollback"); err != nil {
		return nil, err
	}
	in.undo = way.run
	events, err := journal.Read(dir, way.run)
	_, damaged := errors.AsType[*journal.DamagedError](err)
	var chosen []inventory.Host
	switch {
	case journal.Held(dir, way.run):
		return nil, in.unreadable(dir, way.run, journal.ErrHeld)
	case err == nil:
		chosen, err = in.confirmedBy(way, deploy.Fold(events), inv, hosts)
	case damaged, errors.Is(err, journal.ErrNotFound):
		chosen, err = in.confirmedThere(ctx, way.run, inv, hosts)
	default:
		err = in.unreadable(dir, way.run, err)
	}
	if err != nil || len(chosen) > 0 {
		return chosen, err
	}
	return nil, in.nothing("roll back", deploy.Report{}, "run "+way.run+" left none of the chosen hosts changed", in.recommend("status"))
}

// confirmedBy are the hosts that a journal says were confirmed. One that is
// undecided is settled first.
func (in *invocation) confirmedBy(way *wayBack, r deploy.Report, inv *inventory.Inventory, hosts []inventory.Host) ([]inventory.Host, error) {
	if r.Start.Fleet != inv.Fleet {
		return nil, &usageError{
			what: fmt.Sprintf("run %s was of fleet %s, and this inventory is of fleet %s", way.run, r.Start.Fleet, inv.Fleet), command: "rollback",
			hint: "name the inventory of that fleet: --file " + shellWord(r.Start.Inventory),
		}
	}
	way.journal = map[string]deploy.HostReport{}
	var chosen []inventory.Host
	for _, h := range r.Hosts {
		if _, ok := inv.HostByName(h.Host); !ok && (unresolved(h) || h.Changed && h.State == deploy.StateConfirmed) {
			in.tell(fmt.Sprintf("warning: %s is not in the inventory any more, so it stays as it is\n", in.err.Clean(h.Host)))
		}
		i := slices.IndexFunc(hosts, func(o inventory.Host) bool { return o.Name == h.Host })
		if i < 0 {
			continue
		}
		if unresolved(h) || !r.Finished && h.State == deploy.StateInFlight {
			return nil, &deploy.Problem{
				Code: deploy.CodeInconclusive, Host: h.Host, What: "run " + way.run + " left it undecided", State: "not touched",
				Next: in.recommend("resume", way.run),
			}
		}
		if h.Changed && h.State == deploy.StateConfirmed {
			way.journal[h.Host] = h
			chosen = append(chosen, hosts[i])
		}
	}
	return chosen, nil
}

// confirmedThere are the hosts that themselves say that the run was confirmed.
func (in *invocation) confirmedThere(ctx context.Context, run string, inv *inventory.Inventory, hosts []inventory.Host) ([]inventory.Host, error) {
	kept, err := in.askKept(ctx, inv, hosts, run)
	if err != nil {
		return nil, err
	}
	var chosen []inventory.Host
	found := false
	for _, k := range kept {
		found = found || k.Run != ""
		if k.Run != "" && (k.Active || k.Result == deploy.ResultConfirmed) { // the active ones are refused one by one
			chosen = append(chosen, k.host)
		}
	}
	if found {
		return chosen, nil
	}
	return nil, &deploy.Problem{
		Code: deploy.CodeJournal, What: "none of " + hostList(hosts) + " holds anything of run " + run + ", and this machine has no journal of it to read",
		State: "not touched", Next: in.recommend("history"),
	}
}

// lastStageFirst is the order of a rollback: at no time does a later stage run
// what an earlier one has given up already, and those who matter most wait least.
func lastStageFirst(inv *inventory.Inventory, hosts []inventory.Host) []inventory.Host {
	place := map[string]int{}
	for i, s := range inv.Stages {
		place[s.Name] = -i
	}
	sorted := slices.Clone(hosts)
	slices.SortStableFunc(sorted, func(a, b inventory.Host) int { return place[a.Stage] - place[b.Stage] })
	return sorted
}

// order is the inventory with its stages in the order in which this run goes.
func (c *change) order() *inventory.Inventory {
	if c.flake != nil {
		return c.inv
	}
	turned := *c.inv
	turned.Stages = slices.Clone(c.inv.Stages)
	slices.Reverse(turned.Stages)
	return &turned
}

// goal is by which flags a rollback like this one is typed again.
func (o options) goal() []string {
	var words []string
	if o.undo != "" {
		words = append(words, "--run", o.undo)
	}
	if o.to != "" {
		words = append(words, "--to", o.to)
	}
	if o.acceptForeign {
		words = append(words, "--accept-foreign")
	}
	return words
}
