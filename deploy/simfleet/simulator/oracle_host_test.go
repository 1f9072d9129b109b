package simulator

import (
	"slices"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// ledger is what the oracles remember of a host.
type ledger struct {
	origin      simfleet.Facts
	epochs      []*epoch
	foreign     string // the system that somebody else switched to, "" for none
	foreignIn   string // the run under which that was done, and stands
	unitsBroken bool   // by the world
}

// epoch is one arming, and what came of it.
type epoch struct {
	run, wanted string
	before      simfleet.Facts
	starts      int // how often its switch was begun
	result      deploy.Result
	foreign     bool         // somebody else switched meanwhile
	claim       deploy.Claim // whose the decision is, once it is somebody's
}

func newLedger(origin simfleet.Facts) ledger { return ledger{origin: origin} }

func (l *ledger) open() *epoch {
	if n := len(l.epochs); n > 0 && l.epochs[n-1].result == deploy.ResultNone {
		return l.epochs[n-1]
	}
	return nil
}

// of lists the epochs of a run.
func (l *ledger) of(run string) []*epoch {
	var list []*epoch
	for _, e := range l.epochs {
		if e.run == run {
			list = append(list, e)
		}
	}
	return list
}

func (l *ledger) starts(run string) int {
	n := 0
	for _, e := range l.of(run) {
		n += e.starts
	}
	return n
}

// lastConfirmed is what a host was brought to by the newest confirmed arming of a
// run, and else by the newest of all: an earlier run's, which this one took up.
func (l *ledger) lastConfirmed(run string) string {
	wanted := l.epochs[len(l.epochs)-1].wanted
	for _, e := range l.of(run) {
		if e.result == deploy.ResultConfirmed {
			wanted = e.wanted
		}
	}
	return wanted
}

// call is one script on its way.
type call struct {
	p    *process
	m    *machine
	name string // of the host as the inventory has it
	cmd  deploy.Command
	pre  simfleet.Facts
}

func (c call) arg(n int) string {
	if n < len(c.cmd.Args) {
		return c.cmd.Args[n]
	}
	return ""
}

// changing names the step whose intent must be durable before the script goes.
func (c call) changing() deploy.Step {
	if c.cmd.Name != "guard" {
		return ""
	}
	return map[string]deploy.Step{
		"arm": deploy.StepArm, "start": deploy.StepSwitch, "confirm": deploy.StepConfirm,
		"back": deploy.StepReturn, "record": deploy.StepRecord,
	}[c.arg(1)]
}

// before looks at a host as a script arrives.
func (w *world) before(p *process, m *machine, name string, cmd deploy.Command) call {
	w.state.Lock()
	defer w.state.Unlock()
	w.look(m)
	c := call{p: p, m: m, name: name, cmd: cmd, pre: m.Facts()}
	w.trace(p.name, "runs", name, cmd.Name, c.arg(1))
	if step := c.changing(); step != "" && !p.book.intents[name+" "+string(step)] {
		w.violated("intent", "%s: %s is sent, and its intent is not on the disk", name, step)
	}
	if step := c.changing(); step != "" && step != deploy.StepRecord && c.arg(2)[:1] != p.book.run[:1] {
		w.violated("I12 one writer", "%s: %s acts on run %s of somebody else", name, p.name, c.arg(2))
	}
	if c.changing() == deploy.StepConfirm && c.arg(2) != p.book.run {
		p.watch.takenUp[m.inv.Name] = m.ledger.open()
	}
	sends := cmd.Name == "upload" || cmd.Name == "build" || c.changing() != ""
	if sends && c.pre.Marker != nil && c.pre.Marker.Host != name {
		w.violated("I6 identity", "%s %s goes to %s, which was taken for %s", cmd.Name, c.arg(1), c.pre.Marker.Host, name)
	}
	return c
}

// after looks at what a script did.
func (w *world) after(c call, said []line) {
	w.state.Lock()
	defer w.state.Unlock()
	nonce := c.arg(0)
	for _, l := range said {
		if !l.err && len(l.text) > len(nonce) && l.text[:len(nonce)] == nonce {
			w.trace(c.name, l.text[len(nonce):])
		}
	}
	if c.cmd.Name == "guard" {
		switch {
		case c.arg(1) == "arm" && answered(said, nonce, "armed", "yes"):
			w.armed(c)
		case c.arg(1) == "start" && answered(said, nonce, "started", "yes"):
			w.switching(c)
		}
	}
	w.look(c.m)
}

func (w *world) armed(c call) {
	run, pre := c.arg(2), c.pre
	if pre.Active != nil && pre.Active.Run == run {
		return // once more: that arms once
	}
	given := map[string]string{}
	for i := 5; i+1 < len(c.cmd.Args); i += 2 {
		given[c.cmd.Args[i]] = c.cmd.Args[i+1]
	}
	wanted := given["wanted"]
	if epochs := c.m.ledger.epochs; len(epochs) > 0 && given["goal"] == string(deploy.GoalSystem) && c.p.book.release != "" {
		if last := epochs[len(epochs)-1]; last.result == deploy.ResultConfirmed && last.run[:1] != run[:1] {
			w.violated("I12 one writer", "%s: run %s goes back from what run %s confirmed", c.name, run, last.run)
		}
	}
	if pre.Active != nil {
		w.violated("I12 one writer", "%s: run %s is armed beside %s", c.name, run, pre.Active.Run)
	}
	if pre.Lease != "" && pre.Lease != run {
		w.violated("I12 one writer", "%s: run %s is armed, and %s has the lease", c.name, run, pre.Lease)
	}
	if pre.Running == wanted && pre.Profile == wanted && pre.NextBoot == wanted {
		w.violated("I8 resume", "%s: run %s is armed for what the host already is", c.name, run)
	}
	c.m.ledger.epochs = append(c.m.ledger.epochs, &epoch{run: run, wanted: wanted, before: pre})
}

func (w *world) switching(c call) {
	if e := c.m.ledger.open(); e != nil {
		if e.starts++; e.starts > 1 {
			w.violated("I8 resume", "%s: the switch of run %s is begun a second time", c.name, e.run)
		}
	}
}

// look sees how a host decided, as soon as it has.
func (w *world) look(m *machine) {
	e := m.ledger.open()
	if e == nil {
		return
	}
	f := m.Facts()
	var result deploy.Result
	switch a := f.Active; {
	case a != nil && a.Run == e.run:
		result = a.Result
		if e.claim != deploy.ClaimNone && a.Claim != e.claim {
			w.violated("I3 exact return", "%s: the decision about run %s was for %s, and is for %s", m.inv.Name, e.run, e.claim, a.Claim)
		}
		e.claim = a.Claim
	default:
		if result = m.Resolved(e.run); result == deploy.ResultNone {
			w.violated("I1 never lost", "%s: the armed run %s is gone without a result", m.inv.Name, e.run)
			result = "gone"
		}
	}
	if result == deploy.ResultNone {
		w.judgeTested(m, e, f)
		return
	}
	e.result = result
	w.trace("host", m.inv.Name, e.run, string(result))
	w.judgeResult(m, e, f)
}

// judgeTested: with test-first nothing that outlives a power cut changes before
// the run is confirmed.
func (w *world) judgeTested(m *machine, e *epoch, f simfleet.Facts) {
	if m.inv.Activation == inventory.ActivationTestFirst && f.Active.Claim == deploy.ClaimNone && !e.foreign &&
		(f.ProfileLink != e.before.ProfileLink || f.NextBoot != e.before.NextBoot) {
		w.violated("I1 never lost", "%s: test-first, not confirmed, was %s, is %s", m.inv.Name, links(e.before), links(f))
	}
}

// judgeResult holds what the host says of a run against what it is.
func (w *world) judgeResult(m *machine, e *epoch, f simfleet.Facts) {
	if m.ledger.foreignIn == e.run && (f.Profile != m.ledger.foreign || e.result == deploy.ResultReturned) {
		w.violated("I3 exact return", "%s: run %s undid somebody else's switch to %s", m.inv.Name, e.run, m.ledger.foreign)
	}
	for _, g := range e.before.Generations {
		if !slices.Contains(f.Generations, g) {
			w.violated("I3 exact return", "%s: generation %d is gone", m.inv.Name, g)
		}
	}
	if e.foreign {
		return
	}
	switch e.result {
	case deploy.ResultConfirmed:
		w.wantOn(m, f, e.wanted, "confirmed")
	case deploy.ResultReturned:
		w.wantBack(m, e, f)
	case deploy.ResultStranded:
		if !m.excused() {
			w.violated("I1 never lost", "%s: run %s stranded it, and there was a way back: was %s, is %s; %s",
				m.inv.Name, e.run, links(e.before), links(f), f.Active.Notes)
		}
	}
}

// wantOn: all three links are on one system.
func (w *world) wantOn(m *machine, f simfleet.Facts, system, word string) {
	if f.Profile != system || f.NextBoot != system || !f.Off && f.Running != system {
		w.violated("I2 agree", "%s is %s on %s, and is %s", m.inv.Name, word, short(system), links(f))
	}
}

// wantBack: the host is what it was when it was armed.
func (w *world) wantBack(m *machine, e *epoch, f simfleet.Facts) {
	was := e.before
	same := f.ProfileLink == was.ProfileLink && f.Profile == was.Profile
	// Where nobody can read the boot loader it can only be told to follow the
	// profile again, and the host says of itself that it is unverified.
	if m.options.Traits.Reader != simfleet.ReaderUnknown || was.Profile == was.NextBoot {
		same = same && f.NextBoot == was.NextBoot
	}
	if !f.Off && (f.Boots == was.Boots || was.Running == was.NextBoot) {
		same = same && f.Running == was.Running
	}
	if f.Halted {
		w.violated("I3 exact return", "%s: run %s returned it, and its units are down", m.inv.Name, e.run)
	}
	if !same {
		w.violated("I3 exact return", "%s: run %s returned it, was %s, is %s", m.inv.Name, e.run, links(was), links(f))
	}
}

func links(f simfleet.Facts) string {
	return f.ProfileLink + " " + short(f.Profile) + ", runs " + short(f.Running) + ", boots " + short(f.NextBoot)
}

// short is a store path by the beginning of its hash.
func short(path string) string {
	const store = len("/nix/store/")
	if len(path) < store+6 {
		return path + "-"
	}
	return path[store : store+6]
}
