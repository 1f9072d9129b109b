package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// StatusVersion is the version of the document of status --json: the minor number
// grows with fields that a reader may ignore, the major one with anything else.
const StatusVersion = "1.1"

// HostStatus is what one look at a host found: an observation, or the problem that
// kept it from being made.
type HostStatus struct {
	Host     string              `json:"host"`
	Stage    string              `json:"stage"`
	Target   string              `json:"target"`
	State    string              `json:"state"` // in a word: see StateOf
	Standing *deploy.Standing    `json:"standing,omitempty"`
	Observed *deploy.Observation `json:"observed,omitempty"`
	Health   *deploy.Problem     `json:"health,omitempty"` // what a configured check found, with --checks
	Problem  *deploy.Problem     `json:"problem,omitempty"`
}

// The states beside those of a Standing.
const (
	stateRefused     = "refused"     // for security: another machine, another host key
	stateUnreachable = "unreachable" // it could not be read
	stateUnhealthy   = "unhealthy"   // a configured check did not pass
)

// states lists the words of the column state, what is worst first.
func states() []string {
	return []string{
		stateRefused, stateUnreachable, string(deploy.ConditionUnresolved), string(deploy.ConditionDrift),
		string(deploy.ConditionFailedUnits), stateUnhealthy, string(deploy.ConditionUnconfirmed),
		string(deploy.ConditionRebootPending), string(deploy.ConditionHealthy),
	}
}

// StateOf is how a host stands, in a word.
func StateOf(h HostStatus) string {
	switch {
	case h.Problem != nil && h.Problem.Security():
		return stateRefused
	case h.Observed == nil || h.Standing == nil:
		return stateUnreachable
	case h.Health != nil && h.Standing.Condition.Good():
		return stateUnhealthy
	}
	return string(h.Standing.Condition)
}

// Good reports whether nobody has to do anything about the host.
func (h HostStatus) Good() bool {
	return h.State == string(deploy.ConditionHealthy) || h.State == string(deploy.ConditionRebootPending)
}

// Failed is the problem for which status itself fails, nil for none: what was read
// is the answer, whatever it says; only what could not be read, or is another
// machine, is a failure.
func (h HostStatus) Failed() *deploy.Problem {
	if h.State == stateRefused || h.State == stateUnreachable {
		return h.Problem
	}
	return nil
}

// StatusPage is all that status has to show.
type StatusPage struct {
	Hosts    []HostStatus
	Findings []Finding
	Now      time.Time
	Zone     *time.Location // of moments for people
	Each     bool           // a row for each host, and its systems below
	Next     string
}

// Status writes a row for each host, what needs a person first, then a block for
// each thing that is odd, with what to type next.
func (s Style) Status(p StatusPage) string {
	order := states()
	hosts := slices.Clone(p.Hosts)
	slices.SortStableFunc(hosts, func(a, b HostStatus) int { return slices.Index(order, a.State) - slices.Index(order, b.State) })
	n := map[string]int{}
	for _, h := range hosts {
		n[h.State]++
	}
	var b strings.Builder
	b.WriteString(s.table(s.statusRows(hosts, p)))
	if p.Each || len(hosts) == 1 {
		for _, h := range hosts {
			b.WriteString(s.linksOf(h, p.Zone))
		}
	}
	if blocks := s.findings(p); blocks != "" {
		b.WriteString("\n" + blocks + "\n")
	}
	var parts []string
	for _, word := range order {
		if n[word] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[word], word))
		}
	}
	return b.String() + s.hang("Status: ", strings.Join(parts, ", ")) + s.Next(p.Next)
}

