package view

import (
	"fmt"
	"strings"
)

// list writes one list under its label, in at most so many lines where it need
// not be shown whole. It says whether it was cut, and then how many items are not
// shown, with hint behind it.
func (s Style) list(label string, l changeList, most int, hint string) (text string, cut bool) {
	width := max(s.width()-cells(label), 20)
	shown := func(n int) []string {
		items := s.cleanAll(l.items[:n])
		if more := len(l.items) - n; more > 0 {
			items = append(items, fmt.Sprintf("and %d more%s", more, hint))
		}
		if l.lead != "" {
			items[0] = l.lead + " " + items[0]
		}
		return flow(items, ",", width)
	}
	n := len(l.items)
	if !s.All {
		n = min(n, most*width/2) // more would not fit in any case
	}
	lines := shown(n)
	for !s.All && len(lines) > most && n > 1 {
		n--
		lines = shown(n)
	}
	return label + strings.Join(lines, "\n"+strings.Repeat(" ", cells(label))) + "\n", n < len(l.items)
}

// flow puts items in lines of at most width columns, each followed by the
// separator; none is broken but one that is wider than a line.
func flow(items []string, separator string, width int) []string {
	var lines []string
	line := ""
	for i, item := range items {
		if i < len(items)-1 {
			item += separator
		}
		if line != "" && cells(line)+1+cells(item) <= width {
			line += " " + item
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		parts := wrap(item, width)
		lines = append(lines, parts[:len(parts)-1]...)
		line = parts[len(parts)-1]
	}
	return append(lines, line)
}

// facts writes items on as few lines as they need, a dot between them.
func (s Style) facts(items ...string) string {
	return strings.Join(flow(items, strings.TrimRight(s.dot(), " "), s.width()), "\n") + "\n"
}
