package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixerror"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// How long one script may take that does nothing slow, and how long the longer
// ones wait on the host before they answer.
const (
	briefly = 60 * time.Second
	slice   = 20 * time.Second
	// patience is for how long a host is called again that this run has changed.
	patience = 2 * time.Minute
)

// sightLasts is how long an inspection stands for a host on which nothing is
// changed: a person may think over a plan for hours. Where something is, arming
// compares.
const sightLasts = 30 * time.Second

func (w *worker) inspectOnce(ctx context.Context) error {
	if o := w.s.takeObservation(); o != nil {
		anew := w.p
		w.observe(*o)
		if p := w.expect(ctx); p != nil {
			return p
		}
		if !w.p.Unchanged() || w.s.age() < sightLasts {
			return orNil(w.notOurs())
		}
		w.p = anew
	}
	if p := w.inspect(ctx); p != nil {
		return p
	}
	w.s.takeObservation()
	if p := Admit(w.p.Observed, w.h, w.d.Terms); p != nil {
		return p
	}
	return orNil(w.notOurs())
}

// orNil keeps a nil problem from being an error that is not nil.
func orNil(p *deploy.Problem) error {
	if p == nil {
		return nil
	}
	return p
}

// inspect connects and reads. The typed nil is avoided on purpose: callers
// compare with nil.
func (w *worker) inspect(ctx context.Context) *deploy.Problem {
	_ = w.emit(ctx, deploy.Event{Kind: deploy.EventStepStarted, Step: deploy.StepConnect})
	var o deploy.Observation
	ask, limit := w.ask, briefly
	if w.patient {
		ask, limit = w.reach, patience
	}
	call, cancel := context.WithTimeout(ctx, limit)
	err := ask(call, func(ctx context.Context, m Machine) (err error) {
		o, err = m.Inspect(ctx, w.d.Flake.Digest)
		return err
	})
	cancel()
	if err != nil {
		w.s.close()
		p := asProblem(err, w.h.Name, deploy.StepConnect)
		w.fail(p)
		return p
	}
	if p := bootstrapOnly(o, w.h, w.s.user()); p != nil {
		w.s.close()
		w.fail(p)
		return p
	}
	w.observe(o)
	w.s.keepObservation(o)
	return w.expect(ctx)
}

// expect learns the wanted toplevel before the host is asked to build it.
func (w *worker) expect(ctx context.Context) *deploy.Problem {
	if w.d.Expect == nil || w.stage == "" || w.p.Adopted || w.p.Goal != deploy.GoalFlake {
		return nil
	}
	toplevel, err := w.d.Expect(ctx, w.h)
	if err != nil {
		p := asProblem(err, w.h.Name, deploy.StepDryBuild)
		w.fail(p)
		return p
	}
	w.expected = toplevel
	w.p.Recorded = w.p.Recorded && w.p.Wanted == toplevel
	w.p.Wanted = toplevel
	return nil
}

func (w *worker) observe(o deploy.Observation) {
	w.p.Inspected, w.p.Observed, w.p.Before = true, o, o.Links
	if a := o.Active; a != nil && w.d.Terms.Ours(a.Run) {
		w.adopt(a)
		return
	}
	if r := o.Recorded; w.p.Goal == deploy.GoalFlake && r != nil && r.Attribute == w.h.Attribute && o.WantedValid {
		w.p.Wanted, w.p.Recorded = r.Toplevel, o.Marker != nil && stands(o)
	}
}

// stands says that the record of the flake tells how the host is now: it was not
// confirmed on another system or generation since, nor failed with the flake. Else
// an unchanged host records anew, or it would be told as drifted or failed for ever.
func stands(o deploy.Observation) bool {
	last := o.Last
	return o.Failed == nil && (last == nil || last.Toplevel == o.Recorded.Toplevel && (last.ProfileLink == "" || last.ProfileLink == o.ProfileLink))
}

