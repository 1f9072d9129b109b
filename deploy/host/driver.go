package host

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Machine is what the pipeline needs of a NixOS host, over one connection and
// for one run; deploy/nixos has the real one. Errors are *deploy.Problem where
// a cause is known; a lost connection is one of code unreachable.
type Machine interface {
	Inspect(ctx context.Context, digest string) (deploy.Observation, error)
	Upload(ctx context.Context, digest, hash string, tar io.Reader) error
	Build(ctx context.Context, b deploy.BuildRequest, out func(line string)) (deploy.BuildAnswer, error)
	Arm(ctx context.Context, a deploy.ArmRequest) (failed []string, err error)
	Start(ctx context.Context) (deploy.Claim, error)
	Await(ctx context.Context, offset int64, wait time.Duration) (deploy.SwitchAnswer, error)
	Contact(ctx context.Context) (links deploy.Links, claim deploy.Claim, gone bool, err error)
	Confirm(ctx context.Context, wait time.Duration) (deploy.Settlement, error)
	Back(ctx context.Context, wait time.Duration) (deploy.Settlement, error)
	Record(ctx context.Context, q deploy.RecordRequest) error
	Unlock(ctx context.Context) error
	Kept(ctx context.Context, run, system string) (deploy.KeptRun, error)
	Approve(ctx context.Context, digest, stage string) error
	Difference(ctx context.Context, q deploy.DifferenceRequest) (deploy.DifferenceAnswer, error)
	Facts(ctx context.Context, user string) (deploy.HostFacts, error)
}

// Flake is what the pipeline needs of the flake that is deployed.
type Flake struct {
	Digest string // hex
	Hash   string // SRI
	Size   int64  // in bytes, about
	Pack   func(w io.Writer) error
}

// HealthRequest asks for the health checks of a host.
type HealthRequest struct {
	Host     inventory.Host
	Conn     deploy.Conn
	Run      string   // the armed run, "" when nothing is armed
	Baseline []string // units that were failed before
	Once     bool     // one round, as in a soak
	// Seen are the units that an inspection of this moment saw failed: the first
	// answer, which need not be asked for again. nil: nothing was seen.
	Seen []string
}

// Driver drives hosts of one run. It is safe for concurrent use, for one call
// per host at a time. Events go to Journal before what they announce is sent.
type Driver struct {
	Dialer  deploy.Dialer
	Attach  func(conn deploy.Conn, run string) Machine
	Health  func(ctx context.Context, q HealthRequest) *deploy.Problem
	Journal deploy.Journal
	Flake   Flake
	Run     string
	Terms   Terms
	// Expect, when not nil, evaluates the flake for a host elsewhere than on the
	// host, whose build must then come to that very toplevel. It is asked once
	// per worker and bounded by ctx; the error is a *deploy.Problem.
	Expect func(ctx context.Context, h inventory.Host) (toplevel string, err error)
	// Planned says that Expect gives the toplevels of a saved plan: a host builds
	// at once, without a dry-build, and comes to exactly that or is refused.
	Planned bool
	// Detach, when done, ends every wait: the guards decide then.
	Detach context.Context //nolint:containedctx // the run's, shared by all hosts

	mu       sync.Mutex
	sessions map[string]*session

	differences differences
}

// Inspect connects to h and reads it, changing nothing. The connection is kept
// for what follows until Release.
func (d *Driver) Inspect(ctx context.Context, h inventory.Host, stage string) deploy.HostPlan {
	w := d.worker(h, stage, 0)
	_ = w.inspect(ctx) // the plan holds it
	plan := w.plan()
	if plan.Problem == nil {
		plan.Problem = Admit(w.p.Observed, h, d.Terms)
	}
	if plan.Problem != nil {
		plan.Problem.Host = h.Name
		if plan.Problem.State == "" {
			plan.Problem.State = stateWords(deploy.Outcome{State: deploy.StateUntouched})
		}
		plan.Change = deploy.ChangeBlocked
		if plan.Observed == nil {
			plan.Change = deploy.ChangeUnknown
		}
		d.Release(h.Name)
	} else if plan.Change == deploy.ChangeUnchanged && w.p.Recorded && onlyUnits(h) {
		w.s.close() // most hosts of most runs: nothing more will be asked
	}
	return plan
}

