package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is how many problems are kept in full: a hostile or generated
// file can hold a million of them, and nobody reads past the first screens.
const maxProblems = 500

// Problem is one mistake in hosts.toml.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1
	Col  int    `json:"col"`  // from 1, in characters
	What string `json:"what"`
	Hint string `json:"hint,omitempty"` // what to write instead, "" when there is nothing to say
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.What)
	if p.Hint != "" {
		s += "\n  hint: " + p.Hint
	}
	return s
}

// Problems is every mistake of one hosts.toml, in the order of the file. It is
// an error of usage: no host was contacted, and no retry helps.
type Problems struct {
	List []Problem
	More int // problems beyond those in List
}

// Error is the full text: one line for each problem and one for its hint.
func (p *Problems) Error() string {
	var b strings.Builder
	file := "hosts.toml"
	if len(p.List) > 0 {
		file = p.List[0].File
	}
	if n := len(p.List) + p.More; n == 1 {
		fmt.Fprintf(&b, "%s has 1 problem", file)
	} else {
		fmt.Fprintf(&b, "%s has %d problems", file, n)
	}
	for _, q := range p.List {
		b.WriteByte('\n')
		b.WriteString(q.String())
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n... and %d more", p.More)
	}
	return b.String()
}

// collector gathers problems by byte offset while a file is read.
type collector struct {
	lines *lineIndex
	list  []offsetProblem
	more  int
}

type offsetProblem struct {
	off        int
	what, hint string
}

// full reports whether further problems are only counted, so that a caller
// can skip the work of finding a hint.
func (c *collector) full() bool { return len(c.list) >= maxProblems }

func (c *collector) add(off int, hint, format string, args ...any) {
	if c.full() {
		c.more++
		return
	}
	c.list = append(c.list, offsetProblem{off: off, what: fmt.Sprintf(format, args...), hint: hint})
}

// addDuplicate reports that key, at off, was defined before at first.
func (c *collector) addDuplicate(off, first int, key string) {
	c.add(off, "", "%q is defined twice, first in line %d", key, c.lines.line(first))
}

// problems gives what was gathered, in the order of the file; nil for nothing.
func (c *collector) problems(file string) *Problems {
	if len(c.list) == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b offsetProblem) int { return cmp.Compare(a.off, b.off) })
	out := &Problems{List: make([]Problem, 0, len(c.list)), More: c.more}
	for _, p := range c.list {
		line, col := c.lines.position(p.off)
		out.List = append(out.List, Problem{File: file, Line: line, Col: col, What: p.what, Hint: p.hint})
	}
	return out
}