// adopt takes over where a dead run of ours stopped: the host is believed over
// the journal.
func (w *worker) adopt(a *deploy.ActiveRun) {
	w.run = a.Run
	w.p.Adopted, w.p.Armed, w.p.Started = true, true, true
	w.p.Wanted, w.p.Before = a.Wanted, a.Record
	w.p.Mode = inventory.Activation(a.Mode)
	w.p.Observed.FailedUnits = a.Failed
	w.p.Returning = w.origin != nil && a.Goal == deploy.GoalSystem && a.Wanted == w.origin.Profile && a.Record.Profile != w.origin.Profile
}

// freeLease gives back the lease of a dead run of ours, which would otherwise
// shut this one out until it expires.
func (w *worker) freeLease(ctx context.Context) error {
	l := w.p.Observed.Lease
	if l == nil || l.Run == w.run || !w.d.Terms.Ours(l.Run) {
		return nil
	}
	conn, err := w.s.conn(ctx, w.d.Dialer)
	if err != nil {
		return err
	}
	return w.d.Attach(conn, l.Run).Unlock(ctx)
}

// build evaluates, and builds unless q says otherwise; what is asked of every host
// is added to q.
func (w *worker) build(ctx context.Context, q deploy.BuildRequest) error {
	if err := w.freeLease(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*w.h.BuildTimeout+briefly)
	defer cancel()
	q.Digest, q.Hash = w.d.Flake.Digest, w.d.Flake.Hash
	q.Attribute, q.Timeout, q.User = w.h.Attribute, w.h.BuildTimeout, w.login()
	var a deploy.BuildAnswer
	err := w.ask(ctx, func(ctx context.Context, m Machine) (err error) {
		a, err = m.Build(ctx, q, func(line string) { w.output(ctx, deploy.StepBuild, line) })
		return err
	})
	if err != nil {
		return err
	}
	w.locked = w.locked || !q.PlanOnly
	w.p.Built = &a
	if p := judgeBuild(a, w.h); p != nil {
		return p
	}
	if w.expected != "" && a.Toplevel != w.expected {
		return mismatch(w.d.Planned, w.expected, a.Toplevel)
	}
	w.p.Wanted = a.Toplevel
	if q.PlanOnly || q.Keep {
		return nil // its plan tells
	}
	return w.fits()
}

// mismatch refuses a host that comes to another system than was expected of it.
func mismatch(planned bool, expected, built string) *deploy.Problem {
	p := &deploy.Problem{
		Code: deploy.CodePlanMismatch, What: "the host comes to another system than was evaluated here",
		Details: []string{"here    " + expected, "there   " + built},
		Next:    "compare the Nix versions and settings of both; an impure configuration does this, too",
	}
	if planned {
		p.What, p.Details[0] = "the host comes to another system than the saved plan has", "plan    "+expected
		p.Next = "plan anew; where that happens again, the configuration is impure, or its Nix was changed"
	}
	return p
}

func judgeBuild(a deploy.BuildAnswer, h inventory.Host) *deploy.Problem {
	switch {
	case a.DryBuildCode != 0:
		return &deploy.Problem{
			Code: deploy.CodeEvaluation, Step: deploy.StepDryBuild,
			What:    fmt.Sprintf("nixosConfigurations.%q does not evaluate (exit code %d)", h.Attribute, a.DryBuildCode),
			Details: nixerror.Evidence(a.Output, 20),
			Next:    nixerror.Hint(a.Output, h),
		}
	case a.BuildCode != 0 || a.Toplevel == "":
		return &deploy.Problem{
			Code: deploy.CodeBuild, What: fmt.Sprintf("the system does not build (exit code %d)", a.BuildCode),
			Details: nixerror.Evidence(a.Output, 20),
			Next:    nixerror.BuildHint(a.Output, h),
		}
	case a.Unswitchable:
		return &deploy.Problem{
			Code: deploy.CodeUnsupported,
			What: "the new system has no bin/switch-to-configuration",
			Next: "set system.switch.enable = true for it",
		}
	}
	return nil
}

