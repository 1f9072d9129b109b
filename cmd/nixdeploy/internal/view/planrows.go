package view

import (
	"fmt"
	"math"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// manyRows is how many hosts a plan lists one by one. Above it the plan is told
// shorter, so that it still fits a screen: hosts that nothing tells apart share a
// row, and a list is cut to a line.
const manyRows = 24

// folds says whether a plan of these hosts is told shorter.
func (s Style) folds(hosts []deploy.HostPlan) bool { return !s.All && len(hosts) > manyRows }

// room is how many names a list has room for.
func (s Style) room(hosts []deploy.HostPlan, names int) int {
	switch {
	case s.All:
		return math.MaxInt
	case s.folds(hosts):
		return 1
	}
	return names
}

// planRows is the table of a plan, with what the changes bring: after it, or in a
// plan of many hosts under the rows.
func (s Style) planRows(p deploy.Plan, c changes) string {
	folded := s.folds(p.Hosts)
	groups := each(p.Hosts)
	if folded {
		groups = together(p.Hosts, c.rowKey)
	}
	rows := [][]cell{{text(" "), text("host"), text("target"), text("from"), text("wave"), text("what")}}
	for _, group := range groups {
		m := changeMark(group[0].Change)
		rows = append(rows, []cell{
			{s.pick(m.unicode, m.ascii), m.color}, {s.headcount(group), bold}, text(s.Clean(group[0].Target)),
			text(from(group)), text(waves(group, p.Waves)), text(s.what(group)),
		})
	}
	if !folded {
		return s.table(rows) + s.differences(p.Hosts, c)
	}
	return s.foldedRows(rows, groups, c)
}

// foldedRows writes each row with what its hosts' change brings under it, or as
// which hosts that is the same.
func (s Style) foldedRows(rows [][]cell, groups [][]deploy.HostPlan, c changes) string {
	widths := columnWidths(rows)
	var b strings.Builder
	s.row(&b, rows[0], widths)
	hint := allHint
	told := map[string]string{}
	for i, group := range groups {
		s.row(&b, rows[i+1], widths)
		key := c.key[group[0].Host]
		if key == "" {
			continue
		}
		if first, met := told[key]; met {
			b.WriteString(s.hang("    ", "the same as on "+first))
			continue
		}
		told[key] = s.Clean(group[0].Host)
		b.WriteString(s.changeLines(group[0], c.notes[key], 1, &hint))
	}
	return b.String()
}

// headcount names the first of hosts that are alike, and counts the others.
func (s Style) headcount(group []deploy.HostPlan) string {
	if name := s.Clean(group[0].Host); len(group) > 1 {
		return fmt.Sprintf("%s and %d alike", name, len(group)-1)
	}
	return s.Clean(group[0].Host)
}

// each puts every host in a group of its own.
func each(hosts []deploy.HostPlan) [][]deploy.HostPlan {
	groups := make([][]deploy.HostPlan, len(hosts))
	for i := range hosts {
		groups[i] = hosts[i : i+1 : i+1]
	}
	return groups
}

// together groups hosts by a key, in the order in which they are first met. A
// host without a key ("") is left out. The time that it takes grows with the
// hosts, not with their square.
func together(hosts []deploy.HostPlan, key func(deploy.HostPlan) string) [][]deploy.HostPlan {
	var groups [][]deploy.HostPlan
	at := map[string]int{}
	for _, h := range hosts {
		k := key(h)
		if k == "" {
			continue
		}
		i, met := at[k]
		if !met {
			i = len(groups)
			at[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], h)
	}
	return groups
}

// rowKey is all that a row says of a host but its name, generation and wave.
// Problems of one code share a row: what each host answered is in its block.
func (c changes) rowKey(h deploy.HostPlan) string {
	code := ""
	if h.Problem != nil {
		code = "problem " + string(h.Problem.Code)
	}
	key := []string{string(h.Change), h.Target, code, fmt.Sprint(len(h.Build), len(h.Fetch), h.Transfer.Download), c.key[h.Host]}
	if d := h.Difference; d != nil {
		key = append(append(key, d.Reboot...), d.Inhibitors...)
	}
	return strings.Join(key, "\x00")
}

// what is the last column: what the plan does with these hosts, or why it
// cannot say.
func (s Style) what(group []deploy.HostPlan) string {
	h := group[0]
	switch h.Change {
	case deploy.ChangeSwitch:
		return s.work(h)
	case deploy.ChangeEvaluate:
		return "evaluated on the host when its turn comes"
	case deploy.ChangeUnchanged:
		return "unchanged: only health is checked"
	}
	for _, other := range group {
		if other.Problem != nil && other.Problem.What != h.Problem.What { // each is told below
			return s.why(deploy.HostPlan{Change: h.Change, Problem: &deploy.Problem{What: string(h.Problem.Code)}})
		}
	}
	return s.why(h)
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

// work sums up what is to be done, and what it brings.
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

// brings sums up a difference: packages that come, go and change, by how much
// the closure grows, how many units are touched, and whether a reboot is needed.
func brings(d *deploy.Difference) string {
	added, removed := 0, 0
	for _, c := range d.Packages {
		switch {
		case len(c.Old) == 0 && len(c.New) > 0:
			added++
		case len(c.New) == 0 && len(c.Old) > 0:
			removed++
		}
	}
	parts := []string{"no package"}
	if len(d.Packages) > 0 {
		parts[0] = ""
		for _, n := range []struct {
			mark  string
			count int
		}{{"+", added}, {"-", removed}, {"~", len(d.Packages) - added - removed}} {
			if n.count > 0 {
				parts[0] += fmt.Sprintf(" %s%d", n.mark, n.count)
			}
		}
		parts[0] = strings.TrimSpace(parts[0])
	}
	if grown := d.NewSize - d.OldSize; grown != 0 {
		parts = append(parts, grows(grown))
	}
	if d.Units != nil {
		touched := 0
		for _, v := range unitVerbs(d.Units) {
			touched += len(v.units)
		}
		parts = append(parts, count(touched, "unit"))
	}
	if len(d.Reboot) > 0 {
		parts = append(parts, "reboot")
	}
	return strings.Join(parts, ", ")
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

// waves is in which waves the hosts of a row are: those that are left alone are
// in none.
func waves(group []deploy.HostPlan, all [][]string) string {
	first, last := group[0].Wave, group[0].Wave
	for _, h := range group {
		first, last = min(first, h.Wave), max(last, h.Wave)
	}
	switch c := group[0].Change; {
	case c != deploy.ChangeSwitch && c != deploy.ChangeEvaluate:
		return "-"
	case first != last:
		return fmt.Sprintf("%d-%d", first, last)
	}
	return wave(first, all)
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
