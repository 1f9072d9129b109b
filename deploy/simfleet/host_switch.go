package simfleet

import (
	"fmt"
	"strings"
)

// Phase is a point of a switch that a fault can strike at.
type Phase string

// The phases, in order. Each is named by what has just become true.
const (
	PhaseSet       Phase = "set"       // the profile links to the new system, nothing else does
	PhaseLoader    Phase = "loader"    // the boot loader starts it next, too
	PhaseStopped   Phase = "stopped"   // units are stopped, nothing was activated
	PhaseActivated Phase = "activated" // it is the running system, units are still down
)

// nixosRebuild is `nixos-rebuild switch`, `boot` or `test` of a flake's attribute: the
// profile first, then switch-to-configuration in a unit of its own. print gets
// both of its outputs, done its exit code.
func (h *Host) nixosRebuild(p *process, how string, s *System, print func(string), done func(code int)) {
	h.greet(print)
	build := s.BuildTime
	if h.system(s.Toplevel) != nil {
		build = 0
	}
	p.after(build, func() {
		h.keep(s)
		if how != "test" {
			h.profile.set(s.Toplevel)
			if h.reached(PhaseSet); p.dead {
				return
			}
		}
		h.runActivator(p, how, s, print, done)
	})
}

// rollbackSwitch is `nixos-rebuild switch --rollback`: to the next number below,
// which the profile keeps when what follows fails.
func (h *Host) rollbackSwitch(p *process, print func(string), done func(code int)) {
	h.greet(print)
	text, err := h.profile.rollback()
	if err != nil {
		print(err.Error())
		done(1)
		return
	}
	print(text)
	s := h.system(h.profile.target(h.profile.current))
	if s == nil {
		print("error: the system is not in the store")
		done(1)
		return
	}
	h.runActivator(p, "switch", s, print, done)
}

// greet prints what nixos-rebuild says first.
func (h *Host) greet(print func(string)) {
	if !h.traits.BashTool {
		print("nixos-rebuild: warning: --fast is deprecated, use --no-reexec instead")
	}
	print("building the system configuration...")
}

// runActivator is the transient unit in which nixos-rebuild activates.
func (h *Host) runActivator(p *process, how string, s *System, print func(string), done func(code int)) {
	if h.activator.alive() {
		print("Failed to start transient service unit: Unit nixos-rebuild-switch-to-configuration.service was already loaded or has a fragment file.")
		done(h.toolFailed(1, how, s, print))
		return
	}
	unit := h.start("nixos-rebuild-switch-to-configuration.service")
	h.activator = unit
	h.onKilled = func() { // the tool waits for it, and fails at once
		if !p.dead {
			done(h.toolFailed(codeKilled, how, s, print))
		}
	}
	h.switchTo(unit, how, s, print, func(code int) {
		unit.kill()
		if p.dead {
			return
		}
		if code == 0 {
			if !h.traits.BashTool {
				print("Done. The new configuration is " + s.Toplevel)
			}
			done(0)
			return
		}
		done(h.toolFailed(code, how, s, print))
	})
}

// toolFailed is what nixos-rebuild makes of the activator's exit code: the shell
// script hides it, the Python tool hands it on (contract 1.3).
func (h *Host) toolFailed(code int, how string, s *System, print func(string)) int {
	if h.traits.BashTool {
		print("warning: error(s) occurred while switching to the new configuration")
		return 1
	}
	print(fmt.Sprintf("Command 'systemd-run -E LOCALE_ARCHIVE -E NIXOS_INSTALL_BOOTLOADER -E NIXOS_NO_CHECK --collect "+
		"--no-ask-password --pipe --quiet --service-type=exec --unit=nixos-rebuild-switch-to-configuration "+
		"%s/bin/switch-to-configuration %s' returned non-zero exit status %d.", s.Toplevel, how, code))
	return code
}

// codeKilled is what systemd-run says of a unit that a signal ended.
const codeKilled = 255

// codeLocked is the exit code of one who could not acquire the lock.
const codeLocked = 11

