package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Condition is how a host stands, in a word.
type Condition string

// The conditions, worst first: of several, the first is the host's.
const (
	ConditionUnresolved    Condition = "unresolved"     // a run stands open on it
	ConditionDrift         Condition = "drift"          // it is not what its last confirmed run made it
	ConditionFailedUnits   Condition = "failed units"   // that were not when it was confirmed
	ConditionUnconfirmed   Condition = "unconfirmed"    // nixdeploy never confirmed it: there is nothing to compare it with
	ConditionRebootPending Condition = "reboot pending" // all is as confirmed, but for a kernel, initrd or modules
	ConditionHealthy       Condition = "healthy"
)

// Good reports whether nobody has to do anything about it. A reboot that is
// pending is what a confirmed run may well leave.
func (c Condition) Good() bool { return c == ConditionHealthy || c == ConditionRebootPending }

// DriftKind is one way in which a host is not what its last confirmed run made it.
type DriftKind string

// The kinds of drift.
const (
	DriftRunning    DriftKind = "running"    // another system runs
	DriftProfile    DriftKind = "profile"    // the profile is another system
	DriftNextBoot   DriftKind = "next-boot"  // the boot loader starts another system
	DriftGeneration DriftKind = "generation" // the confirmed system, as another generation
	DriftSwitch     DriftKind = "switch"     // somebody switches it right now, without nixdeploy
)

// Standing is what an observation says of a host, against its last confirmed run.
type Standing struct {
	Condition Condition   `json:"condition"`
	Drift     []DriftKind `json:"drift,omitempty"`
	How       string      `json:"how,omitempty"`    // how it drifted, as far as the links tell: a sentence for people
	Failed    []string    `json:"failed,omitempty"` // units failed that were not when it was confirmed
	// FailedBefore are units that were failed when it was confirmed, and still are.
	FailedBefore []string `json:"failed_before,omitempty"`
}

// Stand judges a host by what was read of it, and by nothing else: neither the
// flake nor a journal is asked. While a run is unresolved it is on its way from one
// system to another, and no drift is told. A next boot that cannot be read is no
// drift.
func Stand(o deploy.Observation) Standing {
	var s Standing
	for _, unit := range o.FailedUnits {
		if o.Last != nil && slices.Contains(o.Last.Failed, unit) {
			s.FailedBefore = append(s.FailedBefore, unit)
		} else {
			s.Failed = append(s.Failed, unit)
		}
	}
	if o.Active == nil {
		s.Drift = drift(o)
		s.How = how(o, s.Drift)
	}
	switch {
	case o.Active != nil:
		s.Condition = ConditionUnresolved
	case len(s.Drift) > 0:
		s.Condition = ConditionDrift
	case len(s.Failed) > 0:
		s.Condition = ConditionFailedUnits
	case o.Last == nil:
		s.Condition = ConditionUnconfirmed
	case o.RebootPending:
		s.Condition = ConditionRebootPending
	default:
		s.Condition = ConditionHealthy
	}
	return s
}

func drift(o deploy.Observation) []DriftKind {
	var kinds []DriftKind
	if r := o.Last; r != nil {
		if o.Running != r.Toplevel {
			kinds = append(kinds, DriftRunning)
		}
		switch {
		case o.Profile != r.Toplevel:
			kinds = append(kinds, DriftProfile)
		case r.ProfileLink != "" && o.ProfileLink != r.ProfileLink:
			kinds = append(kinds, DriftGeneration)
		}
		if o.NextBoot != "" && o.NextBoot != r.Toplevel {
			kinds = append(kinds, DriftNextBoot)
		}
	}
	if slices.ContainsFunc(o.Foreign, deploy.ForeignActivity.Waits) {
		kinds = append(kinds, DriftSwitch)
	}
	return kinds
}

// how words what somebody most likely did. Who, no link tells.
func how(o deploy.Observation, kinds []DriftKind) string {
	running, profile := slices.Contains(kinds, DriftRunning), slices.Contains(kinds, DriftProfile)
	switch {
	case slices.Contains(kinds, DriftSwitch):
		return "a switch that is not nixdeploy's is under way"
	case running && profile && o.Running == o.Profile:
		return moved(o)
	case running && profile:
		return "runs one system, and its profile is another: neither is the confirmed one"
	case running && o.Running == o.Booted:
		return "was booted into another system than the confirmed one"
	case running:
		return "runs another system than the confirmed one, which its profile still is: activated by hand (nixos-rebuild test), gone with the next boot"
	case profile && o.NextBoot == o.Profile:
		return "its profile was moved to " + generation(o.ProfileLink) + ", which is not activated (nixos-rebuild boot): the next boot starts it"
	case profile:
		return "its profile was moved to " + generation(o.ProfileLink) + ", which neither runs nor boots next"
	case slices.Contains(kinds, DriftNextBoot):
		return "the boot loader starts another system than the confirmed one"
	case len(kinds) > 0:
		return fmt.Sprintf("is on the confirmed system, but as %s and not %s: switched away and back by hand",
			generation(o.ProfileLink), generation(o.Last.ProfileLink))
	}
	return ""
}

// moved tells a switch from a rollback by the generations.
func moved(o deploy.Observation) string {
	now, known := number(o.ProfileLink)
	was, recorded := number(o.Last.ProfileLink)
	switch {
	case known && recorded && now < was:
		return fmt.Sprintf("was rolled back by hand: generation %d, confirmed was %d", now, was)
	case known && recorded && now > was:
		return fmt.Sprintf("was switched by hand: generation %d, confirmed was %d", now, was)
	}
	return "was switched by hand to " + generation(o.ProfileLink)
}

// number is that of the generation "system-42-link".
func number(link string) (int, bool) {
	digits, ok := strings.CutPrefix(link, "system-")
	digits, ended := strings.CutSuffix(digits, "-link")
	n, err := strconv.Atoi(digits)
	return n, ok && ended && err == nil
}

func generation(link string) string {
	if n, ok := number(link); ok {
		return fmt.Sprintf("generation %d", n)
	}
	return "another generation"
}
