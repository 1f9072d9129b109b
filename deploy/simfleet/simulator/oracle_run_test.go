package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// watcher is what the oracles remember of a process: the run as its own events
// tell it.
type watcher struct {
	inFlight map[string]bool
	begun    map[string]bool
	failed   map[string]time.Duration // when, by host
	final    map[string]deploy.State
	plans    map[string]*deploy.Plan // by stage
	since    map[string]time.Duration
	soaks    map[wave]time.Duration // when begun
	soaked   map[wave]bool
	signal   time.Duration
	takenUp  map[string]*epoch // of earlier runs, by host
}

type wave struct {
	stage string
	n     int
}

func newWatcher() watcher {
	return watcher{
		inFlight: map[string]bool{}, begun: map[string]bool{}, failed: map[string]time.Duration{}, final: map[string]deploy.State{},
		plans: map[string]*deploy.Plan{}, since: map[string]time.Duration{}, soaks: map[wave]time.Duration{}, soaked: map[wave]bool{},
		takenUp: map[string]*epoch{},
	}
}

// told judges an event that the process has written down; sent is when it
// decided on it.
func (p *process) told(e deploy.Event, sent time.Duration) {
	v := &p.watch
	at := wave{e.Stage, e.Wave}
	switch e.Kind {
	case deploy.EventStageStarted:
		v.plans[e.Stage], v.since[e.Stage] = e.Plan, sent
	case deploy.EventStageFinished:
		if pl := v.plans[e.Stage]; p.w.now()-v.since[e.Stage] > pl.AtMost {
			p.w.violated("I9 bounded time", "%s took %v, and the plan says %v at most", e.Stage, p.w.now()-v.since[e.Stage], pl.AtMost)
		}
	case deploy.EventSoakStarted:
		v.soaks[at] = sent
	case deploy.EventSoakFinished:
		v.soaked[at] = true
		p.judgeSoak(at, sent)
	case deploy.EventHostState:
		p.judgeState(e, sent)
	case deploy.EventStepStarted, deploy.EventStepIntent:
		if e.Wave > 0 && !v.begun[e.Host] {
			v.begun[e.Host] = true
			p.judgeBegin(e, sent)
		}
		if e.Kind == deploy.EventStepIntent && e.Step == deploy.StepArm {
			v.inFlight[e.Host] = true
			stage, _ := p.w.inv.StageByName(e.Stage)
			if len(v.inFlight) > stage.Parallel {
				p.w.violated("I4 radius", "%d hosts of %s are in flight, parallel is %d", len(v.inFlight), e.Stage, stage.Parallel)
			}
		}
	}
}

// judgeBegin: a host may begin only within budget, stage by stage, wave by
// wave, and not after an interruption.
func (p *process) judgeBegin(e deploy.Event, sent time.Duration) {
	v := &p.watch
	if v.signal > 0 && sent > v.signal {
		p.w.violated("I4 radius", "%s begins after the interruption", e.Host)
	}
	pl := v.plans[e.Stage]
	if pl == nil {
		p.w.violated("I5 order", "%s begins, and its stage has not", e.Host)
		return
	}
	failures := 0
	for _, h := range pl.Hosts {
		if when, failed := v.failed[h.Host]; failed && when < sent {
			failures++
		}
		if h.Wave < e.Wave && v.final[h.Host] == "" {
			p.w.violated("I5 order", "%s of wave %d begins, and %s of wave %d has not ended", e.Host, e.Wave, h.Host, h.Wave)
		}
		if at := (wave{e.Stage, h.Wave}); h.Wave < e.Wave && pl.Policy.Soak > 0 && v.final[h.Host] == deploy.StateConfirmed && !v.soaked[at] {
			p.w.violated("I5 order", "%s begins, and wave %d has not soaked", e.Host, h.Wave)
		}
	}
	if failures > pl.Budget {
		p.w.violated("I4 radius", "%s begins after %d failures, %d are allowed", e.Host, failures, pl.Budget)
	}
	p.judgeOrder(e)
}

