package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// change is one run that changes hosts: an apply or a rollback.
type change struct {
	*invocation
	command string
	inv     *inventory.Inventory
	hosts   []inventory.Host
	flake   *flake.Flake // nil for a rollback
	way     *wayBack     // of a rollback
	saved   *saved       // nil: it plans by itself
}

// run carries the change out and shows how it ended.
func (c *change) run(ctx context.Context) error {
	dir, err := c.stateDir()
	if err != nil {
		return err
	}
	id := journal.NewRunID()
	j, err := journal.Create(dir, id)
	if err != nil {
		return unwritable(err)
	}
	c.keepWriting()
	p := c.newProgress()
	j.Watch(p.show)
	if c.json {
		_, _ = c.Stdout.Write(view.JSONVersion(versionNumber()))
	}
	result, err := c.drive(ctx, id, j, p)
	closed := j.Close()
	if err != nil {
		return err
	}
	if result.Journal == nil {
		result.Journal = closed
	}
	if result.Journal != nil { // the file does not tell how the run ended: this output has to
		c.tell("warning: " + c.err.Clean(result.Journal.Error()) + "\n")
	}
	return c.end(c.ending(p, result))
}

// unwritable says that there is no run, since it cannot be written down.
func unwritable(err error) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeJournal, What: "the run cannot be written down, so nothing begins", Err: err,
		Next: "make room and give yourself the right to write there, or set NIXDEPLOY_STATE_DIR",
	}
}

// drive runs the rollout between run-started and run-finished.
func (c *change) drive(ctx context.Context, id string, j *journal.Journal, p *progress) (rollout.Result, error) {
	dir, err := c.stateDir()
	if err != nil {
		return rollout.Result{}, err
	}
	fleet, err := c.connect(Request{
		Run: id, Inventory: c.inv, Flake: c.flake, First: c.first, Accept: c.accept, Journal: j, Ours: dead(dir), Detach: c.signals.drain,
		Saved: c.savedDocument(),
	})
	if err != nil {
		return rollout.Result{}, err
	}
	fleet = c.patiently(fleet)
	defer fleet.Driver.Close()
	if err := j.Append(ctx, c.started(id)); err != nil {
		if ctx.Err() == nil {
			err = unwritable(err)
		}
		return rollout.Result{}, err
	}
	c.signals.act(id)
	stop := p.beats(ctx)
	if c.saved != nil {
		if err := c.saved.hold(ctx, c, fleet); err != nil {
			stop()
			return rollout.Result{}, errors.Join(err, finish(ctx, j, id, exitCode(err, c.signals.interrupted())))
		}
	}
	result, _ := rollout.Run(ctx, rollout.Input{
		Run: id, Inventory: c.order(), Hosts: c.hosts, Planner: c.planner(fleet), Approve: c.approver(id, fleet, j, p).approve,
		Drain: c.signals.drain, Readers: fleet.Limits.Readers, Owed: c.owed(c.inv, c.flake), Ungated: c.flake == nil,
	}, c.runner(fleet), j) // its error lists what the report says host by host
	stop()
	if err := finish(ctx, j, id, result.Exit()); err != nil && result.Journal == nil {
		result.Journal = err
	}
	return result, nil
}

func (c *change) approver(id string, f Fleet, j *journal.Journal, p *progress) *approver {
	return &approver{change: c, fleet: f, journal: j, run: id, progress: p}
}

// finish writes that a run has ended, and how.
func finish(ctx context.Context, j *journal.Journal, id string, code int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return j.Append(ctx, deploy.Event{
		Run: id, Time: time.Now(), Kind: deploy.EventRunFinished, Exit: &code, Message: meaning(code),
	})
}

// savedDocument is the saved plan that is applied, nil for none.
func (c *change) savedDocument() *savedplan.Document {
	if c.saved == nil {
		return nil
	}
	return c.saved.Document
}

func (c *change) runner(f Fleet) rollout.Runner {
	if c.flake == nil {
		return &rewind{Driver: f.Driver, wayBack: *c.way}
	}
	return f.Driver
}

func (c *change) planner(f Fleet) rollout.Planner {
	if c.flake == nil {
		return plan.Planner{
			Inventory: c.order(), Source: "rollback", Limits: f.Limits,
			Evaluates: "nothing: each host goes back to a system in its own store",
		}
	}
	planner := c.invocation.planner(c.inv, c.flake, f)
	if c.saved != nil {
		return savedPlanner{Planner: planner, saved: c.saved}
	}
	return planner
}

// planner plans the stages of a flake. Hosts record flakes by digest.
func (in *invocation) planner(inv *inventory.Inventory, f *flake.Flake, fleet Fleet) plan.Planner {
	return plan.Planner{
		Inventory: inv, Flake: f.Digest(), Source: f.Source, Evaluates: fleet.Evaluates, Limits: fleet.Limits,
		First: in.first, Override: in.override, Since: in.changedSince(f),
	}
}

