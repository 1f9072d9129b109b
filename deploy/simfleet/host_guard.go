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
}

// guardDeadline is when a waiting guard has to decide.
func (h *Host) guardDeadline() (time.Time, bool) {
	r := h.active
	if r == nil || h.off || !h.guard.up || h.guard.busy != nil || r.claim != "" || r.result != "" {
		return time.Time{}, false
	}
	return h.at(h.uptime() + h.left(r)), true
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
	h.runGuard()
	return true
}

// guardThere reports whether the guard's unit file is still on the host.
func (h *Host) guardThere(r *run) bool {
	return h.traits.GuardLost == "" || r.bootID == h.booted.id
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
// system counts, since the confirmation sets the rest.
func (h *Host) systemIs(r *run) string {
	l := h.links()
	switch {
	case l.Running != r.wanted:
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

// onRecord reports whether the host is exactly what it was when it was armed.
func (h *Host) onRecord(r *run) bool {
	l := h.links()
	next := r.record.NextBoot
	if next == "" {
		next = l.NextBoot
	}
	return l.Profile == r.record.Profile && l.Running == r.record.Running && nextIs(l, next) &&
		(l.ProfileLink == r.record.ProfileLink || h.profile.target(linkNumber(r.record.ProfileLink)) == "")
}

// setProfile points the profile at toplevel, by the generation link when it
// still leads there. It returns what nix-env prints.
func (h *Host) setProfile(link, toplevel string) string {
	if n := linkNumber(link); n != 0 && h.profile.target(n) == toplevel {
		text, _ := h.profile.switchTo(n) // the generation exists
		return text
	}
	h.profile.set(toplevel)
	return ""
}

// byGuard runs something that activates, in a unit of its own and bounded.
func (h *Host) byGuard(r *run, command string, work func(p *process, done func(int)), then func()) {
	r.note("+ " + command)
	guarding := h.guard.busy
	unit := h.start("nixdeploy-return-" + r.id)
	end := func(code int) {
		unit.kill()
		if code != 0 {
			r.note(fmt.Sprintf("exit code %d", code))
		}
		if !guarding.dead {
			then()
		}
	}
	limit := h.start("limit")
	limit.after(time.Duration(r.activation)*time.Second, func() {
		if unit.alive() {
			h.activator.kill()
			end(143) // RuntimeMaxSec: SIGTERM
		}
	})
	if h.faults.NoWayBack {
		r.note("Error: the activation fails")
		end(1)
		return
	}
	work(unit, func(code int) {
		limit.kill()
		end(code)
	})
}

// activateByGuard runs a system's own activation; ended, when not nil, sees its
// exit code.
func (h *Host) activateByGuard(r *run, toplevel, how string, ended func(code int), then func()) {
	h.byGuard(r, toplevel+"/bin/switch-to-configuration "+how, func(p *process, end func(int)) {
		done := func(code int) {
			if ended != nil {
				ended(code)
			}
			end(code)
		}
		s := h.system(toplevel)
		if s == nil {
			r.note("Failed to find executable " + toplevel + "/bin/switch-to-configuration: No such file or directory")
			done(1)
			return
		}
		h.switchTo(p, how, s, r.note, done)
	}, then)
}

// rollbackLands: `nixos-rebuild switch --rollback` ends on the record only if
// this run made the newest generation, the record is the next existing one below
// it, and the record ran and booted (contract 3.3).
func (h *Host) rollbackLands(r *run) bool {
	l := h.links()
	if r.mode != "switch" || l.ProfileLink == r.record.ProfileLink || l.Profile != r.wanted ||
		r.record.Running != r.record.Profile || r.record.NextBoot != r.record.Profile {
		return false
	}
	return h.profile.target(linkNumber(r.record.ProfileLink)) == r.record.Profile &&
		linkName(h.profile.below(h.profile.current)) == r.record.ProfileLink
}

// exactReturn is the return of contract 3.4; each step only if its fact is off.
func (h *Host) exactReturn(r *run, half bool, then func()) {
	l := h.links()
	if l.ProfileLink != r.record.ProfileLink || l.Profile != r.record.Profile {
		// A boot loader that cannot be read followed the profile: it has to be
		// told again, and a guard that is cut here has to know.
		r.loader = r.loader || r.record.NextBoot == ""
		r.note("profile: back to " + r.record.ProfileLink)
		if text := h.setProfile(r.record.ProfileLink, r.record.Profile); text != "" {
			r.note(text)
		}
	}
	boots := r.record.NextBoot != "" && l.NextBoot != r.record.NextBoot || r.loader
	runs := l.Running != r.record.Running || half
	into := orElse(r.record.NextBoot, r.record.Profile)
	loaded := func(code int) { r.loader = r.loader && code != 0 && code != 4 }
	test := func() {
		if !runs {
			then()
			return
		}
		h.activateByGuard(r, r.record.Running, "test", nil, then)
	}
	switch {
	case boots && runs && into == r.record.Running:
		h.activateByGuard(r, r.record.Running, "switch", loaded, then)
	case boots:
		h.activateByGuard(r, into, "boot", loaded, test)
	default:
		test()
	}
}

// foreignChange: a system that is neither the recorded nor the wanted one was
// put there by somebody else, and is not this run's to undo. After a boot, what
// the record boots next is what runs.
func (h *Host) foreignChange(r *run) bool {
	l := h.links()
	bootsInto := r.record.Running
	if r.bootID != h.booted.id {
		bootsInto = orElse(r.record.NextBoot, r.record.Profile)
	}
	return l.Running != r.record.Running && l.Running != r.wanted && l.Running != bootsInto ||
		l.Profile != r.record.Profile && l.Profile != r.wanted
}

// goBack returns the host to its record, from whatever it is in.
func (h *Host) goBack(r *run) {
	h.killSwitch()
	l := h.links()
	if h.foreignChange(r) {
		r.note(fmt.Sprintf("somebody else changed this host: %s %s %s; nothing is undone", l.ProfileLink, l.Profile, l.Running))
		r.result = string(deploy.ResultStranded)
		h.resumeGuard()
		return
	}
	thisBoot := r.bootID == h.booted.id
	half := r.started && thisBoot && (!r.ended || r.code != 0)
	if h.onRecord(r) && !half && !r.loader {
		r.note("already on the record")
		h.wentBack(r)
		return
	}
	again := func() {
		if h.onRecord(r) || !thisBoot {
			h.wentBack(r)
			return
		}
		l := h.links()
		r.note(fmt.Sprintf("not yet on the record: %s %s %s %s", l.ProfileLink, l.Profile, l.Running, l.NextBoot))
		h.exactReturn(r, half, func() { h.wentBack(r) })
	}
	exact := func() {
		if h.onRecord(r) && !half && !r.loader {
			again()
			return
		}
		h.exactReturn(r, half, again)
	}
	if h.rollbackLands(r) {
		h.byGuard(r, "nixos-rebuild switch --rollback --fast", func(p *process, done func(int)) {
			h.rollbackSwitch(p, r.note, func(code int) {
				half = half && code != 0
				done(code)
			})
		}, exact)
		return
	}
	exact()
}

// wentBack reads back what a return led to.
func (h *Host) wentBack(r *run) {
	l := h.links()
	if !h.onRecord(r) {
		h.guard.attempts++
		if h.guard.attempts < 3 {
			h.guard.busy.after(2*time.Second, h.resumeGuard)
			return
		}
		if h.rebootOnce(r) {
			return
		}
		r.note(fmt.Sprintf("stranded: %s %s %s %s", l.ProfileLink, l.Profile, l.Running, l.NextBoot))
		r.result = string(deploy.ResultStranded)
		h.resumeGuard()
		return
	}
	if r.record.Booted != "" && l.Booted != r.record.Booted && h.rebootOnce(r) {
		return
	}
	if l.NextBoot == "" {
		r.unverified = true
	}
	r.note("returned to " + r.record.ProfileLink)
	r.result = string(deploy.ResultReturned)
	h.resumeGuard()
}

// rebootOnce boots the record: what cannot be undone in a running system is
// undone that way, once, and never where a reboot is not ours to ask for.
func (h *Host) rebootOnce(r *run) bool {
	if r.rebooted || h.traits.WSL || h.traits.Container || !nextIs(h.links(), r.record.NextBoot) {
		return false
	}
	r.rebooted = true
	r.note("rebooting into the record")
	h.powerCut()
	return true
}

// finish sets what a confirmation has to set, and reads it back.
func (h *Host) finish(r *run) {
	if r.mode != "test-first" {
		h.finished(r, true)
		return
	}
	if h.links().Profile != r.wanted {
		h.setProfile(r.back, r.wanted)
	}
	if h.links().NextBoot != r.wanted {
		loaded := false
		h.activateByGuard(r, r.wanted, "boot", func(code int) { loaded = code == 0 }, func() { h.finished(r, loaded) })
		return
	}
	h.finished(r, true)
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
	}
	r.note("confirmed " + r.wanted)
	r.result = string(deploy.ResultConfirmed)
	h.resumeGuard()
}

// closeRun puts a resolved run away, and with it lock and guard.
func (h *Host) closeRun(r *run) {
	r.log, r.unit = nil, nil
	h.freeLease(r.id)
	h.active = nil
	h.done = slices.DeleteFunc(h.done, func(old *run) bool { return old.id == r.id })
	h.done = slices.Insert(h.done, 0, r)
	h.done = h.done[:min(len(h.done), keptRuns)]
}
