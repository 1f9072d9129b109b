package simulator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/health"
	"github.com/nixdeploy/nixdeploy/deploy/host"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// endless is more than any process has to do.
const endless = 20000

var errSignal = errors.New("interrupted")

// process is one nixdeploy from its start to its end: what cmd wires, without
// a command line. It is deploy.Dialer and deploy.Journal for the rooms in it.
type process struct {
	w    *world
	op   *operator
	name string
	life life
	book *book
	fold *deploy.Folder

	admit, drain, alive       context.Context //nolint:containedctx // what a process is here
	endAdmit, endDrain, killd context.CancelCauseFunc

	links   map[string]*link
	writers map[string]*scribe
	doings  int
	appends int
	watch   watcher // what its oracles remember
}

// scribe is one who writes into the journal, one line at a time.
type scribe struct {
	slot   int
	chance chance
}

func (o *operator) start(name string, l life, b *book) *process {
	p := &process{
		w: o.w, op: o, name: name, life: l, book: b, fold: deploy.NewFolder(),
		links: map[string]*link{}, writers: map[string]*scribe{}, watch: newWatcher(),
	}
	p.admit, p.endAdmit = context.WithCancelCause(context.Background())
	p.drain, p.endDrain = context.WithCancelCause(context.Background())
	p.alive, p.killd = context.WithCancelCause(context.Background())
	p.writers[""] = &scribe{o.w.slot(), draw(o.w.seed, name+" writes")}
	for _, m := range o.w.hosts {
		n := m.inv.Name
		p.links[n] = &link{p: p, m: o.w.behind(n), name: n, slot: o.w.slot(), chance: draw(o.w.seed, name+" to "+n)}
		p.writers[n] = &scribe{o.w.slot(), draw(o.w.seed, name+" writes of "+n)}
	}
	return p
}

func (p *process) writer(host string) (int, chance) {
	s := p.writers[host]
	return s.slot, s.chance
}

// die is SIGKILL, at once and for all that the process does.
func (p *process) die() {
	p.killd(errDead)
	p.endAdmit(errDead)
	p.endDrain(errDead)
}

func (p *process) dead() bool { return p.alive.Err() != nil }

// point counts the doings of the process and kills it at the one that the
// scenario says. It reports whether the process is dead.
func (p *process) point(what string) bool {
	if p.dead() {
		return true
	}
	if p.doings++; p.doings > endless {
		if p.doings == endless+1 {
			p.w.violated("I9 bounded time", "%s does not come to an end", p.name)
		}
		p.die()
		return true
	}
	if p.doings == p.life.diesAt {
		p.w.trace(p.name, "killed at", what)
		p.die()
		return true
	}
	return false
}

// wait sleeps, unless the process dies.
func (p *process) wait(slot int, d time.Duration) error { return p.w.wait(p.alive, slot, d) }

