package host

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Resume settles what this run left undecided on h: confirmed when the new
// system runs and is healthy, else back. What the host decided by itself
// meanwhile is taken over from it. left is what the journal holds of it; the
// host is believed over the journal.
func (d *Driver) Resume(ctx context.Context, h inventory.Host, stage string, left deploy.HostReport) deploy.Outcome {
	w := d.worker(h, stage, 0)
	w.patient = left.Changed
	if left.Before != nil && left.Before.Profile != "" {
		w.origin = left.Before
	}
	w.try(ctx, deploy.StepInspect, func(ctx context.Context) error {
		if p := w.inspect(ctx); p != nil {
			return p
		}
		p := identity(w.p.Observed, h, d.Terms)
		if p != nil { // what was read is of another machine
			w.s.close()
			w.p = Progress{Goal: w.p.Goal, Mode: h.Activation}
		}
		return orNil(p)
	})
	var out deploy.Outcome
	switch {
	case w.p.Failure != nil && left.Changed: // it may be armed: that is not "untouched"
		out = w.outcome(deploy.StateStranded)
	case w.p.Failure != nil: // no intent to arm it was ever written
		out = w.outcome(deploy.StateUntouched)
	case w.p.Adopted:
		out = w.drive(ctx)
	default:
		out = w.decidedMeanwhile(ctx, left)
	}
	stayed := out.State == deploy.StateReturned || out.State == deploy.StateConfirmed && !w.wentBack()
	out = w.takenOn(w.placed(out, left), left)
	if stayed && out.State == deploy.StateStranded {
		// It is on what this run brought it to, and was to leave: once more.
		by := w.run
		if last := w.p.Observed.Previous; last != nil && d.Terms.Ours(last.Run) {
			by = last.Run // of an earlier run of ours, which this one took up
		}
		w.s.keepBefore(*w.origin, w.p.Observed.FailedUnits, by)
		return d.Return(ctx, h, stage, 0, causeOf(left))
	}
	return w.finish(ctx, out)
}

// decidedMeanwhile asks a host that holds no run of ours any more how it ended.
// Where arm was what the run did last, its script may have outlived it: the way
// back waits for the host's own lock, and finds what that script has armed.
func (w *worker) decidedMeanwhile(ctx context.Context, left deploy.HostReport) deploy.Outcome {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	outlived := left.Step == deploy.StepArm
	if outlived {
		intent := deploy.Event{Kind: deploy.EventStepIntent, Step: deploy.StepReturn, Before: w.beforeOrNil()}
		if err := w.emit(ctx, intent); err != nil {
			w.fail(asProblem(fmt.Errorf("writing the intent to the journal: %w", err), w.h.Name, deploy.StepReturn))
			return w.outcome(deploy.StateStranded)
		}
	}
	var a deploy.SwitchAnswer
	err := w.reach(ctx, func(ctx context.Context, m Machine) (err error) {
		if outlived {
			if _, err := m.Back(ctx, slice); err != nil {
				return err
			}
		}
		a, err = m.Await(ctx, 0, time.Second)
		return err
	})
	if err != nil {
		w.fail(asProblem(err, w.h.Name, deploy.StepInspect))
		return w.outcome(deploy.StateStranded)
	}
	w.p.Switch = &a
	switch a.Result {
	case deploy.ResultConfirmed:
		w.p.Armed = true
		return w.outcome(deploy.StateConfirmed)
	case deploy.ResultReturned:
		w.p.Armed = true
		w.fail(late())
		return w.outcome(deploy.StateReturned)
	}
	if a.Result == deploy.ResultStranded { // a person put the run away
		w.fail(&deploy.Problem{
			Code: deploy.CodeForeignChange, What: "a person released the host from this run: it stays as it is now",
			Details: linkLines("is", a.Links), State: "as that person left it",
			Next: "nixdeploy apply, to bring it to the release again",
		})
	}
	if a.Result == deploy.ResultNone && a.Gone && left.Switched {
		return w.forgotten(a.Links)
	}
	return w.outcome(deploy.StateUntouched) // or it was never armed
}