// judgeOrder: every host of every earlier stage is proven with this flake.
func (p *process) judgeOrder(e deploy.Event) {
	if p.book.release == "" {
		return // a rollback asks for no proof
	}
	digest := p.w.releases[p.book.release].Digest()
	for _, stage := range p.w.stages {
		if stage.Name == e.Stage {
			return
		}
		for _, h := range p.w.inv.Hosts {
			if h.Stage != stage.Name {
				continue
			}
			if state := p.watch.final[h.Name]; state != "" && state != deploy.StateConfirmed && state != deploy.StateUnchanged {
				p.w.violated("I5 order", "%s of %s begins, and %s of %s ended %s", e.Host, e.Stage, h.Name, h.Stage, state)
			}
			if p.w.behind(h.Name).Recorded(digest) == "" {
				p.w.violated("I5 order", "%s of %s begins, and %s of %s was never confirmed with this flake", e.Host, e.Stage, h.Name, h.Stage)
			}
			if stage.Soak > 0 && p.op.owes(h.Name, digest) {
				p.w.violated("I5 order", "%s of %s begins, and %s of %s has not soaked", e.Host, e.Stage, h.Name, h.Stage)
			}
		}
	}
}

// owes says that the newest run of this operator that confirmed the host with
// the flake has not finished the soak of its wave, and none made up for it. A
// host that went back owes nothing: whoever confirms it anew owes all of it.
func (o *operator) owes(host, digest string) bool {
	owes := false
	for _, b := range o.books {
		if b.release == "" || o.w.releases[b.release].Digest() != digest {
			continue
		}
		at, confirmed := wave{}, false
		for _, e := range b.events {
			if e.Kind == deploy.EventHostState && e.Host == host {
				confirmed = e.State == deploy.StateConfirmed || owes && e.State == deploy.StateUnchanged
				at = wave{e.Stage, e.Wave}
				owes = (owes || confirmed) && e.State != deploy.StateReturned
			}
			if e.Kind == deploy.EventSoakFinished && confirmed && (wave{e.Stage, e.Wave}) == at {
				owes = false
			}
		}
	}
	return owes
}

// judgeSoak: a soak lasts as long as the stage says when this run confirmed a
// host of its wave.
func (p *process) judgeSoak(at wave, sent time.Duration) {
	pl := p.watch.plans[at.stage]
	for _, h := range pl.Hosts {
		if h.Wave == at.n && p.watch.final[h.Host] == deploy.StateConfirmed && sent-p.watch.soaks[at] < pl.Policy.Soak {
			p.w.violated("I5 order", "wave %d of %s soaked for %v only", at.n, at.stage, sent-p.watch.soaks[at])
			return
		}
	}
}

// judgeState holds what a process says of a host against what the host is.
func (p *process) judgeState(e deploy.Event, _ time.Duration) {
	v := &p.watch
	// Healthy, to go back with another, and left to the run that confirmed it since.
	left := e.State == deploy.StateReturned && v.final[e.Host] == deploy.StateConfirmed && codeIs(e.Problem, deploy.CodeForeignChange)
	if e.State.Final() {
		delete(v.inFlight, e.Host)
		v.final[e.Host] = e.State
	}
	if failedByItself(e) && !left {
		if _, known := v.failed[e.Host]; !known {
			v.failed[e.Host] = p.w.now()
		}
	}
	m := p.w.behind(e.Host)
	p.w.look(m)
	f := m.Facts()
	mine := m.ledger.of(p.book.run)
	switch e.State {
	case deploy.StateConfirmed:
		p.judgeConfirmed(m, e, f)
	case deploy.StateReturned:
		if codeIs(e.Problem, deploy.CodeForeignChange) {
			return // told as left to another run, wherever that one brought it
		}
		p.judgeReturned(m, f, mine)
	case deploy.StateUntouched, deploy.StateSkipped, deploy.StateUnchanged:
		if n := m.ledger.starts(p.book.run); n > 0 && m.hostSpec.inv.Name == e.Host {
			p.w.violated("I7 truth", "%s is called %s, and this run switched it", e.Host, e.State)
		}
		if a := f.Active; a != nil && a.Run == p.book.run && m.hostSpec.inv.Name == e.Host {
			p.w.violated("I7 truth", "%s is called %s, and is armed by this run", e.Host, e.State)
		}
		if e.State == deploy.StateUnchanged && m.ledger.foreign == "" && e.Wanted != "" && p.alone(m) {
			p.w.wantOn(m, f, e.Wanted, "unchanged")
		}
	}
}