// waitFor sleeps until d has passed, ctx has ended or the process has died.
func (p *process) waitFor(ctx context.Context, slot int, d time.Duration) error {
	if p.dead() {
		return errDead
	}
	t := time.NewTimer(p.w.until(slot, d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.alive.Done():
		return errDead
	}
}

// signals interrupts the process as the scenario says. It ends with the process.
func (p *process) signals(slot int) {
	if p.life.interrupt == 0 || p.wait(slot, p.life.interrupt) != nil {
		return
	}
	p.w.state.Lock()
	p.w.trace(p.name, "interrupted")
	p.watch.signal = p.w.now()
	p.w.state.Unlock()
	p.endAdmit(errSignal)
	if p.life.twice == 0 || p.wait(slot, p.life.twice) != nil {
		return
	}
	p.w.trace(p.name, "interrupted again")
	p.endDrain(errSignal)
}

func (p *process) driver(release string, first bool, ours func(string) bool) *host.Driver {
	d := &host.Driver{
		Dialer: p,
		Attach: func(conn deploy.Conn, run string) host.Machine {
			return &nixos.Machine{Conn: conn, Run: run, Operator: p.op.name + "@sim"}
		},
		Health: judgeHealth, Journal: p, Run: p.book.run, Detach: p.drain,
		Terms: host.Terms{Fleet: fleetName, First: first, Ours: ours},
	}
	if f := p.w.releases[release]; f != nil {
		d.Flake = host.Flake{Digest: f.Digest(), Hash: f.Hash, Pack: f.Pack}
		if p.w.expect {
			d.Expect = func(_ context.Context, h inventory.Host) (string, error) {
				return p.w.byName[h.Name].systems[release].Toplevel, nil
			}
		}
	}
	return d
}

// limits are those that cmd gives a planner.
func limits() plan.Limits {
	return plan.Limits{Connect: dialTimeout, Inspect: time.Minute, Upload: 10 * time.Minute, Script: time.Minute}
}

// apply is `nixdeploy apply`, and without a release `nixdeploy rollback`, as
// cmd/nixdeploy/run.go does them.
func (p *process) apply(release string) ending {
	d := p.driver(release, p.w.first || release == "", p.op.ours(""))
	defer d.Close()
	in := rollout.Input{Run: p.book.run, Inventory: p.w.inv, Hosts: p.w.inv.Hosts, Drain: p.drain, Ungated: release == ""}
	start := &deploy.RunStart{Command: "rollback", Operator: p.op.name, Fleet: fleetName}
	planner := plan.Planner{Inventory: p.w.inv, Limits: limits(), First: p.w.first}
	var runner rollout.Runner = &rewind{Driver: d, goals: map[string]deploy.Previous{}}
	if f := p.w.releases[release]; f != nil {
		start.Command, start.Flake, planner.Flake = "apply", f.Digest(), f.Digest()
		in.Owed, runner = p.op.owed(f.Digest()), d
	}
	in.Planner = planner
	for _, h := range p.w.inv.Hosts {
		start.Hosts = append(start.Hosts, h.Name)
	}
	if p.Append(p.admit, deploy.Event{Run: p.book.run, Time: time.Now(), Kind: deploy.EventRunStarted, Start: start}) != nil {
		return ending{}
	}
	result, _ := rollout.Run(p.admit, in, runner, p)
	if p.dead() {
		return ending{}
	}
	code := result.Exit()
	err := p.Append(context.WithoutCancel(p.admit), deploy.Event{Run: p.book.run, Time: time.Now(), Kind: deploy.EventRunFinished, Exit: &code})
	if err == nil {
		p.w.state.Lock()
		defer p.w.state.Unlock()
		p.judgeRun(result, code)
	}
	return ending{code, err == nil}
}

// resume is `nixdeploy resume`, as cmd/nixdeploy/resume.go does it.
func (p *process) resume() ending {
	p.w.state.Lock()
	report := deploy.Fold(p.book.events)
	for _, e := range p.book.events {
		p.fold.Add(e)
	}
	p.w.state.Unlock()
	d := p.driver("", true, p.op.ours(p.book.run))
	defer d.Close()
	left := map[string]deploy.HostReport{}
	for _, h := range report.Hosts {
		left[h.Host] = h
	}
	rollout.EachUndecided(p.w.inv, undecided(p.w.inv, report), left, func(h inventory.Host) {
		if p.admit.Err() == nil {
			defer d.Release(h.Name)
			d.Resume(context.WithoutCancel(p.admit), h, h.Stage, left[h.Name])
		}
	})
	if p.dead() {
		return ending{}
	}
	p.w.state.Lock()
	code := rollout.ExitCode(p.fold.Report(), p.admit.Err() != nil)
	p.w.state.Unlock()
	err := p.Append(context.WithoutCancel(p.admit), deploy.Event{Run: p.book.run, Time: time.Now(), Kind: deploy.EventRunFinished, Exit: &code})
	return ending{code, err == nil}
}

// undecided are the hosts that a run left so.
func undecided(inv *inventory.Inventory, report deploy.Report) []inventory.Host {
	var open []inventory.Host
	for _, h := range report.Hosts {
		if h.Unresolved || h.State == deploy.StateStranded || h.State == deploy.StateInFlight {
			if found, ok := inv.HostByName(h.Host); ok {
				open = append(open, found)
			}
		}
	}
	return open
}

// judgeHealth is cmd's: nil means that all checks passed.
func judgeHealth(ctx context.Context, q host.HealthRequest) *deploy.Problem {
	run := health.Run
	if q.Once {
		run = health.RunOnce
	}
	var results []health.Result
	for _, c := range q.Host.Checks { // one by one: who asks first at one instant would be chance
		results = append(results, run(ctx, []inventory.Check{c}, q.Host, &nixos.Probe{Conn: q.Conn, Run: q.Run}, q.Baseline)...)
	}
	p := &deploy.Problem{Host: q.Host.Name, Step: deploy.StepHealth}
	switch health.Worst(results) {
	case health.Passed:
		return nil
	case health.Failed:
		p.Code, p.What = deploy.CodeHealth, "a health check failed"
	default:
		p.Code, p.What = deploy.CodeInconclusive, "a health check could not say whether the host is well"
	}
	for _, r := range results {
		if r.Verdict != health.Passed {
			p.Details = append(p.Details, fmt.Sprintf("check   %s: %s", r.Check, r.Detail))
		}
	}
	return p
}
