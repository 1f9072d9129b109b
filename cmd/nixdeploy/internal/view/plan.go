package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Plan writes the plan of one stage, next being the command that comes after
// it ("" for none).
func (s Style) Plan(p deploy.Plan, next string) string {
	var b strings.Builder
	b.WriteString(s.planHead(p))
	c := changesOf(p.Hosts)
	b.WriteString(s.planRows(p, c))
	b.WriteString(s.planNotes(p.Hosts, c))
	b.WriteString(s.planProblems(p.Hosts))
	b.WriteString(s.planTotals(p))
	b.WriteString(s.radius(p.Radius()))
	b.WriteString(s.Next(next))
	return b.String()
}

// Next writes the line that says how to go on.
func (s Style) Next(command string) string {
	if command == "" {
		return ""
	}
	return "Next: " + s.Clean(command) + "\n"
}

func (s Style) planHead(p deploy.Plan) string {
	facts := []string{"Fleet " + s.Clean(p.Fleet), "flake " + FlakeID(p.Flake), "stage " + s.Clean(p.Stage),
		count(len(p.Hosts), "host")}
	gate := s.gate(p.Gate)
	if p.Flake == "" {
		facts[1], gate = "no flake", "none: a rollback goes by no gate, window or freeze"
	}
	if p.Source != "" && p.Source != "rendered" {
		facts[1] += " (" + s.Clean(p.Source) + ")"
	}
	head := s.hang("", strings.Join(facts, s.dot())) + s.novelty(p.New) + s.hang("Gate: ", gate)
	head += s.approvals(p.Approvals)
	if p.Evaluates != "" {
		head += s.hang("Evaluates ", s.Clean(p.Evaluates))
	}
	return head + s.hang("Contacts ", s.contacts(p))
}

// contacts says which hosts a run of the plan has to reach.
func (s Style) contacts(p deploy.Plan) string {
	var names []string
	for _, h := range p.Hosts {
		if h.Change != deploy.ChangeBlocked {
			names = append(names, h.Host)
		}
	}
	if len(names) == 0 {
		return "no host: all are blocked"
	}
	line := s.names(names, s.room(p.Hosts, 12))
	var read []string
	for _, g := range p.Gate.Before {
		read = append(append(read, g.Proven...), g.Missing...)
	}
	if len(read) > 0 {
		line += "; for the gate " + s.names(read, s.room(p.Hosts, 8))
	}
	return line
}

func (s Style) gate(g deploy.Gate) string {
	var open, closed []string
	if g.Frozen != "" {
		closed = append(closed, "the stage is frozen ("+s.Clean(g.Frozen)+")")
	}
	if g.Shut != "" {
		closed = append(closed, s.Clean(g.Shut)+opens(g.Opens))
	}
	unproven := len(closed)
	for _, before := range g.Before {
		if !before.Open() {
			lacks := s.Clean(before.Stage)
			if len(before.Missing) > 0 {
				lacks += " (not " + s.missing(before) + share(before) + ")"
			}
			if len(closed) == unproven {
				lacks = "this flake is not confirmed on " + lacks
			}
			closed = append(closed, lacks)
			continue
		}
		open = append(open, s.Clean(before.Stage)+" ("+count(len(before.Proven), "host")+share(before)+")")
	}
	switch {
	case g.Override != "":
		return "overridden: " + s.Clean(g.Override) + "; " + strings.Join(closed, " and ")
	case !g.Open && len(closed) == 0:
		return "closed"
	case !g.Open:
		return "closed: " + strings.Join(closed, " and ")
	case len(open) == 0:
		return "open: the first stage"
	}
	return "open: this flake is confirmed on " + strings.Join(open, " and ")
}

// opens says when the calendar of a stage lets it begin.
func opens(at time.Time) string {
	if at.IsZero() {
		return ", for good"
	}
	return ", until " + at.Format("Mon 2006-01-02 15:04 MST")
}

// share says what a gate asks for where that is not all of the hosts.
func share(g deploy.GateStage) string {
	if all := len(g.Proven) + len(g.Missing); g.Needed == 0 || g.Needed == all {
		return ""
	}
	return fmt.Sprintf("; %d needed", g.Needed)
}

// novelty says why the flake is new.
func (s Style) novelty(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(s.hang("New: ", s.Clean(l)))
	}
	return b.String()
}

// approvals says who approved the flake for the stage, or that it is still missing.
func (s Style) approvals(a *deploy.Approvals) string {
	if a == nil {
		return ""
	}
	var by []string
	for _, g := range a.Given {
		by = append(by, "by "+s.Clean(g.By)+" on "+g.Time.UTC().Format("2006-01-02 15:04 UTC"))
	}
	given := strings.Join(by, ", ")
	switch {
	case given == "" && len(a.Missing) == 0:
		return s.hang("Approval: ", "this stage asks for one; its hosts were not read")
	case given == "":
		return s.hang("Approval: ", "missing")
	case len(a.Missing) > 0:
		return s.hang("Approval: ", given+"; missing on "+s.names(a.Missing, 8))
	}
	return s.hang("Approval: ", given)
}

// missing names the hosts that prove nothing, with the reason where one fits
// all of them.
func (s Style) missing(g deploy.GateStage) string {
	names := s.names(g.Missing, 8)
	why := g.Why[g.Missing[0]]
	for _, h := range g.Missing {
		if g.Why[h] != why {
			return names
		}
	}
	return names + s.after(why)
}
