package host

import (
	"context"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// dryActivation bounds dry-activate on a host: less than a lease lasts. An old
// activator waits for its lock without an end.
const dryActivation = 60 * time.Second

// transition is what a difference depends on. Hosts that have it in common are
// the same to a plan, so one of them is asked for all.
type transition struct {
	from, to string
	booted   string
	reader   string // a boot loader copies kernels or does not
	units    bool
}

// differences remembers what hosts answered. The zero value is ready; safe for
// concurrent use.
type differences struct {
	mu    sync.Mutex
	asked map[transition]*inquiry
}

// inquiry is one host being asked for all that have the same transition.
type inquiry struct {
	done   chan struct{} // closed when answer and known are final
	answer deploy.DifferenceAnswer
	known  bool
}

// of gives the answer of the host that was asked first, or asks. An ask that
// fails, or finds the system not in that host's store, is nobody else's: who
// waited for it asks its own host.
func (d *differences) of(ctx context.Context, t transition, ask func(context.Context) (deploy.DifferenceAnswer, error)) (deploy.DifferenceAnswer, error) {
	d.mu.Lock()
	if d.asked == nil {
		d.asked = map[transition]*inquiry{}
	}
	first := d.asked[t]
	if first == nil {
		mine := &inquiry{done: make(chan struct{})}
		d.asked[t] = mine
		d.mu.Unlock()
		return d.lead(ctx, t, mine, ask)
	}
	d.mu.Unlock()
	select {
	case <-first.done:
	case <-ctx.Done():
		return deploy.DifferenceAnswer{}, context.Cause(ctx)
	}
	if first.known {
		return first.answer, nil
	}
	return ask(ctx)
}

func (d *differences) lead(ctx context.Context, t transition, mine *inquiry, ask func(context.Context) (deploy.DifferenceAnswer, error)) (deploy.DifferenceAnswer, error) {
	defer close(mine.done) // whatever ask does, nobody waits for ever
	answer, err := ask(ctx)
	// What was refused for a reason of the moment may not be on the next host.
	if err == nil && answer.Difference != nil && answer.Refused == "" {
		mine.answer, mine.known = answer, true
		return answer, nil
	}
	d.mu.Lock()
	delete(d.asked, t)
	d.mu.Unlock()
	return answer, err
}

// difference adds to a plan what its change would bring to the host. That it
// cannot be told is a note: it keeps nobody from deploying.
func (w *worker) difference(ctx context.Context, plan *deploy.HostPlan, units bool) {
	ctx, cancel := context.WithTimeout(ctx, dryActivation+2*briefly)
	defer cancel()
	o := plan.Observed
	t := transition{from: o.Running, to: plan.Wanted, booted: o.Booted, reader: o.Reader, units: units}
	a, err := w.d.differences.of(ctx, t, func(ctx context.Context) (a deploy.DifferenceAnswer, err error) {
		err = w.ask(ctx, func(ctx context.Context, m Machine) (err error) {
			a, err = m.Difference(ctx, deploy.DifferenceRequest{From: t.from, To: t.to, Units: units, Timeout: dryActivation})
			return err
		})
		return a, err
	})
	plan.Difference = a.Difference
	switch {
	case err != nil:
		plan.Notes = append(plan.Notes, "what changes is not known: "+asProblem(err, w.h.Name, deploy.StepDryBuild).What)
	case a.Refused != "":
		plan.Notes = append(plan.Notes, "which units it touches is not known: "+a.Refused)
	}
}
