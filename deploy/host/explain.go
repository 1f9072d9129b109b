package host

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// explain completes a problem with the state that the host is in now and with
// what to do next. run is the id by which the host knows the run.
func explain(out deploy.Outcome, run string) {
	p := out.Problem
	if p.State == "" {
		p.State = stateWords(out)
	}
	// The commands that mend a stranded host are not for another machine.
	if p.Next != "" && (out.State != deploy.StateStranded || p.Code == deploy.CodeIdentity) {
		return
	}
	switch out.State {
	case deploy.StateStranded:
		p.Next = mend(out, run)
	case deploy.StateReturned:
		p.Next = "mend the cause, then run the same command again"
	case deploy.StateUntouched, deploy.StateUnchanged:
		p.Next = "run the same command again when that is mended"
	}
}

func stateWords(out deploy.Outcome) string {
	switch out.State {
	case deploy.StateUntouched:
		return "not touched by this run"
	case deploy.StateUnchanged:
		return "unchanged: it ran the wanted system before this run, and nothing was undone"
	case deploy.StateReturned:
		if out.After.NextBoot == "" {
			return fmt.Sprintf("running and profile are %s again, read back; what it boots next could not be read", generation(out.Before))
		}
		return fmt.Sprintf("running, profile and next boot are %s again, all read back", generation(out.Before))
	case deploy.StateStranded:
		return "not known to be on the new or on the old system"
	case deploy.StateInFlight:
		return "armed: its guard returns it unless it is confirmed"
	}
	return ""
}

func generation(l deploy.Links) string {
	number := strings.TrimSuffix(strings.TrimPrefix(l.ProfileLink, "system-"), "-link")
	if l.Running != l.Profile || l.NextBoot != "" && l.NextBoot != l.Profile {
		return "what they were (profile generation " + number + ")"
	}
	return "generation " + number
}

func linkLines(word string, l deploy.Links) []string {
	return []string{fmt.Sprintf("%-4s profile %s (%s), running %s, next boot %s", word, l.ProfileLink, l.Profile, l.Running, l.NextBoot)}
}
