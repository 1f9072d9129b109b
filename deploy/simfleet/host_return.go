package simfleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The way back of a guard, as return.sh has it.

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

// backThere is onRecord with units up and the boot loader told: the links alone
// cannot know.
func (h *Host) backThere(r *run) bool { return h.onRecord(r) && !r.half && !r.loader }

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

// returnBegins sets the deadline of the whole way back, once in a boot: time for
// somebody else's activation and for one of its own.
func (h *Host) returnBegins(r *run) {
	if r.backIn != h.booted.id {
		r.backIn, r.until = h.booted.id, h.uptime()+2*r.activation+r.window
	}
}

// byGuard runs something that activates, in a unit of its own and bounded: on the
// way back also by what is left of that.
func (h *Host) byGuard(r *run, command string, work func(p *process, done func(int)), then func()) {
	h.guard.locked = false
	r.note("+ " + command)
	bound := r.activation
	if r.backIn == h.booted.id {
		bound = min(bound, r.until-h.uptime())
	}
	if bound <= 0 {
		r.note("no time is left for it")
		then()
		return
	}
	guarding := h.guard.busy
	unit := h.start("nixdeploy-return-" + r.id)
	r.returning = unit
	end := func(code int) {
		unit.kill()
		if code != 0 {
			r.note(fmt.Sprintf("exit code %d", code))
		}
		h.guard.locked = code == codeLocked
		if !guarding.dead {
			then()
		}
	}
	limit := h.start("limit")
	limit.timer(time.Duration(bound)*time.Second, func() {
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

// activateRunning activates what is to run. Cut in the middle it leaves units
// down although every link may be right, so the guard that comes after has to
// know.
func (h *Host) activateRunning(r *run, activate func(ended func(code int))) {
	before := r.half
	r.half, r.cutIn = true, h.booted.id
	activate(func(code int) {
		switch code {
		case 0, 2, 3, 4: // it went to its end
			r.half = false
		case codeLocked: // nothing was begun
			r.half = before
		}
		if !r.half {
			r.cutIn = ""
		}
	})
}

// exactReturn is the return of contract 3.4; each step only if its fact is off.
func (h *Host) exactReturn(r *run, then func()) {
	l := h.links()
	if l.ProfileLink != r.record.ProfileLink || l.Profile != r.record.Profile {
		// A boot loader that cannot be read, or not any more, may have followed the
		// profile: it has to be told again, and a guard that is cut here has to know.
		r.loader = r.loader || r.record.NextBoot == "" || l.NextBoot == ""
		r.note("profile: back to " + r.record.ProfileLink)
		if text := h.setProfile(r.record.ProfileLink, r.record.Profile); text != "" {
			r.note(text)
		}
	}
	boots := r.record.NextBoot != "" && l.NextBoot != r.record.NextBoot || r.loader
	runs := l.Running != r.record.Running || r.half
	into := orElse(r.record.NextBoot, r.record.Profile)
	running := func(how string, loaded func(code int)) {
		h.activateRunning(r, func(ended func(int)) {
			h.activateByGuard(r, r.record.Running, how, func(code int) { loaded(code); ended(code) }, then)
		})
	}
	test := func() {
		if !runs {
			then()
			return
		}
		running("test", func(int) {})
	}
	switch {
	case boots && runs && into == r.record.Running:
		running("switch", func(code int) { r.loader = r.loader && !slices.Contains([]int{0, 2, 3, 4, 100}, code) })
	case boots:
		h.activateByGuard(r, into, "boot", func(code int) { r.loader = r.loader && code != 0 }, test)
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

// stopSwitch stops all of ours that activates. The unit that nixos-rebuild
// activates in is ours only if one of those was cut.
func (h *Host) stopSwitch(r *run) {
	r.unit.kill()
	r.returning.kill()
	if !h.guard.locked && h.cutShort(r) {
		h.activator.kill()
	}
}

// cutShort reports whether something of ours that activates was begun in this
// boot and has not come to an end of its own.
func (h *Host) cutShort(r *run) bool {
	return r.cutIn == h.booted.id || r.started && !r.ended && r.bootID == h.booted.id
}

// awaitOthers waits for a switch of somebody else, which is theirs to end.
func (h *Host) awaitOthers(r *run, then func()) {
	if h.guard.patience == 0 {
		h.guard.patience = h.uptime() + r.activation
	}
	if (h.activator.alive() || h.stc.alive()) && h.uptime() < h.guard.patience {
		h.guard.busy.after(pause, func() { h.awaitOthers(r, then) })
		return
	}
	then()
}

// pause is between two looks of a guard that waits for something else.
const pause = 2 * time.Second

// goBack returns the host to its record, from whatever it is in.
func (h *Host) goBack(r *run) {
	h.returnBegins(r)
	h.stopSwitch(r)
	h.awaitOthers(r, func() { h.wayBack(r) })
}

func (h *Host) wayBack(r *run) {
	if h.foreignChange(r) {
		l := h.links()
		r.note(fmt.Sprintf("somebody else changed this host: %s %s %s; nothing is undone", l.ProfileLink, l.Profile, l.Running))
		r.result = string(deploy.ResultStranded)
		h.resumeGuard()
		return
	}
	thisBoot := r.bootID == h.booted.id
	h.guard.locked = false
	r.half = h.cutShort(r) || thisBoot && r.ended && r.code != 0
	if h.backThere(r) {
		r.note("already on the record")
		h.wentBack(r)
		return
	}
	again := func() {
		if h.backThere(r) || h.foreignChange(r) || h.guard.locked || !thisBoot {
			h.wentBack(r)
			return
		}
		h.stopSwitch(r) // a tool that was stopped leaves its activation behind
		l := h.links()
		r.note(fmt.Sprintf("not yet on the record: %s %s %s %s", l.ProfileLink, l.Profile, l.Running, l.NextBoot))
		h.exactReturn(r, func() { h.wentBack(r) })
	}
	exact := func() {
		if h.backThere(r) || h.foreignChange(r) { // what came meanwhile is told at the next look
			again()
			return
		}
		h.exactReturn(r, again)
	}
	if !h.rollbackLands(r) {
		exact()
		return
	}
	h.activateRunning(r, func(ended func(int)) {
		h.byGuard(r, "nixos-rebuild switch --rollback --fast", func(p *process, done func(int)) {
			h.rollbackSwitch(p, r.note, func(code int) { ended(code); done(code) })
		}, exact)
	})
}

// wentBack reads back what a return led to.
func (h *Host) wentBack(r *run) {
	l := h.links()
	if !h.backThere(r) {
		if !h.guard.locked || h.uptime() >= h.guard.patience {
			h.guard.attempts++
		}
		if h.guard.attempts < 3 && h.uptime() < r.until {
			h.guard.busy.after(pause, h.resumeGuard)
			return
		}
		if h.uptime() >= r.until {
			r.note("the return's own deadline has passed")
		}
		if !h.foreignChange(r) && h.rebootOnce(r) {
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
	h.unitsUp(r)
	if len(r.down) > 0 && r.reboot == "allow" && h.rebootOnce(r) {
		return
	}
	if l.NextBoot == "" {
		r.unverified = true
	}
	r.note("returned to " + r.record.ProfileLink)
	r.result = string(deploy.ResultReturned)
	h.resumeGuard()
}

// unitsUp starts, once, what was up when the run was armed and is down after the
// return. After a boot systemd has seen to that itself.
func (h *Host) unitsUp(r *run) {
	if r.bootID != h.booted.id {
		return
	}
	r.down = nil
	for _, unit := range r.up {
		if h.unitState(unit) != "active" {
			r.note(unit + " was up before: starting it")
			r.note(unit + " is still down")
			r.down = append(r.down, unit)
		}
	}
}

// rebootOnce boots the record: what cannot be undone in a running system is
// undone that way, once, and never where a reboot is not ours to ask for; where
// nobody can read what it would boot only if that was said.
func (h *Host) rebootOnce(r *run) bool {
	if r.rebooted || h.traits.WSL || h.traits.Container || r.loader || !nextIs(h.links(), r.record.NextBoot) {
		return false
	}
	if r.reboot == "never" || r.reboot == "auto" && h.reader() == ReaderUnknown {
		r.note("a reboot would boot the record; it is not this run's to ask for")
		return false
	}
	r.rebooted = true
	r.note("rebooting into the record")
	h.powerCut()
	return true
}