func (c *change) started(id string) deploy.Event {
	start := &deploy.RunStart{
		Command: c.command, Operator: operator(c.App), Fleet: c.inv.Fleet, Inventory: absolute(c.App, c.inv.Path),
		InvHash: c.inv.Hash, Stages: stagesOf(c.hosts), Override: c.override, Accept: c.accept,
	}
	if c.flake != nil {
		start.Flake = c.flake.Digest()
	}
	if c.way != nil {
		start.Undoes = c.way.run
	}
	if s := c.saved; s != nil {
		start.SavedPlan = &deploy.SavedPlan{ID: s.ID, Hash: s.hash(), By: s.By, Signer: s.signer}
	}
	for _, h := range c.hosts {
		start.Hosts = append(start.Hosts, h.Name)
	}
	return deploy.Event{Run: id, Time: time.Now(), Kind: deploy.EventRunStarted, Start: start}
}

func verb(command string) string {
	if command == "rollback" {
		return "Go back on"
	}
	return "Change"
}

func (c *change) ending(p *progress, r rollout.Result) view.Ending {
	report := p.report()
	if r.Journal != nil { // what was not written was not shown either
		report.Hosts = r.Hosts
	}
	return c.endingOf(report, r.Exit(), c.inv, c.hosts)
}

// endingOf is what the summary of a run says.
func (in *invocation) endingOf(report deploy.Report, code int, inv *inventory.Inventory, hosts []inventory.Host) view.Ending {
	e := view.Ending{Report: report, Exit: code, Meaning: meaning(code)}
	size := map[string]int{}
	for _, h := range inv.Hosts {
		size[h.Stage]++
	}
	for _, s := range inv.Stages {
		e.Stages = append(e.Stages, s.Name)
		if plan.Needed(s.Gate, size[s.Name]) < size[s.Name] {
			e.ByShare = append(e.ByShare, s.Name)
		}
	}
	for _, h := range hosts {
		e.Hosts = append(e.Hosts, view.Selected{Host: h.Name, Stage: h.Stage})
	}
	e.Next = in.nextAfter(report, hosts, e.Stages)
	return e
}

// end writes the result of a run and turns it into the exit code.
func (in *invocation) end(e view.Ending) error {
	out := view.JSONReport(e)
	if !in.json {
		out = []byte(in.out.Summary(e))
	}
	if _, err := in.Stdout.Write(out); err != nil && e.Exit == rollout.ExitOK {
		return err // the code of a run that failed says more
	}
	if e.Exit != rollout.ExitOK {
		return exitError(e.Exit)
	}
	return nil
}

func (a App) keepWriting() {
	if a.KeepWriting != nil {
		a.KeepWriting()
	}
}

// connect makes what drives the hosts.
func (in *invocation) connect(q Request) (Fleet, error) {
	q.Operator, q.Log, q.Admit = operator(in.App), in.log, in.signals.admit
	if in.Connect != nil {
		return in.Connect(in.App, q)
	}
	return connect(in.App, q)
}

// dead says which runs are over without having ended: their process is gone
// from this machine.
func dead(dir string) func(run string) bool {
	return func(run string) bool { return journal.Dead(dir, run) }
}

func (a App) stateDir() (string, error) {
	if dir := a.getenv("NIXDEPLOY_STATE_DIR"); dir != "" {
		return absolute(a, dir), nil
	}
	dir, err := journal.StateDir()
	if err != nil {
		return "", &deploy.Problem{
			Code: deploy.CodeJournal, What: "there is no folder for the runs of this machine", State: "nothing was contacted", Err: err,
			Next: "set HOME, or NIXDEPLOY_STATE_DIR",
		}
	}
	return dir, nil
}

func absolute(a App, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	dir, err := a.workDir()
	if err != nil {
		return path
	}
	return filepath.Join(dir, path)
}

// operator is who runs this, for people that find a host locked.
func operator(a App) string {
	name := a.getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, name+"@"+machine)
}

func stagesOf(hosts []inventory.Host) []string {
	var stages []string
	for _, h := range hosts {
		if n := len(stages); n == 0 || stages[n-1] != h.Stage {
			stages = append(stages, h.Stage)
		}
	}
	return stages
}

// openFlake renders or reads the flake and tells what is odd about it.
func (in *invocation) openFlake(ctx context.Context, inv *inventory.Inventory) (*flake.Flake, error) {
	if len(in.inputs) > 0 {
		return in.openOverridden(ctx, inv)
	}
	f, err := flake.FromInventory(inv)
	if err != nil {
		if unlocked, ok := errors.AsType[*flake.LockError](err); ok {
			hint := unlocked.Remedy
			if hint == "" {
				hint = in.recommend("lock")
			}
			return nil, &usageError{what: in.display(unlocked.File) + ": " + lockReason(unlocked), hint: hint}
		}
		return nil, err
	}
	in.warnOfFlake(f)
	return f, nil
}

// warnOfFlake says what is worth knowing of a flake before it is used.
func (in *invocation) warnOfFlake(f *flake.Flake) {
	for _, w := range f.Warnings {
		in.tell("warning: " + in.err.Clean(w) + "\n")
	}
	if n := len(f.Dirty); n > 0 {
		in.tell(fmt.Sprintf("warning: %d tracked files have uncommitted changes, which are deployed: %s\n",
			n, in.err.Clean(strings.Join(f.Dirty[:min(n, 8)], " "))))
	}
}

func lockReason(e *flake.LockError) string {
	if len(e.Missing) == 0 {
		return e.Reason
	}
	return e.Reason + ": " + strings.Join(e.Missing, ", ")
}