// onlyUnits says that what an inspection reads is all that the checks need.
func onlyUnits(h inventory.Host) bool {
	for _, c := range h.Checks {
		if c.Type != inventory.CheckUnits || c.Successes > 1 {
			return false
		}
	}
	return true
}

// Evaluate inspects h and asks it what the flake would change, as far as level
// goes. PlanQuick reads only. PlanDryBuild uploads the flake, runs dry-build, and
// tells the difference where the wanted system is in the host's store. PlanFull
// builds it there, keeps it, and asks which units a switch would touch. Nothing is
// armed or switched. Of hosts that go from one system to the same other one, one is
// asked for the difference.
func (d *Driver) Evaluate(ctx context.Context, h inventory.Host, stage string, level deploy.PlanLevel) deploy.HostPlan {
	plan := d.Inspect(ctx, h, stage)
	defer d.Release(h.Name)
	if plan.Problem != nil || plan.Change == deploy.ChangeUnchanged || level == deploy.PlanQuick {
		return plan
	}
	w := d.worker(h, stage, 0)
	w.p.Inspected, w.p.Observed, w.expected = true, *plan.Observed, plan.Wanted
	defer w.unlock(ctx)
	if !w.p.Observed.FlakePresent {
		w.try(ctx, deploy.StepUpload, w.upload)
	}
	full := level == deploy.PlanFull
	step := deploy.StepDryBuild
	if full {
		step = deploy.StepBuild
	}
	if w.p.Failure == nil {
		w.try(ctx, step, func(ctx context.Context) error { return w.build(ctx, deploy.BuildRequest{PlanOnly: !full, Keep: full}) })
	}
	if plan.Problem = w.p.Failure; plan.Problem != nil {
		explain(deploy.Outcome{State: deploy.StateUntouched, Problem: plan.Problem}, d.Run)
		plan.Change = deploy.ChangeBlocked
		return plan
	}
	plan = w.plan()
	if full { // it is there now: nothing is left to build or to fetch
		plan.Build, plan.Fetch, plan.Transfer = nil, nil, deploy.Transfer{}
	}
	// Nix lists what is not in the store: with nothing listed, the system is.
	if plan.Change == deploy.ChangeSwitch && len(plan.Build)+len(plan.Fetch) == 0 {
		w.difference(ctx, &plan, full)
	}
	return plan
}

// Apply brings h to the flake's system, or back, or leaves it untouched: the
// returned state is final unless Detach ended the wait. It emits the host's
// events, its final state among them.
func (d *Driver) Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome {
	w := d.worker(h, stage, wave)
	out := w.drive(ctx)
	if w.p.Adopted && w.startOver(out, w.sameFlake) {
		w = d.worker(h, stage, wave)
		out = w.drive(ctx)
	}
	return w.finish(ctx, out)
}

// Goto brings h to a system that is in its store already, guarded like every
// other change: a rollback. link is the generation that it is known by, "" for
// none.
func (d *Driver) Goto(ctx context.Context, h inventory.Host, stage string, wave int, system, link string) deploy.Outcome {
	w := d.toward(h, stage, wave, system, link)
	out := w.drive(ctx)
	if w.p.Adopted && w.startOver(out, func(a *deploy.ActiveRun) bool { return a.Wanted == system }) {
		w = d.toward(h, stage, wave, system, link)
		out = w.drive(ctx)
	}
	return w.finish(ctx, out)
}

// toward is a worker that goes to a system.
func (d *Driver) toward(h inventory.Host, stage string, wave int, system, link string) *worker {
	w := d.worker(h, stage, wave)
	w.p.Goal, w.p.Wanted, w.link = deploy.GoalSystem, system, link
	return w
}

