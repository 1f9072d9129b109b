package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// recheck looks at a returned host once more, over a new connection: going back
// may have started less than was stopped, and may have left the network down. It
// does not change what the host is in, which the host has read back itself; what
// it finds is told with the cause.
func (w *worker) recheck(ctx context.Context) {
	if w.p.Settled == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, w.h.ConfirmTimeout)
	defer cancel()
	pause := firstPause
	for {
		o, err := w.inspectAnew(ctx)
		if err == nil {
			w.p.Recheck = &o
			break
		}
		select {
		case <-ctx.Done():
		case <-w.detached():
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
			continue
		}
		break
	}
	if w.p.Failure != nil {
		w.p.Failure.Details = append(w.p.Failure.Details, sinceReturn(w.p)...)
	}
}

func (w *worker) inspectAnew(ctx context.Context) (deploy.Observation, error) {
	conn, err := w.s.fresh(ctx, w.d.Dialer)
	if err != nil {
		return deploy.Observation{}, err
	}
	o, err := w.d.Attach(conn, w.run).Inspect(ctx, "")
	if err != nil {
		_ = conn.Close() // it proved nothing
		return deploy.Observation{}, err
	}
	w.s.replace(conn)
	return o, nil
}

// sinceReturn words what a returned host still lacks of what it was.
func sinceReturn(p Progress) []string {
	var lines []string
	for _, unit := range p.Settled.Down {
		lines = append(lines, fmt.Sprintf("down    %s was up before and does not start; a reboot boots what the host had before", unit))
	}
	o := p.Recheck
	if o == nil {
		return append(lines, "since   it went back, and no new connection was possible: look at its network and its sshd")
	}
	var failed []string
	for _, unit := range o.FailedUnits {
		if !slices.Contains(p.Observed.FailedUnits, unit) && !slices.Contains(p.Settled.Down, unit) {
			failed = append(failed, unit)
		}
	}
	if len(failed) > 0 {
		lines = append(lines, "since   it went back, failed, though not before: "+strings.Join(failed, ", "))
	}
	if !sameSystem(p.Settled.Links, o.Links) {
		lines = append(lines, slices.Concat([]string{"since   it went back, somebody changed it"}, linkLines("now", o.Links))...)
	}
	return lines
}
