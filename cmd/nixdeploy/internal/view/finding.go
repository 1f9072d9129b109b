package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Finding is one thing about hosts that a person should know. Hosts of which the
// same is true share one.
type Finding struct {
	State string   `json:"state"` // as in the table, or note: nothing to be done
	Stage string   `json:"stage"`
	Hosts []string `json:"hosts"`
	What  string   `json:"what"`
	Run   string   `json:"run,omitempty"`   // of unresolved
	Units []string `json:"units,omitempty"` // of failed units
	Next  string   `json:"next,omitempty"`  // what to type
	facts [][2]string
}

const stateNote = "note"

// Findings is what is odd about hosts, worst first, without what to type next.
// Hosts that could not be read have a problem that says it all.
func Findings(hosts []HostStatus) []Finding {
	var all []Finding
	for _, h := range hosts {
		if h.Observed == nil || h.Standing == nil || h.State == stateRefused {
			continue
		}
		for _, f := range findingsOf(*h.Observed, *h.Standing) {
			f.Stage = h.Stage
			i := slices.IndexFunc(all, func(g Finding) bool { return sameFinding(f, g) })
			if i < 0 {
				all = append(all, f)
				i = len(all) - 1
			}
			all[i].Hosts = append(all[i].Hosts, h.Host)
		}
	}
	order := append(states(), stateNote)
	slices.SortStableFunc(all, func(a, b Finding) int { return slices.Index(order, a.State) - slices.Index(order, b.State) })
	return all
}

func sameFinding(a, b Finding) bool {
	return a.State == b.State && a.Stage == b.Stage && a.What == b.What && a.Run == b.Run && slices.Equal(a.Units, b.Units) &&
		slices.Equal(a.facts, b.facts)
}

func findingsOf(o deploy.Observation, st deploy.Standing) []Finding {
	var all []Finding
	add := func(state string, f Finding) {
		f.State = state
		all = append(all, f)
	}
	if a := o.Active; a != nil {
		add(string(deploy.ConditionUnresolved), Finding{
			What: fmt.Sprintf("run %s of %s is unresolved; its guard decides in %s", a.Run, a.Operator, seconds(a.DecidesIn)), Run: a.Run,
		})
	}
	if len(st.Drift) > 0 {
		add(string(deploy.ConditionDrift), Finding{What: st.How, facts: drifted(o, st.Drift)})
	}
	if len(st.Failed) > 0 {
		what := "failed since its last confirmed run: "
		if o.Last == nil {
			what = "failed: "
		}
		add(string(deploy.ConditionFailedUnits), Finding{What: what + strings.Join(st.Failed, ", "), Units: st.Failed})
	}
	if o.Last == nil && o.Active == nil {
		add(string(deploy.ConditionUnconfirmed), Finding{What: "nixdeploy never confirmed it, so that nothing is known to compare it with"})
	}
	if o.RebootPending {
		add(string(deploy.ConditionRebootPending), Finding{What: "runs with another kernel, initrd or modules than its system has"})
	}
	for _, note := range notes(o, st) {
		add(stateNote, Finding{What: note})
	}
	return all
}

// drifted sets what is against what was confirmed.
func drifted(o deploy.Observation, kinds []deploy.DriftKind) [][2]string {
	var facts [][2]string
	if r := o.Last; r != nil {
		facts = append(facts, [2]string{"was", r.Toplevel}, [2]string{"", "confirmed in run " + r.Run + " by " + r.Operator})
	}
	for _, k := range kinds {
		switch k {
		case deploy.DriftRunning:
			facts = append(facts, [2]string{"runs", o.Running})
		case deploy.DriftProfile, deploy.DriftGeneration:
			facts = append(facts, [2]string{"profile", o.Profile})
		case deploy.DriftNextBoot:
			facts = append(facts, [2]string{"boots", o.NextBoot})
		case deploy.DriftSwitch:
			for _, a := range o.Foreign {
				if a.Waits() {
					facts = append(facts, [2]string{"by", a.String()})
				}
			}
		}
	}
	return facts
}

// soon is within how many seconds an automatic upgrade is worth a word: one comes
// every day.
const soon = 3600

// notes are facts that a person may want to know, and has nothing to do about.
func notes(o deploy.Observation, st deploy.Standing) []string {
	var list []string
	for _, a := range o.Foreign {
		if !a.Waits() && (a.Kind != deploy.ForeignUpgradeDue || a.Due <= soon) {
			list = append(list, a.Sentence())
		}
	}
	if o.Lease != nil && o.Active == nil {
		list = append(list, fmt.Sprintf("locked by %s, run %s", o.Lease.Operator, o.Lease.Run))
	}
	if len(st.FailedBefore) > 0 {
		list = append(list, "failed already when it was confirmed: "+strings.Join(st.FailedBefore, ", "))
	}
	if o.NextBoot == "" {
		list = append(list, "next boot unverified: the boot loader cannot be read")
	}
	return list
}

// findings writes the blocks of what is odd, the problems of hosts among them, and
// then the notes.
func (s Style) findings(p StatusPage) string {
	var blocks, lines []string
	for _, f := range p.Findings {
		if f.State == stateNote {
			lines = append(lines, s.hang("note ", s.names(f.Hosts, 8)+": "+s.Clean(f.What)))
			continue
		}
		blocks = append(blocks, s.finding(f))
	}
	var problems []deploy.Problem
	for _, h := range p.Hosts {
		for _, problem := range []*deploy.Problem{h.Failed(), h.Health} {
			if problem != nil {
				own := *problem
				own.Host = h.Host
				problems = append(problems, own)
			}
		}
	}
	if len(problems) > 0 {
		blocks = append([]string{s.Problems(problems)}, blocks...)
	}
	if len(lines) > 0 {
		blocks = append(blocks, strings.Join(lines, ""))
	}
	return strings.Join(blocks, "\n")
}

func (s Style) finding(f Finding) string {
	color := red
	if f.State == string(deploy.ConditionRebootPending) || f.State == string(deploy.ConditionUnconfirmed) {
		color = yellow
	}
	rule := s.paint(color, s.pick("│", "|")) + " "
	var b strings.Builder
	lines := wrap(f.State+" "+s.names(f.Hosts, 12)+": "+s.Clean(f.What), s.width()-6)
	b.WriteString(rule + strings.Replace(lines[0], f.State, s.paint(color, f.State), 1) + "\n")
	for _, l := range lines[1:] {
		b.WriteString(rule + "    " + l + "\n")
	}
	for _, fact := range f.facts {
		value := fact[1]
		if strings.HasPrefix(value, "/nix/store/") {
			value = s.systemName(value)
		}
		s.field(&b, rule, fact[0], value)
	}
	s.field(&b, rule, "next", f.Next)
	return b.String()
}
