package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Pauses between two looks at a host that is locked.
const (
	firstLook = 2 * time.Second
	lastLook  = 30 * time.Second
)

// patient is a Driver that waits for locked hosts, for so long in all: the clock
// starts at the first lock that is met and is not started again, so that a run
// takes at most that much longer.
type patient struct {
	Driver
	wait  time.Duration
	admit context.Context //nolint:containedctx // ends every wait: the first interruption
	tell  func(h inventory.Host, p *deploy.Problem, left time.Duration)

	mu    sync.Mutex
	until time.Time
	told  map[string]bool
}

// Inspect reads the host, again while it is locked. Each look is a connection of
// its own: a host that refuses is let go of.
func (d *patient) Inspect(ctx context.Context, h inventory.Host, stage string) deploy.HostPlan {
	p := d.Driver.Inspect(ctx, h, stage)
	if stage == "" { // it is only read
		return p
	}
	for pause := firstLook; isLocked(p.Problem) && d.rest(ctx, h, p.Problem, pause); pause = min(2*pause, lastLook) {
		p = d.Driver.Inspect(ctx, h, stage)
	}
	return p
}

// Apply drives the host, anew when somebody took it between the inspection and
// its turn: a lock that is met then has left it untouched.
func (d *patient) Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome {
	return d.again(ctx, h, func() deploy.Outcome { return d.Driver.Apply(ctx, h, stage, wave) })
}

// Goto is like Apply.
func (d *patient) Goto(ctx context.Context, h inventory.Host, stage string, wave int, system, link string) deploy.Outcome {
	return d.again(ctx, h, func() deploy.Outcome { return d.Driver.Goto(ctx, h, stage, wave, system, link) })
}

func (d *patient) again(ctx context.Context, h inventory.Host, drive func() deploy.Outcome) deploy.Outcome {
	o := drive()
	for pause := firstLook; !o.Changed && isLocked(o.Problem) && d.rest(ctx, h, o.Problem, pause); pause = min(2*pause, lastLook) {
		o = drive()
	}
	return o
}

func isLocked(p *deploy.Problem) bool { return p != nil && p.Code == deploy.CodeLocked }

// rest waits before the next look; false when there is no time left for one.
func (d *patient) rest(ctx context.Context, h inventory.Host, p *deploy.Problem, pause time.Duration) bool {
	left := d.left(h, p)
	if left <= 0 {
		return false
	}
	return pauseFor(ctx, d.admit, min(pause, left))
}

// left is what remains of the wait. Each host's lock is told once.
func (d *patient) left(h inventory.Host, p *deploy.Problem) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until.IsZero() {
		d.until = time.Now().Add(d.wait)
		d.told = map[string]bool{}
	}
	left := time.Until(d.until)
	if !d.told[h.Name] && left > 0 {
		d.told[h.Name] = true
		d.tell(h, p, left)
	}
	return left
}

// pauseFor waits; false when a context ended first.
func pauseFor(a, b context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return a.Err() == nil && b.Err() == nil
	case <-a.Done():
	case <-b.Done():
	}
	return false
}

// patiently has the Driver wait for locked hosts when --lock-wait was given.
func (in *invocation) patiently(f Fleet) Fleet {
	if in.lockWait > 0 {
		f.Driver = &patient{Driver: f.Driver, wait: in.lockWait, admit: in.signals.admit, tell: in.tellLock}
		f.Limits.LockWait = in.lockWait
	}
	return f
}

func (in *invocation) tellLock(h inventory.Host, p *deploy.Problem, left time.Duration) {
	text := fmt.Sprintf("%s: waiting for its lock, up to %s: %s", h.Name, left.Round(time.Second), p.What)
	in.tell(in.err.Clean(strings.Join(append([]string{text}, p.Details...), "; ")) + "\n")
}

// openWaiting opens a run's journal; with --lock-wait it waits for a process
// that still works on the run.
func (in *invocation) openWaiting(ctx context.Context, dir, id string) (*journal.Journal, []deploy.Event, error) {
	until := time.Now().Add(in.lockWait)
	told := false
	for {
		j, events, err := journal.Open(dir, id)
		left := time.Until(until)
		if !errors.Is(err, journal.ErrHeld) || left <= 0 {
			return j, events, err
		}
		if !told {
			told = true
			in.tell(fmt.Sprintf("run %s is still being worked on by a process of this machine: waiting, up to %s\n", id, left.Round(time.Second)))
		}
		if !pauseFor(ctx, in.signals.admit, min(time.Second, left)) {
			return nil, nil, context.Cause(ctx)
		}
	}
}