// alone says that no other operator did anything to the host last.
func (p *process) alone(m *machine) bool {
	newest := m.ledger.newest()
	return newest == "" || newest[:1] == p.book.run[:1]
}

func failedByItself(e deploy.Event) bool {
	switch e.State {
	case deploy.StateUntouched, deploy.StateReturned, deploy.StateStranded:
		return e.Problem == nil || e.Problem.Code != deploy.CodeOnFailure
	case deploy.StateUnchanged:
		return e.Problem != nil
	}
	return false
}

func (p *process) judgeConfirmed(m *machine, e deploy.Event, f simfleet.Facts) {
	if m.ledger.foreign != "" || !p.alone(m) {
		return
	}
	wanted := e.Wanted
	if wanted == "" {
		wanted = m.ledger.lastConfirmed(p.book.run)
	}
	p.w.wantOn(m, f, wanted, "told confirmed")
	if p.book.release == "" {
		p.judgeUndone(m, f)
	} else if mine := m.systems[p.book.release].Toplevel; m.inv.Name == e.Host && wanted != mine {
		p.w.violated("I7 truth", "%s is told confirmed on %s, and the release is %s there", e.Host, short(wanted), short(mine))
	}
	if f.Active != nil && f.Active.Result != deploy.ResultConfirmed {
		p.w.violated("I7 truth", "%s is told confirmed, and run %s is unresolved on it", e.Host, f.Active.Run)
	}
	if m.deaf[f.Running] || f.Cut {
		p.w.violated("I7 truth", "%s is told confirmed, and nobody can reach it anew", e.Host)
	}
	for _, unit := range f.Failed {
		if !slices.Contains(m.broken, unit) && !m.ledger.unitsBroken {
			p.w.violated("I7 truth", "%s is told confirmed, and %s is failed", e.Host, unit)
		}
	}
}

// judgeUndone: a rollback goes to what the newest confirmed run went away from.
func (p *process) judgeUndone(m *machine, f simfleet.Facts) {
	for _, e := range slices.Backward(m.ledger.epochs) {
		if e.run != p.book.run && e.result == deploy.ResultConfirmed {
			if f.Profile != e.before.Profile {
				p.w.violated("I3 exact return", "%s is rolled back to %s, and run %s went away from %s", m.inv.Name, short(f.Profile), e.run, short(e.before.Profile))
			}
			return
		}
	}
	p.w.violated("I7 truth", "%s is rolled back, and no run was ever confirmed on it", m.inv.Name)
}

func (l *ledger) newest() string {
	if n := len(l.epochs); n > 0 {
		return l.epochs[n-1].run
	}
	return ""
}

// judgeReturned: back means on what the host was before this run touched it.
func (p *process) judgeReturned(m *machine, f simfleet.Facts, mine []*epoch) {
	e := m.ledger.open()
	if n := len(m.ledger.epochs); n > 0 && e == nil {
		e = m.ledger.epochs[n-1]
	}
	if len(mine) > 0 && mine[0].result == deploy.ResultConfirmed {
		e = mine[0] // a return in the soak
	}
	if taken := p.watch.takenUp[m.inv.Name]; taken != nil && taken.result == deploy.ResultConfirmed && len(mine) > 0 && p.leadsThere(m, taken) {
		e = taken // of what an earlier run of this operator had begun, and this one ended
	}
	switch {
	case e == nil:
		p.w.violated("I7 truth", "%s is told returned, and was never armed", m.inv.Name)
	case m.ledger.foreign != "" || e.foreign || len(mine) > 0 && m.ledger.newest() != p.book.run:
	case m.ledger.open() != nil:
		p.w.violated("I7 truth", "%s is told returned, and run %s is unresolved on it", m.inv.Name, e.run)
	default:
		p.w.wantBack(m, e, f)
	}
}