// forgotten is a host that was armed and does not tell how that ended: a later run
// has taken its place, or somebody removed what it kept.
func (w *worker) forgotten(links deploy.Links) deploy.Outcome {
	w.p.Armed = true
	since := ""
	if confirmed := w.p.Observed.Previous; confirmed != nil {
		since = confirmed.Run
	}
	if recorded := w.p.Observed.Last; recorded != nil {
		since = max(since, recorded.Run)
	}
	if since > w.run { // ids go by time
		w.fail(wentOn(since, links))
		return w.outcome(deploy.StateReturned)
	}
	w.fail(w.vanished(links))
	return w.outcome(settled(w.p).State)
}

// placed words an outcome by where the host is. A run arms a host that fails in
// the soak a second time, to bring it back: confirmed then means back, and
// returned means that it stayed on what it was to leave.
func (w *worker) placed(out deploy.Outcome, left deploy.HostReport) deploy.Outcome {
	if w.origin == nil {
		return out
	}
	out.Before = *w.origin
	cause := causeOf(left)
	back := samePlace(out.Before, out.After)
	stayed := left.Leaving != "" && out.After.Running == left.Leaving && out.After.Profile == left.Leaving
	switch {
	case out.State == deploy.StateConfirmed && back:
		out.State, out.Problem = deploy.StateReturned, cause
	case out.State == deploy.StateConfirmed && (w.wentBack() || stayed), out.State == deploy.StateReturned && !back && stayed:
		out.State, out.Problem = deploy.StateStranded, notExact(out.Before, out.After, cause)
	}
	return out
}

// causeOf is why a run was bringing a host back. Where the host was then, and what
// was to be done, is over.
func causeOf(left deploy.HostReport) *deploy.Problem {
	cause := deploy.Problem{Code: deploy.CodeInterrupted, What: "the run was bringing it back when it ended"}
	if left.Problem != nil {
		cause = *left.Problem
		cause.State, cause.Next = "", ""
	}
	return &cause
}

// takenOn words the outcome of a run that decided about the host, where another
// has decided since: the host is where that one brought it, and neither this
// run's confirmation nor its return is what holds there now.
func (w *worker) takenOn(out deploy.Outcome, left deploy.HostReport) deploy.Outcome {
	last := w.p.Observed.Previous
	if w.p.Adopted || last == nil || last.Run == w.run {
		return out
	}
	since := "where run " + last.Run + ", which came after this one, left it"
	brought := cmp.Or(left.Leaving, left.Wanted)
	switch {
	case out.State == deploy.StateReturned && out.Problem != nil && w.origin != nil && !samePlace(out.Before, out.After):
		out.Problem.State = since
	case out.State == deploy.StateConfirmed && (brought == "" || out.After.Running != brought || out.After.Profile != brought):
		out.State, out.Problem = deploy.StateReturned, wentOn(last.Run, out.After)
	}
	return out
}

func wentOn(run string, l deploy.Links) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeForeignChange, What: "run " + run + " has confirmed this host since, so nothing is undone on it",
		Details: linkLines("is", l), State: "where run " + run + ", which came after this one, left it", Next: "nixdeploy status",
	}
}

// notOurs says that a host which is to go back was confirmed by another run
// since: that one's work is not this run's to undo. nil: it may go back.
func (w *worker) notOurs() *deploy.Problem {
	last, by := w.p.Observed.Previous, w.s.confirmedBy()
	if !w.p.Returning || w.p.Adopted || last == nil || by == "" || last.Run == by {
		return nil
	}
	return wentOn(last.Run, w.p.Observed.Links)
}

// wentBack reports whether what the run did last on the host was to leave what
// it had brought it to.
func (w *worker) wentBack() bool {
	last := w.p.Observed.Previous
	return w.origin != nil && (w.p.Returning || !w.p.Adopted && last != nil && last.Run == w.run && last.Profile != w.origin.Profile)
}

func sameSystem(a, b deploy.Links) bool {
	return a.Profile == b.Profile && a.Running == b.Running && a.ProfileLink == b.ProfileLink &&
		(a.NextBoot == "" || b.NextBoot == "" || a.NextBoot == b.NextBoot)
}

// samePlace is sameSystem where the number of the generation does not matter:
// another one takes the place of one that is gone.
func samePlace(a, b deploy.Links) bool {
	b.ProfileLink = a.ProfileLink
	return sameSystem(a, b)
}

func notExact(before, after deploy.Links, cause *deploy.Problem) *deploy.Problem {
	p := &deploy.Problem{Code: deploy.CodeReturnFailed, What: "went back, but not to exactly what it was", Err: cause}
	p.Details = slices.Concat(cause.Details, linkLines("was", before), linkLines("is", after))
	return p
}
