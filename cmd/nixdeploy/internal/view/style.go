// Package view is what people and programs see of nixdeploy: the plan, plain
// progress lines, failure blocks, the summary, the tables, and their JSON twin.
//
// It reads the data of deploy (Plan, Event, Problem, Report) and of inventory,
// and turns it into text. It calls nothing and decides nothing: no clock, no
// terminal, no environment. What must not enter it: anything that could change
// how a run goes. Every string that a host, a flake or a file could have
// written passes [Style.Clean] before it is part of a line.
package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Style says what a stream can show. The zero value is the most modest: plain
// ASCII without colour.
type Style struct {
	Color   bool // the 16 ANSI colours, so that the user's theme decides
	Unicode bool // false: ASCII glyphs, and everything else escaped
	Width   int  // columns; 0 means 80
	All     bool // lists are shown whole, however long: --verbose
}

// color is one of the 16 ANSI foreground colours, or bold.
type color string

const (
	plain  color = ""
	bold   color = "1"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	cyan   color = "36"
)

func (s Style) paint(c color, text string) string {
	if !s.Color || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

func (s Style) width() int {
	if s.Width <= 0 {
		return 80
	}
	return s.Width
}

// pick returns the first text where the terminal can show it, else the second.
func (s Style) pick(unicode, ascii string) string {
	if s.Unicode {
		return unicode
	}
	return ascii
}

// dot separates facts on one line.
func (s Style) dot() string { return s.pick(" · ", " - ") }

// cells is how many columns text takes; escape sequences take none.
func cells(text string) int { return ansi.StringWidth(text) }

func pad(text string, width int) string {
	if n := width - cells(text); n > 0 {
		return text + strings.Repeat(" ", n)
	}
	return text
}

// wrap breaks text between words into lines of at most width columns. A word
// that is longer (a store path) keeps a line of its own: it is never broken,
// so that it can be copied.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// hang writes label and text, wrapped, with the following lines under the text.
func (s Style) hang(label, text string) string {
	indent := cells(label)
	lines := wrap(text, max(s.width()-indent, 20))
	return label + strings.Join(lines, "\n"+strings.Repeat(" ", indent)) + "\n"
}

// took prints a duration as people read one: 8s, 1m12s, 2h5m.
func took(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	default:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
}

// atMost rounds a bound up to whole minutes: it must never promise too little.
func atMost(d time.Duration) string {
	if d <= time.Minute {
		return took(d)
	}
	return fmt.Sprintf("%d min", (d+time.Minute-1)/time.Minute)
}

// count writes a number with its noun.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