// leadsThere says that an arming led to what this process is about. What it took
// up may also be the way back of an earlier run: where that led is what this
// run then went away from.
func (p *process) leadsThere(m *machine, e *epoch) bool {
	return p.book.release == "" || e.wanted == m.systems[p.book.release].Toplevel
}

// judgeRun holds the result of a rollout against what it wrote down.
func (p *process) judgeRun(result rollout.Result, code int) {
	report := p.fold.Report()
	if want := rollout.ExitCode(report, result.Interrupted); result.Journal == nil && want != code {
		p.w.violated("replay", "the run ends with %d, and its events fold to %d", code, want)
	}
	for _, h := range result.Hosts {
		i := slices.IndexFunc(report.Hosts, func(r deploy.HostReport) bool { return r.Host == h.Host })
		if result.Journal == nil && (i < 0 || report.Hosts[i].State != h.State) {
			p.w.violated("replay", "%s ended %s, and its events fold to %+v", h.Host, h.State, report.Hosts)
		}
	}
}

// judgeEnd: the exit code is the truth.
func (p *process) judgeEnd(end ending) {
	p.w.trace(p.name, "exit", string(rune('0'+end.exit%10)))
	good := len(p.watch.final) > 0 || p.watch.plans == nil
	for _, h := range p.w.inv.Hosts {
		switch p.watch.final[h.Name] {
		case deploy.StateConfirmed, deploy.StateUnchanged:
		default:
			good = false
		}
	}
	for name := range p.watch.failed {
		good = good && p.watch.final[name] != deploy.StateUnchanged
	}
	applies := p.op.books[len(p.op.books)-1] == p.book && len(p.watch.plans) > 0
	if end.ran && applies && p.watch.signal == 0 && good != (end.exit == rollout.ExitOK) {
		p.w.violated("I7 truth", "exit code %d, and that all is good is %v", end.exit, good)
	}
	if p.w.calm && end.exit != rollout.ExitOK {
		p.w.violated("I7 truth", "nothing went wrong, and the exit code is %d", end.exit)
	}
	for _, m := range p.w.hosts {
		p.w.look(m)
		e := m.ledger.open()
		switch end.exit {
		case rollout.ExitOK, rollout.ExitLocked, rollout.ExitUnchanged, rollout.ExitReturned:
			if end.ran && e != nil && e.run == p.book.run {
				p.w.violated("I7 truth", "exit code %d, and run %s is unresolved on %s", end.exit, e.run, m.inv.Name)
			}
		}
		if n := m.ledger.starts(p.book.run); end.ran && n > 0 && end.exit == rollout.ExitUnchanged {
			p.w.violated("I7 truth", "exit code %d, and this run switched %s", end.exit, m.inv.Name)
		}
	}
	p.judgeReplay()
}

// judgeReplay: what comes back from the disk folds to what was seen live.
func (p *process) judgeReplay() {
	if p.w.seed%16 != 0 || len(p.book.events) == 0 {
		return
	}
	events, err := p.book.replayed()
	if err != nil {
		p.w.violated("replay", "%v", err)
		return
	}
	live, err1 := json.Marshal(p.fold.Report())
	back, err2 := json.Marshal(deploy.Fold(events))
	if err1 != nil || err2 != nil || !bytes.Equal(live, back) {
		p.w.violated("replay", "live\n%s\nfrom disk\n%s", live, back)
	}
}

func codeIs(p *deploy.Problem, c deploy.Code) bool { return p != nil && p.Code == c }
