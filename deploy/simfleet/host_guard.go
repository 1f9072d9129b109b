package simfleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// guard is the guard's unit. It runs while it has something to do or to wait
// for; what it decides is in host_table.go, what it knows in the run folder.
type guard struct {
	up       bool
	busy     *process // what it does at the moment, nil while it waits
	attempts int
	locked   bool      // its last activation met the lock of somebody else's
	patience int64     // until which uptime it waits for others, 0: it has not yet
	looked   time.Time // when its time was up last
}

// guardDeadline is when a waiting guard has to decide.
func (h *Host) guardDeadline() (time.Time, bool) {
	r := h.active
	if r == nil || h.off || !h.guard.up || h.guard.busy != nil || r.claim != "" || r.result != "" {
		return time.Time{}, false
	}
	// One that goes on waiting when its time is up looks again after a pause.
	decides, again := h.at(h.uptime()+h.left(r)), h.guard.looked.Add(pause)
	if !h.guard.looked.IsZero() && decides.Before(again) {
		return again, true
	}
	return decides, true
}

// startGuard is `systemctl start` of its unit. It reports whether that worked.
func (h *Host) startGuard() bool {
	if h.faults.GuardDoesNotStart {
		return false
	}
	if h.guard.up {
		h.runGuard() // a signal: it looks again at once
		return true
	}
	h.guard = guard{up: true}
	if h.active != nil {
		h.active.returning.kill() // what a guard that was killed left behind
	}
	h.runGuard()
	return true
}

// unitThere writes the guard's unit anew where a boot lost it. It reports whether
// that worked.
func (h *Host) unitThere(r *run) bool {
	r.unitLost = r.unitLost && h.faults.ControlReadonly
	return !r.unitLost
}

// runGuard is the guard's loop, up to where it waits.
func (h *Host) runGuard() {
	for h.guard.up && h.guard.busy == nil {
		r := h.active
		if r == nil {
			h.guard = guard{}
			return
		}
		switch Decide(orNone(r.claim), orNone(r.result), h.left(r) <= 0, h.systemIs(r)) {
		case ActionWait:
			return
		case ActionClaim:
			r.claim = string(deploy.ClaimReturn)
			r.note("no sign of life in time: returning")
		case ActionFinish:
			h.guard.busy = h.start("nixdeploy-guard.service")
			h.finish(r)
		case ActionReturn:
			h.guard.busy = h.start("nixdeploy-guard.service")
			h.goBack(r)
		case ActionClose:
			h.closeRun(r)
			h.guard = guard{}
		case ActionHold:
			h.guard = guard{}
		}
	}
}

func orNone(word string) string {
	if word == "" {
		return none
	}
	return word
}

// resumeGuard ends what the guard was doing and lets it look again.
func (h *Host) resumeGuard() {
	h.guard.busy = nil
	h.runGuard()
}

// systemIs says whether what runs is what was wanted: in test-first the running
// system counts, since the confirmation sets the rest. A return that was cut in
// the middle is gone through with.
func (h *Host) systemIs(r *run) string {
	l := h.links()
	switch {
	case l.Running != r.wanted, r.cutIn == h.booted.id:
		return other
	case r.mode == "test-first", l.Profile == r.wanted && nextIs(l, r.wanted):
		return fresh
	}
	return other
}

// nextIs: what cannot be read is not held against the host.
func nextIs(l deploy.Links, toplevel string) bool {
	return l.NextBoot == "" || l.NextBoot == toplevel
}

// finish sets what a confirmation has to set, and reads it back.
func (h *Host) finish(r *run) {
	if r.mode != "test-first" {
		h.finished(r, true)
		return
	}
	h.awaitOthers(r, func() { h.commit(r) })
}

// commit sets profile and next boot, unless somebody else did meanwhile.
func (h *Host) commit(r *run) {
	if h.foreignChange(r) {
		h.goBack(r) // which undoes nothing then
		return
	}
	if h.links().Profile != r.wanted {
		h.setProfile(r.back, r.wanted)
	}
	if h.links().NextBoot == r.wanted {
		h.finished(r, true)
		return
	}
	loaded := false
	h.activateByGuard(r, r.wanted, "boot", func(code int) { loaded = code == 0 }, func() {
		if h.guard.locked && h.uptime() < h.guard.patience {
			h.guard.busy.after(pause, h.resumeGuard) // and once more
			return
		}
		h.finished(r, loaded)
	})
}

// finished reads back what finish set. loaded is all that is known of the boot
// loader where nobody can read it.
func (h *Host) finished(r *run, loaded bool) {
	l := h.links()
	if l.NextBoot == "" && !loaded || l.Running != r.wanted || l.Profile != r.wanted || !nextIs(l, r.wanted) {
		r.note(fmt.Sprintf("cannot be confirmed: %s %s %s %s", l.ProfileLink, l.Profile, l.Running, l.NextBoot))
		h.goBack(r)
		return
	}
	if l.NextBoot == "" {
		r.unverified = true
	}
	if r.goal == string(deploy.GoalFlake) {
		h.remember(h.newRecord(r.flake, r.attribute, r.wanted, r.id, r.operator, r.stage), r.fleet, r.host)
	} else {
		h.rolledBack, h.rolledBackAt = r.id, h.wall()
	}
	r.note("confirmed " + r.wanted)
	r.result = string(deploy.ResultConfirmed)
	h.resumeGuard()
}

// closeRun puts a resolved run away, and with it lock and guard.
func (h *Host) closeRun(r *run) {
	r.log, r.unit, r.returning = nil, nil, nil
	h.freeLease(r.id)
	h.active = nil
	h.done = slices.DeleteFunc(h.done, func(old *run) bool { return old.id == r.id })
	h.decided++
	r.decided = h.decided
	h.done = slices.Insert(h.done, 0, r)
	h.done = h.done[:min(len(h.done), keptRuns)]
}
