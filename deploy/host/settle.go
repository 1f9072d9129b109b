package host

import (
	"context"
	"errors"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func (w *worker) confirm(ctx context.Context) error {
	return w.settle(ctx, deploy.StepConfirm, func(ctx context.Context, m Machine) (deploy.Settlement, error) { return m.Confirm(ctx, slice) })
}

func (w *worker) back(ctx context.Context) error {
	err := w.settle(ctx, deploy.StepReturn, func(ctx context.Context, m Machine) (deploy.Settlement, error) { return m.Back(ctx, slice) })
	switch {
	case w.p.Settled != nil:
	case err != nil && w.letGo(): // its guard goes on
	case err != nil:
		w.p.Unsettled = true
	default:
		w.p.Armed = false // the arming that nobody answered did not arrive
	}
	return err
}

// settle asks until the host has decided, over new connections when need be.
// The bound covers the guard's own deadline, somebody else's activation that the
// guard waits for, and its own after that, from now: checks that took long have
// kept the guard waiting, too.
func (w *worker) settle(ctx context.Context, s deploy.Step, ask func(context.Context, Machine) (deploy.Settlement, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 3*w.h.ActivationTimeout+2*w.h.ConfirmTimeout+briefly)
	defer cancel()
	var before deploy.Settlement // what it answered last, and when
	var heard time.Time
	for {
		var got deploy.Settlement
		err := w.reach(ctx, func(ctx context.Context, m Machine) (err error) {
			call, stop := context.WithTimeout(ctx, slice+briefly)
			defer stop()
			got, err = ask(call, m)
			return err
		})
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Since(heard) <= slice+briefly {
			return undecided(before)
		}
		if err != nil {
			return err
		}
		before, heard = got, time.Now()
		if got.Result != deploy.ResultNone {
			w.p.Settled = &got
			return w.judgeSettlement(s, got)
		}
		if got.Claim == deploy.ClaimNone && got.Links.ProfileLink != "" && ctx.Err() == nil && !w.p.Started {
			return nil
		}
		if got.Gone {
			return w.vanished(got.Links)
		}
	}
}

// undecided is the problem of a host that answers, and has no result to tell after
// all the time that its guard may need.
func undecided(got deploy.Settlement) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeReturnFailed, What: "the host has not decided in time: its guard does not run, is still at it, or its disk takes no result",
		Details: tail(got.Log, 20),
	}
}

func (w *worker) judgeSettlement(s deploy.Step, got deploy.Settlement) error {
	switch {
	case got.Result == deploy.ResultStranded && foreign(got.Links, w.p.Before, w.p.Wanted):
		p := foreignChange(got.Links)
		if first := w.p.Failure; first != nil {
			p.Details, p.Err = append([]string{"before  " + first.What}, p.Details...), first
			w.p.Failure = nil // whose change it is comes before why this run went back
		}
		return p
	case got.Result == deploy.ResultStranded:
		return &deploy.Problem{Code: deploy.CodeReturnFailed, What: "the way back failed on the host", Details: tail(got.Log, 20)}
	case s == deploy.StepConfirm && got.Result == deploy.ResultReturned && got.Claim == deploy.ClaimReturn:
		return late()
	case s == deploy.StepConfirm && got.Result == deploy.ResultReturned:
		return &deploy.Problem{Code: deploy.CodeSwitch, What: "the host could not set the new system as what it boots, and went back", Details: tail(got.Log, 20)}
	}
	return nil
}

// vanished judges by its links a host that was armed and holds nothing of the run
// any more, not even how it ended: no guard decides about it, and none did.
func (w *worker) vanished(links deploy.Links) *deploy.Problem {
	w.p.Settled = &deploy.Settlement{Gone: true, Result: deploy.ResultStranded, Links: links}
	p := &deploy.Problem{
		Code: deploy.CodeReturnFailed, What: "the host holds nothing of this run any more, not even how it ended: nobody confirmed it, and no guard returns it",
		Details: linkLines("is", links),
	}
	if before := w.beforeOrNil(); before != nil && samePlace(*before, links) {
		w.p.Settled.Result = deploy.ResultReturned
		p.Code, p.What = deploy.CodeLate, "the host is on what it had before, and holds nothing of this run any more"
	}
	if first := w.p.Failure; first != nil && first.Code != deploy.CodeLate { // that was a guess
		p.Details, p.Err = append([]string{"before  " + first.What}, p.Details...), first
	}
	w.p.Failure = nil
	return p
}
