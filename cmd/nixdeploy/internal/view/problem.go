package view

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Problem writes one failure as a block with a rule at its left, so that a
// pasted half of it is seen to be a half:
//
//	│ error[health] web3: a health check failed; the old system is back
//	│   step    health
//	│   saw     https://web3.example/health: 503, wanted 200, 5 tries
//	│   state   running, profile and next boot are generation 117, read back
//	│   next    nixdeploy status --on web3
func (s Style) Problem(p deploy.Problem) string { return s.Problems([]deploy.Problem{p}) }

// Problems writes a block per failure; hosts with the same failure share one.
func (s Style) Problems(problems []deploy.Problem) string {
	var blocks []string
	for _, g := range sameCause(problems) {
		blocks = append(blocks, s.block(g.hosts, g.problem))
	}
	return strings.Join(blocks, "\n")
}

type causeGroup struct {
	problem deploy.Problem
	hosts   []string
}

// sameCause groups failures by all that their block shows, in the order in which
// they are first met.
func sameCause(problems []deploy.Problem) []causeGroup {
	var groups []causeGroup
	at := map[string]int{}
	for _, p := range problems {
		key := causeKey(p)
		i, met := at[key]
		if !met {
			i = len(groups)
			at[key] = i
			groups = append(groups, causeGroup{problem: p})
		}
		if p.Host != "" {
			groups[i].hosts = append(groups[i].hosts, p.Host)
		}
	}
	return groups
}

// causeKey is all that tells a failure from others but the host.
func causeKey(p deploy.Problem) string {
	return strings.Join(append([]string{string(p.Code), string(p.Step), what(p), p.State, p.Next}, p.Details...), "\x00")
}

// what is the one line of what failed, with its cause.
func what(p deploy.Problem) string {
	if p.Err == nil {
		return p.What
	}
	if p.What == "" {
		return p.Err.Error()
	}
	return p.What + ": " + p.Err.Error()
}

func (s Style) block(hosts []string, p deploy.Problem) string {
	rule := s.paint(red, s.pick("│", "|")) + " "
	var b strings.Builder
	head := "error[" + s.Clean(string(p.Code)) + "]"
	where := ": "
	if len(hosts) > 0 {
		where = " " + s.names(hosts, 12) + ": "
	}
	lines := wrap(head+where+s.Clean(what(p)), s.width()-6)
	b.WriteString(rule + strings.Replace(lines[0], head, s.paint(red, head), 1) + "\n")
	for _, l := range lines[1:] {
		b.WriteString(rule + "    " + l + "\n")
	}
	s.field(&b, rule, "step", string(p.Step))
	for i, d := range evidence(p.Details) {
		label := ""
		if i == 0 {
			label = "saw"
		}
		s.field(&b, rule, label, d)
	}
	s.field(&b, rule, "state", p.State)
	s.field(&b, rule, "next", p.Next)
	return b.String()
}

// maxEvidence is how many lines of evidence a block shows: the newest are the
// ones that tell.
const maxEvidence = 20

func evidence(details []string) []string {
	var lines []string
	for _, d := range details {
		for l := range strings.Lines(d) {
			lines = append(lines, strings.TrimRight(l, "\r\n"))
		}
	}
	if len(lines) > maxEvidence {
		lines = append([]string{"(earlier lines are left out)"}, lines[len(lines)-maxEvidence:]...)
	}
	return lines
}

func (s Style) field(b *strings.Builder, rule, label, value string) {
	if value == "" {
		return
	}
	value = s.Clean(value)
	lines := []string{value}
	if label != "" { // evidence keeps its own layout
		lines = wrap(value, s.width()-12)
	}
	for i, l := range lines {
		if i > 0 {
			label = ""
		}
		b.WriteString(strings.TrimRight(rule+"  "+pad(label, 8)+l, " ") + "\n")
	}
}

// InventoryProblems writes every mistake of a hosts.toml, each with its place
// and how to mend it. A key or value of the file cannot forge a line.
func (s Style) InventoryProblems(p *inventory.Problems) string {
	var b strings.Builder
	for _, q := range p.List {
		b.WriteString(s.hang("", fmt.Sprintf("%s:%d:%d: %s", s.Clean(q.File), q.Line, q.Col, s.Clean(q.What))))
		if q.Hint != "" {
			b.WriteString(s.hang("  hint: ", s.Clean(q.Hint)))
		}
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", p.More)
	}
	return b.String() + count(len(p.List)+p.More, "problem") + "; no host was contacted\n"
}
