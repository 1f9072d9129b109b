package view

import "strings"

// cell is one field of a table: clean text and the colour it is painted in.
type cell struct {
	text  string
	color color
}

func text(t string) cell { return cell{text: t} }

// table lays out rows in columns two spaces apart. The last column is wrapped
// to the width, its following lines under it, rather than cut: what does not
// fit on a screen must still be found by grep in a log.
func (s Style) table(rows [][]cell) string {
	widths := columnWidths(rows)
	var b strings.Builder
	for _, row := range rows {
		s.row(&b, row, widths)
	}
	return b.String()
}

// narrowest is the least width of a last column: where less is left beside the
// others, it goes under them, indented.
const (
	narrowest     = 20
	stackedIndent = 6
)

func columnWidths(rows [][]cell) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 { // the last cell pushes nothing
				widths[i] = max(widths[i], cells(c.text))
			}
		}
	}
	return widths
}

func (s Style) row(b *strings.Builder, row []cell, widths []int) {
	if fixed := columnsWidth(widths); fixed > s.width() {
		s.rowAsText(b, row)
		return
	}
	var line strings.Builder
	at := 0
	for i, c := range row {
		if i == len(row)-1 {
			if s.width()-at < min(narrowest, cells(c.text)) && i > 0 { // a line of its own is wider
				b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
				line.Reset()
				at = stackedIndent
				line.WriteString(strings.Repeat(" ", at))
			}
			indent := strings.Repeat(" ", at)
			for j, part := range wrap(c.text, max(s.width()-at, narrowest)) {
				if j > 0 {
					line.WriteString("\n" + indent)
				}
				line.WriteString(s.paint(c.color, part))
			}
			break
		}
		line.WriteString(s.paint(c.color, c.text) + strings.Repeat(" ", widths[i]-cells(c.text)+2))
		at += widths[i] + 2
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// columnsWidth is how wide all columns but the last are.
func columnsWidth(widths []int) int {
	all := 0
	for _, w := range widths[:max(len(widths)-1, 0)] {
		all += w + 2
	}
	return all
}

// rowAsText writes a row where the columns are wider than the terminal.
func (s Style) rowAsText(b *strings.Builder, row []cell) {
	var parts []string
	for _, c := range row {
		parts = append(parts, c.text)
	}
	lines := wrap(strings.Join(parts, " "), max(s.width()-stackedIndent, narrowest))
	b.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", stackedIndent)) + "\n")
}
