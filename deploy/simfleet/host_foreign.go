package simfleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// stranger is what somebody who does not use nixdeploy runs on a host.
type stranger struct {
	*process
	kind, what, who string
	pid             int
	since           int64
}

func (h *Host) stranger(kind, what, who string) *stranger {
	h.strangers++
	return &stranger{process: h.start(what), kind: kind, what: what, who: who, pid: 4000 + h.strangers, since: h.wall()}
}

// foreignActivity is who else is at work, as foreign.sh prints it: KIND PID SINCE
// DUE WHO WHAT. Only while no run of ours is unresolved do unit and lock of an
// activation mean that it is somebody else's.
func (h *Host) foreignActivity() []string {
	var lines []string
	switching := false
	if s := h.switcher; s != nil && s.alive() {
		lines = append(lines, fmt.Sprintf("%s %d %d 0 %s %s", s.kind, s.pid, s.since, orElse(s.who, "-"), s.what))
		switching = true
	}
	if !switching && h.active == nil {
		switch {
		case h.activator.alive():
			lines = append(lines, "switch 0 0 0 - "+h.activator.name)
		case h.stc.alive():
			lines = append(lines, "switch 0 0 0 - switch-to-configuration (it holds its lock)")
		}
	}
	if due := h.traits.UpgradeDue; due != 0 {
		lines = append(lines, fmt.Sprintf("upgrade-due 0 0 %d - nixos-upgrade.timer", int64(due/time.Second)))
	}
	return lines
}

// foreignSwitches is what of that shuts a switch out.
func (h *Host) foreignSwitches() []string {
	return slices.DeleteFunc(h.foreignActivity(), func(line string) bool {
		return !strings.HasPrefix(line, "switch ") && !strings.HasPrefix(line, "upgrade ")
	})
}

// ForeignSwitch begins `nixos-rebuild HOW` (switch, boot or test) to s by
// somebody who does not use nixdeploy. It takes s.BuildTime and s.SwitchTime.
func (h *Host) ForeignSwitch(how string, s System) {
	h.change(func() {
		who := h.stranger("switch", "nixos-rebuild "+how, "alice")
		h.switcher = who
		h.nixosRebuild(who.process, how, &s, func(string) {}, func(int) { who.kill() })
	})
}

// ForeignRollback is `nixos-rebuild switch --rollback` by somebody who does not
// use nixdeploy.
func (h *Host) ForeignRollback() {
	h.change(func() {
		h.switcher = h.stranger("switch", "nixos-rebuild switch --rollback", "alice")
		h.rollbackSwitch(h.switcher.process, func(string) {}, func(int) { h.switcher.kill() })
	})
}

// Upgrade is ForeignSwitch by system.autoUpgrade.
func (h *Host) Upgrade(s System) {
	h.change(func() {
		who := h.stranger("upgrade", "nixos-upgrade.service", "")
		h.switcher = who
		h.nixosRebuild(who.process, "switch", &s, func(string) {}, func(int) { who.kill() })
	})
}
