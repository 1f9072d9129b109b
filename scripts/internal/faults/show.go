package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// width is that of a terminal; indent is that of what a word of a fault says.
const (
	width  = 80
	indent = 16
)

// line writes "    WORD  TEXT", the text broken and indented.
func line(out io.Writer, word, text string) {
	words(out, fmt.Sprintf("    %-*s", indent-4, word), text)
}

// words writes a text, broken and indented, behind what stands before it.
func words(out io.Writer, before, text string) {
	column := len(before)
	var b strings.Builder
	b.WriteString(before)
	for i, w := range strings.Fields(text) {
		switch n := len([]rune(w)); {
		case i == 0:
			column += n
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent + n
		default:
			b.WriteString(" ")
			column += 1 + n
		}
		b.WriteString(w)
	}
	_, _ = fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
}

// show prints the catalogue and the count. It returns the exit code.
func show(out io.Writer, list []entry, bugs []mutant, results map[string]verdict) int {
	var good, bad int
	var missing, partly []string
	for _, e := range list {
		o := judge(e, results)
		words(out, fmt.Sprintf("%2d  %-12s", e.number, o.standing), e.title)
		line(out, "required", e.required)
		o.show(out)
		if e.notRun == "" {
			line(out, "tests", fmt.Sprintf("%d of %d passed; red under: %s", o.passed, len(e.proofs), strings.Join(named(bugs, e.number), ", ")))
		}
		switch o.standing {
		case asRequired:
			good++
			if e.partly != "" {
				line(out, "left out", e.partly)
				partly = append(partly, fmt.Sprint(e.number))
			}
		case failed:
			bad++
		case notRun:
			missing = append(missing, fmt.Sprintf("%d, %s: %s", e.number, e.title, strings.Join(o.reasons, "; ")))
		}
	}
	_, _ = fmt.Fprintln(out)
	for _, reason := range missing {
		line(out, "not run", reason)
	}
	if len(partly) > 0 {
		line(out, "in part", strings.Join(partly, " ")+" (\"left out\" says what)")
	}
	failures := ""
	if bad > 0 {
		failures = fmt.Sprintf(", %d FAILED", bad)
	}
	_, _ = fmt.Fprintf(out, "%d of %d as required%s, %d not run\n", good, len(list), failures, len(missing))
	if bad > 0 {
		return 1
	}
	return 0
}

func (o outcome) show(out io.Writer) {
	if o.standing == failed {
		for _, reason := range o.reasons {
			line(out, "FAILED", reason)
		}
		return
	}
	_, by := told(o.said, "injected")
	var all []string
	for _, list := range by {
		all = append(all, list...)
	}
	slices.Sort(all)
	if len(all) > 0 {
		line(out, "injected", strings.Join(slices.Compact(all), "; "))
	}
	modes, seen := told(o.said, "seen")
	for _, mode := range modes {
		line(out, "seen", strings.TrimPrefix(mode+": ", ": ")+strings.Join(seen[mode], "; "))
	}
	if o.standing == notRun {
		line(out, "why", strings.Join(o.reasons, "; "))
	} else if len(o.reasons) > 0 {
		line(out, "besides", fmt.Sprintf("%d of its tests did not run: %s", len(o.reasons), o.reasons[0]))
	}
}
