package simfleet

import (
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// HostFaults are what goes wrong on a host. They can be switched at any time.
// What goes wrong on the network is the SSH server's Fault.
type HostFaults struct {
	// SwitchDiesAt kills the next switch there, PowerCutAt cuts the power; once.
	SwitchDiesAt Phase
	PowerCutAt   Phase
	// BootFull: no other system can be made the next boot. With BootSilent the
	// tool does not tell (an older NixOS): it ends with exit code 0.
	BootFull, BootSilent bool
	// Clock is by how much its wall clock is wrong. Its uptime is not.
	Clock time.Duration
	// ControlReadonly: no guard can be written; GuardDoesNotStart: nor started.
	ControlReadonly   bool
	GuardDoesNotStart bool
	// SwitchDoesNotStart: systemd starts no unit for the switch.
	SwitchDoesNotStart bool
	// NoWayBack: whatever the guard activates fails.
	NoWayBack bool
	// StaysDown is a unit that no longer starts, whatever the host runs. It is
	// not failed: nothing tells but their state.
	StaysDown string
	// CorruptUploads: uploads arrive with a changed byte.
	CorruptUploads bool
	// Slow stretches everything that takes time; 1 and less do nothing.
	Slow float64
}

// SetFaults replaces the faults.
func (h *Host) SetFaults(f HostFaults) {
	h.change(func() { h.faults = f })
}

// change does something to the host between two requests.
func (h *Host) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	do()
	h.advance()
	h.wake()
}

// PowerCut cuts the power: what is volatile is lost, and the host boots its
// next-boot system as soon as it can (Traits.BootTime).
func (h *Host) PowerCut() { h.change(h.powerCut) }

// Reboot restarts the host. What ends cleanly and what does not makes no
// difference here: nothing that the scripts rely on does.
func (h *Host) Reboot() { h.change(h.powerCut) }

// PowerOff cuts the power for as long as it takes until PowerOn.
func (h *Host) PowerOff() {
	h.change(func() {
		h.powerCut()
		h.queue = nil
	})
}

// PowerOn boots a host that is off. toplevel is what somebody at the console
// chooses in the boot menu, "" for its default.
func (h *Host) PowerOn(toplevel string) {
	h.change(func() {
		if h.off {
			h.queue = nil
			h.boot(toplevel)
		}
	})
}

func (h *Host) powerCut() {
	for _, e := range slices.Clone(h.queue) {
		e.of.kill()
	}
	h.guard.busy.kill()
	if h.active != nil {
		h.active.unit.kill()
	}
	h.stc.kill()
	h.activator.kill()
	if h.switcher != nil {
		h.switcher.kill()
	}
	h.queue, h.lease, h.keeper, h.guard = nil, nil, nil, guard{}
	h.switcher = nil
	h.running, h.failed, h.loops, h.halted, h.cut = "", nil, nil, false, false
	h.off = true
	h.tellNetwork()
	firmware := &process{host: h, name: "firmware"}
	h.events++
	h.queue = append(h.queue, event{at: h.now.Add(h.traits.BootTime), seq: h.events, of: firmware, do: func() { h.boot("") }})
}

// boot starts toplevel, or what is to be booted next.
func (h *Host) boot(toplevel string) {
	if toplevel == "" {
		toplevel = h.nextBoot()
	}
	s := h.system(toplevel)
	if s == nil || s.BreaksBoot {
		return // it hangs in its initrd: somebody has to come
	}
	h.boots++
	h.booted = boot{id: h.bootID(), at: h.now, toplevel: toplevel}
	h.off, h.running, h.cut = false, toplevel, s.BreaksNetwork
	h.settleUnits(s)
	h.tellNetwork()
	// Where it is not lost, the guard's unit is wanted by basic.target.
	if r := h.active; r != nil {
		r.unitLost = r.unitLost || h.traits.GuardLost != ""
		if !r.unitLost {
			h.startGuard()
		}
	}
}

// KillSwitch kills a switch under way: its unit leaves no exit code.
func (h *Host) KillSwitch() { h.change(h.killSwitch) }

// KillGuard kills the guard; systemd starts it again a second later.
func (h *Host) KillGuard() {
	h.change(func() {
		if !h.guard.up {
			return
		}
		h.guard.busy.kill()
		h.guard = guard{}
		h.start("systemd").after(time.Second, func() { h.startGuard() })
	})
}

// StopGuard stops the guard, as if the arming had been killed before it started
// it. Nothing starts it again but a boot, or somebody who asks.
func (h *Host) StopGuard() {
	h.change(func() {
		h.guard.busy.kill()
		h.guard = guard{}
	})
}

// LoseUnit takes the unit of an armed run's guard away, and not the guard: the next
// boot has none.
func (h *Host) LoseUnit() {
	h.change(func() {
		if h.active != nil {
			h.active.unitLost = true
		}
	})
}

// DeleteGeneration is `nix-env --delete-generations` of one that is not current.
func (h *Host) DeleteGeneration(number int) {
	h.change(func() {
		if i, ok := h.profile.find(number); ok && number != h.profile.current {
			h.profile.generations = slices.Delete(h.profile.generations, i, i+1)
		}
	})
}

// Confirmed makes the host remember what it runs as confirmed for a flake, and
// its marker name it: as if an earlier run had ended well.
func (h *Host) Confirmed(digest, attribute, stage, fleet string) {
	h.change(func() {
		h.remember(h.newRecord(digest, attribute, h.running, "FIRST", "demo@localhost", stage), fleet, h.hostname)
	})
}

// BreakUnits makes these units failed, whatever the host runs.
func (h *Host) BreakUnits(units ...string) {
	h.change(func() {
		h.broken = slices.Clone(units)
		if s := h.system(h.running); s != nil {
			h.settleUnits(s)
		}
	})
}

// Forget drops a system from the store, as a garbage collection would.
func (h *Host) Forget(toplevel string) {
	h.change(func() {
		h.store = slices.DeleteFunc(h.store, func(s *System) bool { return s.Toplevel == toplevel })
	})
}

// Invalidate makes the store's database forget a system whose files are there.
func (h *Host) Invalidate(toplevel string) {
	h.change(func() { h.invalid = append(h.invalid, toplevel) })
}

// SetMarker replaces whose host it is; empty words remove the marker.
func (h *Host) SetMarker(fleet, host string) {
	h.change(func() {
		h.marker = nil
		if host != "" {
			h.marker = &deploy.Marker{Fleet: fleet, Host: host}
		}
	})
}