// Kept asks h what it holds of a run, and for a system to go back to: see
// deploy.KeptRun. It changes nothing. The connection is kept until Release.
func (d *Driver) Kept(ctx context.Context, h inventory.Host, run, system string) (deploy.KeptRun, error) {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	var k deploy.KeptRun
	err := d.worker(h, "", 0).ask(ctx, func(ctx context.Context, m Machine) (err error) {
		k, err = m.Kept(ctx, run, system)
		return err
	})
	if err != nil {
		d.Release(h.Name)
		return k, asProblem(err, h.Name, deploy.StepInspect)
	}
	return k, nil
}

// Approve makes h remember that the operator approves the flake for a stage; the
// error is a *deploy.Problem. It is for a host that an Inspect admitted. The
// connection is kept until Release.
func (d *Driver) Approve(ctx context.Context, h inventory.Host, stage string) error {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	err := d.worker(h, "", 0).ask(ctx, func(ctx context.Context, m Machine) error {
		return m.Approve(ctx, d.Flake.Digest, stage)
	})
	if err != nil {
		d.Release(h.Name)
		return asProblem(err, h.Name, deploy.StepRecord)
	}
	return nil
}

// Check judges a confirmed host's health once, in the soak: after a reboot, from
// its new boot.
func (d *Driver) Check(ctx context.Context, h inventory.Host) *deploy.Problem {
	s := d.session(h)
	p := d.checkBooting(ctx, s, HealthRequest{Host: h, Conn: carrier{s, d.Dialer}, Baseline: s.failedBefore(), Once: true})
	if p != nil {
		p.Host, p.Step = h.Name, deploy.StepSoak
	}
	return p
}

// Return brings a host that this run confirmed back to what it was before.
func (d *Driver) Return(ctx context.Context, h inventory.Host, stage string, wave int, cause *deploy.Problem) deploy.Outcome {
	before := d.session(h).recordBefore()
	w := d.worker(h, stage, wave)
	w.p.Goal, w.p.Wanted, w.link = deploy.GoalSystem, before.Profile, before.ProfileLink
	w.p.Returning, w.patient = true, true
	if before.Profile != "" {
		w.origin = &before
	}
	_ = w.emit(ctx, deploy.Event{Kind: deploy.EventStepStarted, Step: deploy.StepReturn}) // so that a resume knows
	out := w.drive(ctx)
	out.Before = before
	switch {
	case out.State == deploy.StateConfirmed || out.State == deploy.StateUnchanged:
		out.State = deploy.StateReturned
		out.Problem = cause
		if !sameSystem(before, out.After) {
			out.State = deploy.StateStranded
			out.Problem = notExact(before, out.After, cause)
		}
	case out.State == deploy.StateInFlight: // let go of: a resume brings it back
	case out.State == deploy.StateUntouched && w.notOurs() != nil:
		out.State = deploy.StateReturned
	default:
		out.State = deploy.StateStranded
	}
	return w.finish(ctx, out)
}

// Release closes what was kept open for the host of that name.
func (d *Driver) Release(name string) {
	d.mu.Lock()
	s := d.sessions[name]
	delete(d.sessions, name)
	d.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// Close releases every host.
func (d *Driver) Close() {
	d.mu.Lock()
	var names []string
	for name := range d.sessions {
		names = append(names, name)
	}
	d.mu.Unlock()
	for _, name := range names {
		d.Release(name)
	}
}

func (d *Driver) session(h inventory.Host) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions == nil {
		d.sessions = map[string]*session{}
	}
	s := d.sessions[h.Name]
	if s == nil {
		s = newSession(h)
		d.sessions[h.Name] = s
	}
	return s
}

func (d *Driver) worker(h inventory.Host, stage string, wave int) *worker {
	return &worker{
		d: d, h: h, stage: stage, wave: wave, run: d.Run, s: d.session(h),
		p: Progress{Goal: deploy.GoalFlake, Mode: h.Activation},
	}
}