// switchTo is `TOPLEVEL/bin/switch-to-configuration HOW` (contract 4.1): lock,
// checks, boot loader, stop, activate, start, and its exit codes.
func (h *Host) switchTo(p *process, how string, s *System, print func(string), done func(code int)) {
	end := func(code int) {
		if h.stc == p {
			h.stc = nil
		}
		done(code)
	}
	switch {
	case s.Unswitchable:
		print("Failed to find executable " + s.Toplevel + "/bin/switch-to-configuration: No such file or directory")
		end(1)
		return
	case h.stc.alive() && h.stc != p:
		print("Could not acquire lock")
		done(codeLocked)
		return
	}
	h.stc = p
	if refused := h.refusal(s, how); len(refused) > 0 {
		for _, line := range refused {
			print(line)
		}
		end(1)
		return
	}
	quarter := s.SwitchTime / 4
	p.after(quarter, func() {
		if how != "test" && !h.installLoader(s, print) {
			end(1)
			return
		}
		if p.dead {
			return
		}
		switch {
		case how == "boot":
			end(0)
		case s.InitDiffers && h.running != s.Toplevel:
			print("Warning: the new NixOS configuration has an ‘init’ that is")
			print("incompatible with the current configuration.  The new configuration")
			print("won't take effect until you reboot the system.")
			end(100)
		default:
			h.stopUnits(p, s, print, end)
		}
	})
}

// installLoader makes s what is booted next. It reports whether that worked.
func (h *Host) installLoader(s *System, print func(string)) bool {
	if h.faults.BootFull && h.loader != s.Toplevel {
		if h.faults.BootSilent {
			return true
		}
		print("OSError: [Errno 28] No space left on device")
		print("Failed to install bootloader")
		return false
	}
	h.loader = s.Toplevel
	h.reached(PhaseLoader)
	return true
}

// stopUnits begins the part of a switch that must not be cut.
func (h *Host) stopUnits(p *process, s *System, print func(string), end func(code int)) {
	if units := s.Units; len(units) > 0 {
		print("stopping the following units: " + strings.Join(units, ", "))
	}
	h.halted = true
	if h.reached(PhaseStopped); p.dead {
		return
	}
	p.after(s.SwitchTime/4, func() {
		print("activating the configuration...")
		print("setting up /etc...")
		if s.SnippetFails != "" {
			print("Activation script snippet '" + s.SnippetFails + "' failed (1)")
		}
		h.activated(s)
		if h.reached(PhaseActivated); p.dead {
			return
		}
		p.after(s.SwitchTime/2, func() { h.startUnits(s, print, end) })
	})
}

// activated makes s the running system, with what that does to the network.
func (h *Host) activated(s *System) {
	h.running = s.Toplevel
	if h.onActive != nil {
		h.onActive(s.Toplevel)
	}
	h.cut = s.BreaksNetwork
	h.tellNetwork()
}

func (h *Host) startUnits(s *System, print func(string), end func(code int)) {
	print("reloading user units for root...")
	print("restarting sysinit-reactivation.target")
	if units := s.Units; len(units) > 0 {
		print("starting the following units: " + strings.Join(units, ", "))
	}
	h.settleUnits(s)
	code := 0
	if s.SnippetFails != "" {
		code = 2
	}
	if bad := h.failed; len(s.FailsUnits) > 0 || len(s.LoopsUnits) > 0 || len(bad) > 0 {
		code = 4
		units := append(append([]string{}, bad...), s.LoopsUnits...)
		print("warning: the following units failed: " + strings.Join(units, ", "))
		for _, u := range units {
			print("× " + u)
			print("     Active: failed (Result: exit-code)")
		}
	}
	end(code)
}

// reached lets a fault strike at a phase, once.
func (h *Host) reached(at Phase) {
	if h.faults.SwitchDiesAt == at && h.active != nil {
		h.faults.SwitchDiesAt = ""
		h.killSwitch()
	}
	if h.faults.PowerCutAt == at {
		h.faults.PowerCutAt = ""
		h.powerCut()
	}
}

// killSwitch ends a switch where it stands: the tool, and what it activates.
func (h *Host) killSwitch() {
	if h.active != nil {
		h.active.unit.kill()
	}
	if s := h.switcher; s != nil && h.activator.alive() {
		s.kill() // the tool ends with what it activates
	}
	if h.activator.alive() {
		h.activator.kill()
		h.onKilled()
	}
}