func (w *worker) arm(ctx context.Context) error {
	if err := w.freeLease(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	q := deploy.ArmRequest{
		Stage: w.stage, Fleet: w.d.Terms.Fleet, Host: w.h.Name,
		Digest: w.d.Flake.Digest, Hash: w.d.Flake.Hash, Attribute: w.h.Attribute,
		Mode: string(w.p.Mode), Goal: w.p.Goal, Wanted: w.p.Wanted, WantedLink: w.link,
		Expect:            w.p.Before,
		ActivationTimeout: w.h.ActivationTimeout, ConfirmTimeout: w.h.ConfirmTimeout,
		ReturnReboot: string(w.h.ReturnReboot),
	}
	var failed []string
	ask := func(ctx context.Context, m Machine) (err error) {
		failed, err = m.Arm(ctx, q)
		return err
	}
	err := w.ask(ctx, ask)
	if lost(err) {
		// It may be armed or not: asking again is harmless, arming twice arms once.
		w.s.close()
		err = w.ask(ctx, ask)
	}
	if err != nil {
		w.p.Armed = unanswered(err) // not known: the way back finds out
		return err
	}
	w.p.Armed, w.locked = true, true
	w.p.Observed.FailedUnits = failed // a unit that failed by itself during the build is not this run's
	return nil
}

// doSwitch sends the switch once and waits for its end.
func (w *worker) doSwitch(ctx context.Context) error {
	limit := w.h.ActivationTimeout
	ctx, cancel := context.WithTimeout(ctx, limit+w.h.ConfirmTimeout)
	defer cancel()
	if !w.p.Started {
		err := w.reach(ctx, func(ctx context.Context, m Machine) error {
			_, err := m.Start(ctx)
			return err
		})
		if err != nil {
			return err
		}
		w.p.Started = true
	}
	a, err := w.await(ctx)
	if err != nil {
		return err
	}
	w.p.Switch = &a
	if p := w.decided(a); p != nil || w.p.Settled != nil {
		return orNil(p)
	}
	if !a.Done && !a.Lost {
		return &deploy.Problem{Code: deploy.CodeSwitch, What: fmt.Sprintf("the switch has not ended after %s", limit), Details: tail(a.Output, 20)}
	}
	if p := JudgeSwitch(w.p.Mode, w.p.Wanted, w.p.Before, a); p != nil {
		return p
	}
	return nil
}

// decided says whether somebody settled the run while the switch was awaited.
func (w *worker) decided(a deploy.SwitchAnswer) *deploy.Problem {
	switch {
	case a.Gone && a.Result == deploy.ResultConfirmed:
		w.p.Settled = &deploy.Settlement{Claim: deploy.ClaimConfirm, Result: a.Result, Links: a.Links}
		return nil
	case a.Gone && a.Result == deploy.ResultNone:
		return w.vanished(a.Links)
	case a.Gone:
		w.p.Settled = &deploy.Settlement{Claim: deploy.ClaimReturn, Result: a.Result, Links: a.Links}
		return late()
	case a.Claim == deploy.ClaimReturn:
		return late()
	}
	return nil
}

func late() *deploy.Problem {
	return &deploy.Problem{Code: deploy.CodeLate, What: "the guard returned the host before it was confirmed: there was no sign of life in time"}
}

// await follows the switch until it ends or somebody decides, over new
// connections when the old one is lost.
func (w *worker) await(ctx context.Context) (deploy.SwitchAnswer, error) {
	var offset int64
	var output []string
	until := time.Now().Add(w.h.ActivationTimeout)
	for {
		var a deploy.SwitchAnswer
		err := w.reach(ctx, func(ctx context.Context, m Machine) (err error) {
			call, cancel := context.WithTimeout(ctx, slice+briefly)
			defer cancel()
			a, err = m.Await(call, offset, min(slice, max(time.Until(until), time.Second)))
			return err
		})
		if err != nil {
			return a, err
		}
		offset = a.Offset
		for _, line := range a.Output {
			w.output(ctx, deploy.StepSwitch, line)
		}
		output = tail(append(output, a.Output...), 200)
		a.Output = output
		if a.Done || a.Lost || a.Gone || a.Claim != deploy.ClaimNone || time.Now().After(until) {
			return a, nil
		}
	}
}

// reconnect proves that the host can be reached anew: a living old connection
// proves nothing. Once it stands, the new one is used for all that follows.
func (w *worker) reconnect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.h.ConfirmTimeout)
	defer cancel()
	pause := firstPause
	for {
		err := w.contactAnew(ctx)
		if err == nil {
			w.p.Fresh = true
			return nil
		}
		if !lost(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return &deploy.Problem{
				Code: deploy.CodeReachable, Err: err,
				What: fmt.Sprintf("no new connection within %s of the switch", w.h.ConfirmTimeout),
			}
		case <-w.detached():
			return err
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

func (w *worker) contactAnew(ctx context.Context) error {
	conn, err := w.s.fresh(ctx, w.d.Dialer)
	if err != nil {
		return err
	}
	_, claim, gone, err := w.d.Attach(conn, w.run).Contact(ctx)
	if err != nil {
		_ = conn.Close() // it proved nothing
		return err
	}
	w.s.replace(conn)
	if gone || claim == deploy.ClaimReturn {
		return late()
	}
	return nil
}

func (w *worker) health(ctx context.Context) error {
	q := HealthRequest{Host: w.h, Conn: carrier{w.s, w.d.Dialer}, Baseline: w.baseline()}
	ctx, decided := context.WithCancelCause(ctx)
	defer decided(nil)
	if w.p.Armed {
		q.Run = w.run
		done := make(chan struct{})
		go func() { // ends with ctx, awaited below
			defer close(done)
			w.stayAlive(ctx, q.Conn, decided)
		}()
		defer func() { decided(nil); <-done }()
	} else if w.s.age() < sightLasts {
		q.Seen = append([]string{}, w.p.Observed.FailedUnits...)
	}
	p := w.d.Health(ctx, q)
	if early, ok := errors.AsType[*deploy.Problem](context.Cause(ctx)); ok {
		return early
	}
	if p != nil {
		return p
	}
	w.p.Healthy = true
	return nil
}

// baseline is what was already broken before, and is not blamed on this run. On
// an unchanged host that is what its record remembers, so that a unit which
// failed since counts.
func (w *worker) baseline() []string {
	if r := w.p.Observed.Recorded; !w.p.Armed && r != nil && r.Toplevel == w.p.Wanted {
		return r.Failed
	}
	return w.p.Observed.FailedUnits
}

// stayAlive gives the guard a sign of life while checks wait for something else,
// and ends them when the host has decided meanwhile.
func (w *worker) stayAlive(ctx context.Context, conn deploy.Conn, decided context.CancelCauseFunc) {
	every := w.h.ConfirmTimeout / 3
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		call, cancel := context.WithTimeout(ctx, max(every, 5*time.Second))
		links, claim, gone, err := w.d.Attach(conn, w.run).Contact(call)
		cancel()
		switch {
		case err != nil:
		case gone || claim == deploy.ClaimReturn:
			decided(late())
			return
		case foreign(links, w.p.Before, w.p.Wanted):
			decided(foreignChange(links))
			return
		}
	}
}

func (w *worker) record(ctx context.Context) error {
	if err := w.freeLease(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	err := w.ask(ctx, func(ctx context.Context, m Machine) error {
		return m.Record(ctx, deploy.RecordRequest{
			Stage: w.stage, Fleet: w.d.Terms.Fleet, Host: w.h.Name,
			Digest: w.d.Flake.Digest, Attribute: w.h.Attribute, Toplevel: w.p.Wanted,
		})
	})
	if p, ok := errors.AsType[*deploy.Problem](err); ok && p.Code == deploy.CodeForeignChange {
		w.fail(asProblem(p, w.h.Name, deploy.StepRecord))
		_ = w.inspect(ctx) // where it is now is no longer what was wanted
	}
	if err != nil {
		return err
	}
	w.p.Recorded, w.locked = true, false
	return nil
}
