package simfleet

import (
	"context"
	"slices"
	"time"
)

// A host's processes are events in a queue: nothing runs between two requests,
// and each request first brings the host forward to the clock's present, in the
// order in which things would have happened. So a host at rest costs no
// goroutine, and the same calls at the same times end the same.

// process is something that runs on a host and dies with a power cut.
type process struct {
	host *Host
	name string // its systemd unit
	dead bool
}

// event is the next thing that a process does.
type event struct {
	at  time.Time
	seq uint64 // in order of making, at the same time
	of  *process
	do  func()
}

func (h *Host) start(name string) *process { return &process{host: h, name: name} }

// after lets p do something when d has passed, slowed as the host is.
func (p *process) after(d time.Duration, do func()) { p.timer(p.host.slowed(d), do) }

// timer is after by the clock, which goes on slow hosts as fast as on all.
func (p *process) timer(d time.Duration, do func()) {
	if p.dead {
		return
	}
	h := p.host
	h.events++
	h.queue = append(h.queue, event{at: h.now.Add(d), seq: h.events, of: p, do: do})
}

func (h *Host) slowed(d time.Duration) time.Duration {
	if h.faults.Slow > 1 {
		return time.Duration(float64(d) * h.faults.Slow)
	}
	return d
}

// kill ends p; what it had still to do is not done.
func (p *process) kill() {
	if p == nil || p.dead {
		return
	}
	p.dead = true
	p.host.queue = slices.DeleteFunc(p.host.queue, func(e event) bool { return e.of == p })
}

func (p *process) alive() bool { return p != nil && !p.dead }

// due finds the next event: its place in the queue, or -1 for the guard's deadline.
func (h *Host) due() (at time.Time, index int, ok bool) {
	for i, e := range h.queue {
		if !ok || e.at.Before(at) || (e.at.Equal(at) && e.seq < h.queue[index].seq) {
			at, index, ok = e.at, i, true
		}
	}
	if d, waiting := h.guardDeadline(); waiting && (!ok || d.Before(at)) {
		at, index, ok = d, -1, true
	}
	return at, index, ok
}

// maxSteps bounds what can happen at one request: a host that never comes to
// rest is a mistake in the model, and must not hang a test.
const maxSteps = 100_000

// advance brings the host forward to the present. Call it with h.mu held.
func (h *Host) advance() {
	present := h.clock()
	for range maxSteps {
		at, index, ok := h.due()
		if !ok || at.After(present) {
			break
		}
		if at.After(h.now) {
			h.now = at
		}
		if index < 0 {
			h.guard.looked = h.now
			h.runGuard()
			continue
		}
		do := h.queue[index].do
		h.queue = slices.Delete(h.queue, index, index+1)
		do()
	}
	if present.After(h.now) {
		h.now = present
	}
	h.setAlarm()
}

// setAlarm makes sure that a host that nobody can reach goes on: its guard has
// to bring it back, and no request will come that would bring it forward. With a
// clock of its own, the host's owner sees to that.
func (h *Host) setAlarm() {
	h.stopAlarm()
	if h.reachable() || h.closed || h.ownClock {
		return
	}
	at, _, ok := h.due()
	if !ok {
		return
	}
	h.alarms.Add(1)
	h.alarm = time.AfterFunc(at.Sub(h.now), func() {
		defer h.alarms.Done()
		h.Settle()
	})
}

func (h *Host) stopAlarm() {
	if h.alarm != nil && h.alarm.Stop() {
		h.alarms.Done() // it will not run any more
	}
	h.alarm = nil
}

// wait sleeps until cond holds, until the time given, or until ctx ends; the
// host goes on meanwhile. h.mu is held before and after, not while sleeping. It
// reports false when the process that waits is no more: its host went down, or
// its connection is gone.
func (h *Host) wait(ctx context.Context, until time.Time, cond func() bool) bool {
	outages := h.outages
	for {
		h.advance()
		switch {
		case ctx.Err() != nil || h.outages != outages:
			return false
		case cond() || !h.now.Before(until):
			return true
		}
		next := until
		if at, _, ok := h.due(); ok && at.Before(next) {
			next = at
		}
		nap, cancel := context.WithCancel(ctx)
		id := h.addWaiter(cancel)
		left := next.Sub(h.now)
		h.mu.Unlock()
		_ = h.sleep(nap, left) // woken or not, the state decides
		cancel()
		h.mu.Lock()
		delete(h.waiters, id)
	}
}

func (h *Host) addWaiter(cancel context.CancelFunc) uint64 {
	if h.waiters == nil {
		h.waiters = map[uint64]context.CancelFunc{}
	}
	h.events++
	h.waiters[h.events] = cancel
	return h.events
}

// wake lets those who wait look again.
func (h *Host) wake() {
	for _, cancel := range h.waiters {
		cancel()
	}
}

// sleepReal is the sleep of a host whose clock is the real one, or that of a
// synctest bubble.
func sleepReal(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// uptime is in whole seconds, as /proc/uptime is read.
func (h *Host) uptime() int64 { return int64(h.now.Sub(h.booted.at) / time.Second) }

// at gives the time at which the uptime will be so many seconds.
func (h *Host) at(uptime int64) time.Time {
	return h.booted.at.Add(time.Duration(uptime) * time.Second)
}

// wall is what the host takes for the time of day, in seconds since 1970.
func (h *Host) wall() int64 { return h.now.Add(h.faults.Clock).Unix() }
