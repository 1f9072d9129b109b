package view

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// HostStatus is what an inspection of one host found: an observation, or the
// problem that kept it from being made.
type HostStatus struct {
	Host     string              `json:"host"`
	Stage    string              `json:"stage"`
	Target   string              `json:"target"`
	Observed *deploy.Observation `json:"observed,omitempty"`
	Problem  *deploy.Problem     `json:"problem,omitempty"`
}

// Status writes the table of status: what each host runs, and what is odd
// about it.
func (s Style) Status(hosts []HostStatus, next string) string {
	rows := [][]cell{{text(" "), text("host"), text("stage"), text("generation"), text("runs"), text("remarks")}}
	n := map[string]int{}
	var problems []deploy.Problem
	for _, h := range hosts {
		m, word := statusMark(h)
		n[word]++
		row := []cell{{s.pick(m.unicode, m.ascii), m.color}, {s.Clean(h.Host), bold}, text(s.Clean(h.Stage))}
		if h.Observed != nil {
			row = append(row, text(Generation(&h.Observed.Links)), text(s.systemName(h.Observed.Running)),
				text(s.remarks(*h.Observed)))
		} else {
			row = append(row, text("-"), text("-"), text(s.why(deploy.HostPlan{Problem: h.Problem})))
		}
		rows = append(rows, row)
	}
	for _, h := range hosts {
		if h.Problem != nil {
			p := *h.Problem
			p.Host = h.Host
			problems = append(problems, p)
		}
	}
	out := s.table(rows)
	if len(problems) > 0 {
		out += "\n" + s.Problems(problems) + "\n"
	}
	var parts []string
	for _, word := range []string{"settled", "worth a look", "unresolved", "unknown"} {
		if n[word] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[word], word))
		}
	}
	return out + "Status: " + strings.Join(parts, ", ") + "\n" + s.Next(next)
}

// statusMark tells a settled host from one that a person should look at.
func statusMark(h HostStatus) (mark, string) {
	o := h.Observed
	switch {
	case o == nil:
		return mark{"?", "?", yellow}, "unknown"
	case o.Active != nil:
		return mark{"!", "!", red}, "unresolved"
	case len(oddities(*o)) > 0:
		return mark{"~", "~", yellow}, "worth a look"
	}
	return mark{"=", "=", green}, "settled"
}

// Unresolved reports whether a run stands open on the host.
func (h HostStatus) Unresolved() bool { return h.Observed != nil && h.Observed.Active != nil }

func (s Style) remarks(o deploy.Observation) string {
	var list []string
	if a := o.Active; a != nil {
		list = append(list, fmt.Sprintf("run %s by %s is unresolved, its guard decides in %s", a.Run, a.Operator, seconds(a.DecidesIn)))
	}
	list = append(list, oddities(o)...)
	if o.Marker == nil {
		list = append(list, "never confirmed by nixdeploy")
	} else {
		list = append(list, "fleet "+o.Marker.Fleet)
	}
	return s.Clean(strings.Join(list, "; "))
}

// soon is within how many seconds an automatic upgrade is worth a word: one comes
// every day.
const soon = 3600

// oddities are the facts in which a host differs from one that is at rest.
func oddities(o deploy.Observation) []string {
	var list []string
	if o.Running != o.Profile {
		list = append(list, "runs another system than its profile")
	}
	switch {
	case o.NextBoot == "":
		list = append(list, "next boot unverified")
	case o.NextBoot != o.Running:
		list = append(list, "next boot is another system")
	}
	for _, a := range o.Foreign {
		if a.Kind != deploy.ForeignUpgradeDue || a.Due <= soon {
			list = append(list, a.Sentence())
		}
	}
	if o.Lease != nil && o.Active == nil {
		list = append(list, fmt.Sprintf("locked by %s, run %s", o.Lease.Operator, o.Lease.Run))
	}
	if n := len(o.FailedUnits); n > 0 {
		list = append(list, fmt.Sprintf("%s: %s", count(n, "failed unit"), strings.Join(o.FailedUnits, " ")))
	}
	return list
}

// JSONStatus is the one document of status --json.
func JSONStatus(version string, hosts []HostStatus) []byte {
	return JSONDocument(map[string]any{
		"type": "status", "nixdeploy": version, "format": EventsVersion, "hosts": hosts,
	})
}

// Settled reports whether nothing about the host asks for a look.
func (h HostStatus) Settled() bool {
	return h.Observed != nil && h.Observed.Active == nil && len(oddities(*h.Observed)) == 0
}
