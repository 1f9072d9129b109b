package host

import (
	"context"
	"errors"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// appendTimeout bounds one write of the journal, which may wait for a disk.
const appendTimeout = 30 * time.Second

// worker drives one host once: it asks Next, acts, and remembers.
type worker struct {
	d     *Driver
	h     inventory.Host
	stage string
	wave  int
	run   string // id by which the host knows the run: of an earlier one when adopted
	link  string // generation of the wanted system, for GoalSystem
	s     *session
	p     Progress
	// origin is what the host was before this run touched it, where that is not
	// what the worker itself finds: in a return, and after a crash. nil: not known.
	origin *deploy.Links

	patient  bool   // it may be changed by this run, so a lost connection is not the end
	locked   bool   // the lease was taken, so it is given back
	expected string // toplevel by Driver.Expect, "" when the host evaluates
	remark   string // what the step at hand has to tell when it is done
}

// drive goes step by step to a final state, or until it is told to detach.
func (w *worker) drive(ctx context.Context) deploy.Outcome {
	for {
		next := Next(w.p)
		if next.State != "" {
			if next.State == deploy.StateReturned {
				w.recheck(ctx)
			}
			return w.outcome(next.State)
		}
		select {
		case <-w.detached():
			return w.leave()
		default:
		}
		w.take(ctx, next.Step)
	}
}

func (w *worker) take(ctx context.Context, s deploy.Step) {
	act := map[deploy.Step]func(context.Context) error{
		deploy.StepInspect:   w.inspectOnce,
		deploy.StepUpload:    w.upload,
		deploy.StepBuild:     func(ctx context.Context) error { return w.build(ctx, deploy.BuildRequest{Exact: w.d.Planned}) },
		deploy.StepArm:       w.arm,
		deploy.StepSwitch:    w.doSwitch,
		deploy.StepReconnect: w.reconnect,
		deploy.StepHealth:    w.health,
		deploy.StepConfirm:   w.confirm,
		deploy.StepRecord:    w.record,
		deploy.StepReturn:    w.back,
	}[s]
	w.try(ctx, s, act)
}

// try runs one step between its events. A failure is kept as the host's first,
// and an intent that cannot be made durable stops the step before it is sent.
func (w *worker) try(ctx context.Context, s deploy.Step, act func(context.Context) error) {
	begun := time.Now()
	w.remark = ""
	if s.Changes() {
		if err := w.emit(ctx, deploy.Event{Kind: deploy.EventStepIntent, Step: s, Wanted: w.p.Wanted, Before: w.beforeOrNil()}); err != nil {
			w.fail(w.unwritten("the intent", s, err))
			if s == deploy.StepReturn {
				w.p.Unsettled = true
			}
			return
		}
	}
	_ = w.emit(ctx, deploy.Event{Kind: deploy.EventStepStarted, Step: s})
	if err := act(ctx); err != nil {
		p := asProblem(err, w.h.Name, s)
		w.fail(p)
		_ = w.emit(ctx, deploy.Event{Kind: deploy.EventStepFailed, Step: s, Problem: p, Duration: time.Since(begun)})
		return
	}
	_ = w.emit(ctx, deploy.Event{Kind: deploy.EventStepFinished, Step: s, Wanted: w.p.Wanted, Message: w.remark, Duration: time.Since(begun)})
}

func (w *worker) fail(p *deploy.Problem) {
	if w.p.Failure == nil {
		w.p.Failure = p
	}
}

// emit writes an event of this host. One that is only read for a gate has no
// stage, no place in the run, and no events.
func (w *worker) emit(ctx context.Context, e deploy.Event) error {
	if w.stage == "" {
		return nil
	}
	e.Time, e.Run, e.Stage, e.Wave, e.Host = time.Now(), w.d.Run, w.stage, w.wave, w.h.Name
	if e.Problem != nil { // it is shown later, and completed here meanwhile
		own := *e.Problem
		e.Problem = &own
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	return w.d.Journal.Append(ctx, e)
}

func (w *worker) output(ctx context.Context, s deploy.Step, line string) {
	_ = w.emit(ctx, deploy.Event{Kind: deploy.EventOutput, Step: s, Message: line})
}

func (w *worker) beforeOrNil() *deploy.Links {
	if !w.p.Inspected {
		return nil
	}
	l := w.p.Before
	if w.origin != nil {
		l = *w.origin
	}
	return &l
}

// plan words what is known of the host as a line of a plan.
func (w *worker) plan() deploy.HostPlan {
	plan := deploy.HostPlan{Host: w.h.Name, Target: w.h.Target, Change: deploy.ChangeUnknown, Wanted: w.p.Wanted, Problem: w.p.Failure}
	if !w.p.Inspected {
		return plan
	}
	o := w.p.Observed
	plan.Observed = &o
	switch {
	case w.p.Failure != nil:
		plan.Change = deploy.ChangeBlocked
	case w.p.Unchanged():
		plan.Change = deploy.ChangeUnchanged
	case w.p.Wanted != "":
		plan.Change = deploy.ChangeSwitch
	default:
		plan.Change = deploy.ChangeEvaluate
	}
	if b := w.p.Built; b != nil {
		plan.Build, plan.Fetch, plan.Transfer = b.Build, b.Fetch, b.Transfer
		plan.Notes = append(plan.Notes, w.fittingNotes()...)
	}
	if w.p.Adopted {
		plan.Notes = append(plan.Notes, "an earlier run of yours is unresolved here: it is settled first")
	}
	return plan
}

func (w *worker) outcome(state deploy.State) deploy.Outcome {
	out := deploy.Outcome{Host: w.h.Name, State: state, Changed: w.p.Armed, Problem: w.p.Failure, Before: w.p.Before, After: w.after()}
	if state == deploy.StateConfirmed {
		out.Problem = nil
	}
	return out
}

// after is the newest reading of the links.
func (w *worker) after() deploy.Links {
	switch {
	case w.p.Settled != nil:
		return w.p.Settled.Links
	case w.p.Switch != nil:
		return w.p.Switch.Links
	}
	return w.p.Observed.Links
}

// leave ends the work on a host at once; what is armed is decided by its guard.
func (w *worker) leave() deploy.Outcome {
	out := w.outcome(deploy.StateUntouched)
	if w.p.Armed {
		out.State = deploy.StateInFlight
	}
	out.Problem = &deploy.Problem{
		Code: deploy.CodeInterrupted, Host: w.h.Name, What: "left by a second interruption",
		Next: "nixdeploy resume",
	}
	return out
}

// startOver reports whether settling an earlier run of ours left the host
// ready for the run at hand, rather than being the answer to it: same says of the
// earlier one that it was after the same.
func (w *worker) startOver(out deploy.Outcome, same func(*deploy.ActiveRun) bool) bool {
	switch {
	case out.State != deploy.StateConfirmed && out.State != deploy.StateReturned:
		return false
	case !same(w.p.Observed.Active):
		return true
	case out.State == deploy.StateConfirmed:
		return false
	}
	return out.Problem == nil || out.Problem.Code != deploy.CodeHealth && out.Problem.Code != deploy.CodeInconclusive
}

// sameFlake says of an earlier run that it brought what this one would.
func (w *worker) sameFlake(a *deploy.ActiveRun) bool {
	return a.Goal != deploy.GoalSystem && a.FlakeHash == w.d.Flake.Digest && a.Attribute == w.h.Attribute
}

// finish writes the host's final state, gives the lock back and words what a
// person needs to know.
func (w *worker) finish(ctx context.Context, out deploy.Outcome) deploy.Outcome {
	w.unlock(ctx)
	if out.Problem != nil {
		out.Problem.Host = w.h.Name
		explain(out, w.run)
	}
	if out.State == deploy.StateConfirmed || out.State == deploy.StateUnchanged {
		w.s.keepBefore(w.p.Before, w.baseline(), w.run) // for the soak
	}
	before, after := out.Before, out.After
	e := deploy.Event{Kind: deploy.EventHostState, State: out.State, Problem: out.Problem, Wanted: w.p.Wanted}
	if w.p.Inspected {
		e.Before, e.After = &before, &after
	}
	if err := w.emit(ctx, e); err != nil && out.Problem == nil {
		out.Problem = w.unwritten("the host's state", deploy.StepRecord, err)
	}
	return out
}

// unwritten is the problem of a host whose journal fails: no bug of ours, and
// not the host's.
func (w *worker) unwritten(what string, s deploy.Step, err error) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeJournal, Host: w.h.Name, Step: s, What: what + " could not be written to the journal", Err: err,
		Next: "make room where the journal is; a guard that is armed decides by itself",
	}
}

// unlock gives a lease back, best effort: it runs out by itself.
func (w *worker) unlock(ctx context.Context) {
	if !w.locked || w.p.Armed {
		return
	}
	w.locked = false
	_ = w.ask(ctx, func(ctx context.Context, m Machine) error { return m.Unlock(ctx) })
}

func asProblem(err error, host string, s deploy.Step) *deploy.Problem {
	var p *deploy.Problem
	if !errors.As(err, &p) {
		p = &deploy.Problem{Code: deploy.CodeInternal, What: err.Error(), Err: err}
		if errors.Is(err, context.DeadlineExceeded) {
			p.Code, p.What = deploy.CodeUnreachable, "no answer in time"
		}
	}
	if p.Host == "" {
		p.Host = host
	}
	if p.Step == "" {
		p.Step = s
	}
	return p
}
