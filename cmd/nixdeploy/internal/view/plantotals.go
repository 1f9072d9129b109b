package view

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// planTotals is what a plan comes to.
func (s Style) planTotals(p deploy.Plan) string {
	n := map[deploy.Change]int{}
	for _, h := range p.Hosts {
		n[h.Change]++
	}
	line := fmt.Sprintf("Plan: %d to change, %d unchanged", n[deploy.ChangeSwitch], n[deploy.ChangeUnchanged])
	if k := n[deploy.ChangeEvaluate]; k > 0 {
		line += fmt.Sprintf(", %d to evaluate", k)
	}
	if k := n[deploy.ChangeUnknown]; k > 0 {
		line += fmt.Sprintf(", %d unknown", k)
	}
	if k := n[deploy.ChangeBlocked]; k > 0 {
		line += fmt.Sprintf(", %d blocked", k)
	}
	facts := []string{line}
	if p.AtMost > 0 && n[deploy.ChangeSwitch]+n[deploy.ChangeEvaluate] > 0 {
		facts = append(facts, "takes at most "+atMost(p.AtMost))
		switch p.Budget {
		case 0:
			facts = append(facts, "a failure stops it")
		case 1:
			facts = append(facts, "more than 1 failure stops it")
		default:
			facts = append(facts, "more than "+count(p.Budget, "failure")+" stop it")
		}
	}
	return s.facts(facts...)
}

// radius says how far a run reaches and what it interrupts.
func (s Style) radius(r deploy.Radius) string {
	if r.Hosts == 0 {
		return ""
	}
	facts := []string{"Blast radius: " + count(r.Hosts, "host") + " in " + count(r.Waves, "wave")}
	switch {
	case r.Asked == 0:
		facts = append(facts, "restarts not known (plan --full tells)")
	case r.Restarts == 0:
		facts = append(facts, "no restart (estimate"+asked(r)+")")
	default:
		facts = append(facts, count(r.Restarts, "restart")+" on "+s.few(r.Restart)+" (estimate"+asked(r)+")")
	}
	var risks []string
	for i, risk := range r.AtRisk {
		if i == 3 && len(r.AtRisk) > 4 && !s.All {
			risks = append(risks, fmt.Sprintf("%d more units", len(r.AtRisk)-i))
			break
		}
		risks = append(risks, s.Clean(risk.Unit)+" on "+s.few(risk.Hosts))
	}
	if len(risks) > 0 {
		facts = append(facts, "connection at risk: "+strings.Join(risks, ", "))
	}
	if len(r.Reboot) > 0 {
		facts = append(facts, "reboot needed on "+s.few(r.Reboot)+known(r))
	}
	if len(r.Refused) > 0 {
		facts = append(facts, "switch refused on "+s.few(r.Refused))
	}
	return s.facts(facts...)
}

// asked says of how many hosts the restarts are, where that is not all.
func asked(r deploy.Radius) string {
	if r.Asked == r.Hosts {
		return ""
	}
	return fmt.Sprintf(" for %d of them", r.Asked)
}

// known says of how many hosts the difference is known, where that is not all.
func known(r deploy.Radius) string {
	if r.Differences == r.Hosts {
		return ""
	}
	return fmt.Sprintf(" (known of %d)", r.Differences)
}

// few names some hosts, or counts them.
func (s Style) few(hosts []string) string {
	if len(hosts) > 3 && !s.All {
		return count(len(hosts), "host")
	}
	return strings.Join(s.cleanAll(hosts), " ")
}
