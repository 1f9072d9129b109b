package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Free space below which a plan says so, in bytes: a NixOS closure with its
// build, a few files of state, and one kernel with its initrd.
const (
	lowNix  = 2 << 30
	lowRoot = 512 << 20
	lowBoot = 96 << 20
)

// Notes is what a person should know of a host before a run changes it, most
// important first. It judges nothing: what forbids a change is a Problem of the
// inspection. first says that hosts without a marker are taken in. A host that
// was not read has no notes.
func Notes(h inventory.Host, hp deploy.HostPlan, first bool) []string {
	o := hp.Observed
	if o == nil {
		return nil
	}
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }

	for _, a := range o.Foreign {
		if a.Kind != deploy.ForeignUpgradeDue || time.Duration(a.Due)*time.Second <= runsFor(h) {
			note("%s", a.Sentence())
		}
	}
	if a := o.Active; a != nil {
		note("run %s of %s is not resolved here; its guard decides in %d s", a.Run, a.Operator, a.DecidesIn)
	} else if l := o.Lease; l != nil {
		note("run %s of %s holds it", l.Run, l.Operator)
	}
	if o.Marker == nil && !first {
		note("no marker: nixdeploy never confirmed this host, so it needs --first (hostname found: %q)", o.Hostname)
	}
	notes = append(notes, guardNotes(h, hp)...)
	notes = append(notes, changeNotes(hp)...)
	notes = append(notes, driftNotes(*o)...)
	notes = append(notes, bootNotes(o)...)
	notes = append(notes, spaceNotes(o.FreeBytes)...)
	if len(o.FailedUnits) > 0 {
		note("already failed before, not blamed on this run: %s", strings.Join(o.FailedUnits, ", "))
	}
	return notes
}

// runsFor is for how long a run may be at work on a host, its stage's other
// hosts apart: an upgrade that is due later is none of its business.
func runsFor(h inventory.Host) time.Duration {
	return 2*h.BuildTimeout + 2*h.ActivationTimeout + 2*h.ConfirmTimeout + longestCheck(h)
}

// guardNotes says what follows where a guard does not outlive a reboot.
func guardNotes(h inventory.Host, hp deploy.HostPlan) []string {
	why := hp.Observed.GuardReboot
	if why == "yes" || hp.Change == deploy.ChangeUnchanged {
		return nil
	}
	if why == "" {
		why = "not known"
	}
	note := "the guard does not survive a reboot here (" + why + ")"
	switch {
	case h.Activation == inventory.ActivationSwitch && h.AcceptGuardLoss:
		note += ": a reboot before the confirm keeps the new system, accepted by accept_guard_loss"
	case h.Activation == inventory.ActivationSwitch:
		note += `: switch is refused; set activation = "test-first", or accept_guard_loss = true`
	case h.Activation == inventory.ActivationTestFirst && hp.Observed.WSL:
		note += ": on WSL test-first does not cover a restart either"
	case h.Activation == inventory.ActivationTestFirst:
		note += ": test-first covers it, a reboot before the confirm is a return"
	}
	return []string{note}
}

// driftNotes says what somebody did to the host since its last confirmed run: the
// change goes over it. A switch under way, and a next boot alone, have notes of
// their own.
func driftNotes(o deploy.Observation) []string {
	if o.Active != nil {
		return nil
	}
	kinds := slices.DeleteFunc(drift(o), func(k deploy.DriftKind) bool { return k == deploy.DriftSwitch })
	if len(kinds) == 0 || len(kinds) == 1 && kinds[0] == deploy.DriftNextBoot {
		return nil
	}
	return []string{"drift from before: " + how(o, kinds)}
}

// bootNotes says where running, booted and next-boot system differ before the
// run.
func bootNotes(o *deploy.Observation) []string {
	var notes []string
	if o.RebootPending {
		notes = append(notes, fmt.Sprintf("a reboot is pending from before, for another kernel or initrd: booted %s, runs %s",
			store(o.Booted), store(o.Running)))
	}
	switch {
	case o.NextBoot == "" || o.Reader == "unknown":
		notes = append(notes, "next boot unverified: the boot loader cannot be read")
	case o.NextBoot != o.Running:
		notes = append(notes, fmt.Sprintf("next boot is another system than the running one: %s, runs %s",
			store(o.NextBoot), store(o.Running)))
	}
	return notes
}

func spaceNotes(free map[string]int64) []string {
	var notes []string
	for _, m := range []struct {
		point string
		low   int64
	}{{"/nix", lowNix}, {"/boot", lowBoot}, {"/", lowRoot}} {
		if n, read := free[m.point]; read && n < m.low {
			notes = append(notes, fmt.Sprintf("low free space in %s: %d MiB", m.point, n>>20))
		}
	}
	return notes
}

// store shortens a store path to what a person compares: the start of its hash
// and its name.
func store(path string) string {
	base := path[strings.LastIndexByte(path, '/')+1:]
	hash, name, ok := strings.Cut(base, "-")
	if !ok || len(hash) <= 8 {
		return base
	}
	return hash[:8] + "-" + name
}
