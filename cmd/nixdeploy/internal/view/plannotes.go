package view

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// planNotes tells each note that is not told with a change, once, with the hosts
// that it is about. In a plan of many hosts, notes of one kind that differ in a
// name or a number are told by the first of them.
func (s Style) planNotes(hosts []deploy.HostPlan, c changes) string {
	type told struct {
		note   string
		hosts  []string
		others map[string]bool // notes of this kind that are not shown
	}
	var order []*told
	kinds := map[string]*told{}
	for _, h := range hosts {
		for _, n := range h.Notes {
			if c.told[n] {
				continue
			}
			kind := n
			if s.folds(hosts) {
				kind = noteKind(n)
			}
			t := kinds[kind]
			if t == nil {
				t = &told{note: n, others: map[string]bool{}}
				kinds[kind] = t
				order = append(order, t)
			}
			if len(t.hosts) == 0 || t.hosts[len(t.hosts)-1] != h.Host {
				t.hosts = append(t.hosts, h.Host)
			}
			if n != t.note {
				t.others[n] = true
			}
		}
	}
	var b strings.Builder
	for _, t := range order {
		text := s.names(t.hosts, s.room(hosts, 8)) + ": " + s.Clean(t.note)
		if n := len(t.others); n > 0 {
			text += fmt.Sprintf("; and %d like it", n)
		}
		b.WriteString(s.hang("  note ", text))
	}
	return b.String()
}

// noteKind is a note up to where it becomes the host's own.
func noteKind(note string) string {
	if i := strings.IndexAny(note, ":(,"); i > 0 {
		return note[:i]
	}
	return note
}

// planProblems writes a block per failure, with a line before and after all of
// them. In a plan of many hosts, problems of one code share the block of the
// first.
func (s Style) planProblems(hosts []deploy.HostPlan) string {
	var problems []deploy.Problem
	others := map[deploy.Code][]string{}
	shown := map[deploy.Code]string{}
	for _, h := range hosts {
		if h.Problem == nil {
			continue
		}
		p := *h.Problem
		if p.Host == "" {
			p.Host = h.Host
		}
		if s.folds(hosts) {
			cause := causeKey(p)
			if first, met := shown[p.Code]; met && first != cause {
				others[p.Code] = append(others[p.Code], p.Host)
				continue
			}
			shown[p.Code] = cause
		}
		problems = append(problems, p)
	}
	if len(problems) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n" + s.Problems(problems))
	for _, p := range problems {
		if list := others[p.Code]; len(list) > 0 {
			b.WriteString(s.hang("  also ", s.Clean(string(p.Code))+": "+s.names(list, 2)+allHint))
			delete(others, p.Code)
		}
	}
	return b.String() + "\n"
}