func (s Style) statusRows(hosts []HostStatus, p StatusPage) [][]cell {
	rows := [][]cell{{text(" "), text("host"), text("stage"), text("state"), text("gen"), text("flake"), text("confirmed")}}
	for _, group := range alikeStatus(hosts, p) {
		h := group[0]
		name := s.Clean(h.Host)
		if len(group) > 1 {
			name = fmt.Sprintf("%s and %d alike", name, len(group)-1)
		}
		m := statusMark(h)
		row := []cell{{s.pick(m.unicode, m.ascii), m.color}, {name, bold}, text(s.Clean(h.Stage)), {h.State, m.color}}
		if h.Observed == nil {
			rows = append(rows, append(row, text("-"), text("-"), text("-")))
			continue
		}
		gen := Generation(&h.Observed.Links)
		for _, other := range group {
			if Generation(&other.Observed.Links) != gen {
				gen = "*"
			}
		}
		flake, when := "-", "never"
		if r := h.Observed.Last; r != nil {
			when = ago(p.Now.Sub(r.Time)) + " by " + s.Clean(r.Operator)
			if r.FlakeHash != "" {
				flake = FlakeID(r.FlakeHash)
			}
		}
		rows = append(rows, append(row, text(gen), text(flake), text(when)))
	}
	return rows
}

// alikeStatus groups hosts whose rows differ in name and generation only, when
// there are too many for a row each.
func alikeStatus(hosts []HostStatus, p StatusPage) [][]HostStatus {
	var groups [][]HostStatus
	at := map[string]int{}
	for _, h := range hosts {
		key := []any{h.Stage, h.State, h.Observed != nil}
		if h.Observed != nil && h.Observed.Last != nil {
			r := h.Observed.Last
			key = append(key, r.FlakeHash, r.Operator, ago(p.Now.Sub(r.Time)))
		}
		k := fmt.Sprintf("%q", key)
		if i, known := at[k]; known && len(hosts) > manyRows && !p.Each {
			groups[i] = append(groups[i], h)
			continue
		}
		at[k] = len(groups)
		groups = append(groups, []HostStatus{h})
	}
	return groups
}

func statusMark(h HostStatus) mark {
	switch h.State {
	case string(deploy.ConditionHealthy):
		return mark{"=", "=", green}
	case string(deploy.ConditionRebootPending), string(deploy.ConditionUnconfirmed):
		return mark{"~", "~", yellow}
	case stateUnreachable:
		return mark{"?", "?", yellow}
	}
	return mark{"!", "!", red}
}

// linksOf lists what a host runs, boots and was confirmed with, to be copied.
func (s Style) linksOf(h HostStatus, zone *time.Location) string {
	o := h.Observed
	if o == nil {
		return ""
	}
	facts := [][2]string{
		{"running", o.Running}, {"booted", o.Booted}, {"next boot", orUnknown(o.NextBoot)}, {"profile", o.Profile + ", " + o.ProfileLink},
	}
	if r := o.Last; r != nil {
		facts = append(facts, [2]string{"confirmed", r.Toplevel}, [2]string{"in run", r.Run + " by " + r.Operator + ", " + stamp(r.Time, zone)})
	}
	var b strings.Builder
	b.WriteString("\n" + s.paint(bold, s.Clean(h.Host)) + "\n")
	for _, f := range facts {
		b.WriteString(s.hang("  "+pad(f[0], 11), s.Clean(f[1])))
	}
	return b.String()
}

func orUnknown(path string) string {
	if path == "" {
		return "unverified: the boot loader cannot be read"
	}
	return path
}

// ago is how long since, in the largest unit that tells something.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", d/time.Hour)
	}
	return fmt.Sprintf("%dd ago", d/(24*time.Hour))
}

// JSONStatus is the one document of status --json.
func JSONStatus(version string, p StatusPage) []byte {
	if p.Findings == nil {
		p.Findings = []Finding{} // a list, also of none
	}
	return JSONDocument(map[string]any{
		"type": "status", "nixdeploy": version, "format": StatusVersion, "at": p.Now.UTC().Truncate(time.Second),
		"hosts": p.Hosts, "findings": p.Findings, "next": p.Next,
	})
}
