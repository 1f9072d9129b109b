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
	var line strings.Builder
	at := 0
	for i, c := range row {
		if i == len(row)-1 {
			indent := strings.Repeat(" ", at)
			for j, part := range wrap(c.text, max(s.width()-at, 20)) {
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
