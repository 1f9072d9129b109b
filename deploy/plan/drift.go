package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Stand judges a host by what was read of it, and by nothing else: neither the
// flake nor a journal is asked. While a run is unresolved it is on its way from one
// system to another, and no drift is told. A next boot that cannot be read is no
// drift.
func Stand(o deploy.Observation) deploy.Standing {
	var s deploy.Standing
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
		s.Condition = deploy.ConditionUnresolved
	case len(s.Drift) > 0:
		s.Condition = deploy.ConditionDrift
	case len(s.Failed) > 0:
		s.Condition = deploy.ConditionFailedUnits
	case o.Last == nil:
		s.Condition = deploy.ConditionUnconfirmed
	case o.RebootPending:
		s.Condition = deploy.ConditionRebootPending
	default:
		s.Condition = deploy.ConditionHealthy
	}
	return s
}

func drift(o deploy.Observation) []deploy.DriftKind {
	var kinds []deploy.DriftKind
	if r := o.Last; r != nil {
		if o.Running != r.Toplevel {
			kinds = append(kinds, deploy.DriftRunning)
		}
		switch {
		case o.Profile != r.Toplevel:
			kinds = append(kinds, deploy.DriftProfile)
		case r.ProfileLink != "" && o.ProfileLink != r.ProfileLink:
			kinds = append(kinds, deploy.DriftGeneration)
		}
		if o.NextBoot != "" && o.NextBoot != r.Toplevel {
			kinds = append(kinds, deploy.DriftNextBoot)
		}
	}
	if slices.ContainsFunc(o.Foreign, deploy.ForeignActivity.Waits) {
		kinds = append(kinds, deploy.DriftSwitch)
	}
	return kinds
}

// how words what somebody most likely did. Who, no link tells.
func how(o deploy.Observation, kinds []deploy.DriftKind) string {
	running, profile := slices.Contains(kinds, deploy.DriftRunning), slices.Contains(kinds, deploy.DriftProfile)
	switch {
	case slices.Contains(kinds, deploy.DriftSwitch):
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
	case slices.Contains(kinds, deploy.DriftNextBoot):
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
