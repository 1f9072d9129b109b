package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// manyRows is how many hosts a plan lists one by one; above it, hosts of one
// wave with nothing to tell apart share a row.
const manyRows = 24

// Plan writes the plan of one stage, next being the command that comes after
// it ("" for none).
func (s Style) Plan(p deploy.Plan, next string) string {
	var b strings.Builder
	b.WriteString(s.planHead(p))
	b.WriteString(s.table(s.planRows(p)))
	b.WriteString(s.planNotes(p.Hosts))
	if problems := planProblems(p.Hosts); len(problems) > 0 {
		b.WriteString("\n" + s.Problems(problems) + "\n")
	}
	b.WriteString(s.planTotals(p))
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
	if p.Source != "" && p.Source != "rendered" {
		facts[1] += " (" + s.Clean(p.Source) + ")"
	}
	head := s.hang("", strings.Join(facts, s.dot())) + s.hang("Gate: ", s.gate(p.Gate))
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
	line := s.names(names, 12)
	var read []string
	for _, g := range p.Gate.Before {
		read = append(append(read, g.Proven...), g.Missing...)
	}
	if len(read) > 0 {
		line += "; for the gate " + s.names(read, 8)
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

func (s Style) planRows(p deploy.Plan) [][]cell {
	rows := [][]cell{{text(" "), text("host"), text("target"), text("from"), text("what"), text("wave")}}
	for _, group := range alike(p.Hosts) {
		h := group[0]
		name := s.Clean(h.Host)
		if len(group) > 1 {
			name = fmt.Sprintf("%s and %d alike", name, len(group)-1)
		}
		m := changeMark(h.Change)
		row := []cell{{s.pick(m.unicode, m.ascii), m.color}, {name, bold}, text(s.Clean(h.Target)), text(from(group))}
		switch h.Change {
		case deploy.ChangeSwitch:
			row = append(row, text(s.work(h)), text(wave(h.Wave, p.Waves)))
		case deploy.ChangeEvaluate:
			row = append(row, text("evaluated on the host when its turn comes"), text(wave(h.Wave, p.Waves)))
		case deploy.ChangeUnchanged:
			row = append(row, text("unchanged: health is checked, nothing is switched"))
		default:
			row = append(row, text(s.why(h)))
		}
		rows = append(rows, row)
	}
	return rows
}

// alike groups hosts that differ in nothing but their name and generation,
// when there are too many for a row each.
func alike(hosts []deploy.HostPlan) [][]deploy.HostPlan {
	var groups [][]deploy.HostPlan
	for _, h := range hosts {
		i := slices.IndexFunc(groups, func(g []deploy.HostPlan) bool { return rowKey(g[0]) == rowKey(h) })
		if len(hosts) <= manyRows || i < 0 {
			groups = append(groups, []deploy.HostPlan{h})
			continue
		}
		groups[i] = append(groups[i], h)
	}
	return groups
}

func rowKey(h deploy.HostPlan) string {
	what := ""
	if h.Problem != nil {
		what = h.Problem.What
	}
	difference := ""
	if h.Difference != nil {
		difference = brings(h.Difference)
	}
	return fmt.Sprintf("%q", []any{h.Target, h.Wave, h.Change, len(h.Build), len(h.Fetch), h.Transfer.Download, difference, what})
}

// from is the generation that the hosts of a row run now.
func from(group []deploy.HostPlan) string {
	first := ""
	for i, h := range group {
		g := "-"
		if h.Observed != nil {
			g = Generation(&h.Observed.Links)
		}
		if i > 0 && g != first {
			return "*"
		}
		first = g
	}
	return first
}

func (s Style) work(h deploy.HostPlan) string {
	var parts []string
	if n := len(h.Build); n > 0 {
		parts = append(parts, fmt.Sprintf("build %d", n))
	}
	if n := len(h.Fetch); n > 0 {
		fetch := fmt.Sprintf("fetch %d", n)
		if h.Transfer.Download > 0 {
			fetch += " (" + size(h.Transfer.Download) + ")"
		}
		parts = append(parts, fetch)
	}
	if d := h.Difference; d != nil {
		parts = append(parts, brings(d))
	}
	if len(parts) == 0 {
		return "switch, all built"
	}
	return strings.Join(parts, ", ")
}

// brings sums up a difference.
func brings(d *deploy.Difference) string {
	text := count(len(d.Packages), "package")
	switch grown := d.NewSize - d.OldSize; {
	case grown > 0:
		text += " (" + size(grown) + " more)"
	case grown < 0:
		text += " (" + size(-grown) + " less)"
	}
	if u := d.Units; u != nil {
		touched := map[string]bool{}
		for _, unit := range slices.Concat(u.Stop, u.Start, u.Restart, u.Reload) {
			touched[unit] = true
		}
		text += ", " + count(len(touched), "unit")
	}
	return text
}

func (s Style) why(h deploy.HostPlan) string {
	word := "cannot say"
	if h.Change == deploy.ChangeBlocked {
		word = "blocked"
	}
	if h.Problem == nil {
		return word
	}
	return word + ": " + s.Clean(h.Problem.What)
}

func wave(n int, waves [][]string) string {
	switch {
	case n == 0:
		return "-"
	case n == 1 && len(waves) > 1 && len(waves[0]) == 1:
		return "1 canary"
	}
	return fmt.Sprint(n)
}

// planNotes tells each note once, with the hosts that it is about.
func (s Style) planNotes(hosts []deploy.HostPlan) string {
	var order []string
	about := map[string][]string{}
	for _, h := range hosts {
		for _, n := range h.Notes {
			if about[n] == nil {
				order = append(order, n)
			}
			about[n] = append(about[n], h.Host)
		}
	}
	var b strings.Builder
	for _, n := range order {
		b.WriteString(s.hang("  note ", s.names(about[n], 8)+": "+s.Clean(n)))
	}
	return b.String()
}

func planProblems(hosts []deploy.HostPlan) []deploy.Problem {
	var problems []deploy.Problem
	for _, h := range hosts {
		if h.Problem == nil {
			continue
		}
		p := *h.Problem
		if p.Host == "" {
			p.Host = h.Host
		}
		problems = append(problems, p)
	}
	return problems
}

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
	if p.AtMost > 0 && n[deploy.ChangeSwitch]+n[deploy.ChangeEvaluate] > 0 {
		line += s.dot() + "takes at most " + atMost(p.AtMost)
		switch p.Budget {
		case 0:
			line += s.dot() + "a failure stops it"
		case 1:
			line += s.dot() + "more than 1 failure stops it"
		default:
			line += s.dot() + "more than " + count(p.Budget, "failure") + " stop it"
		}
	}
	return s.hang("", line)
}
