package inventory

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// lineIndex turns byte offsets into lines and columns.
type lineIndex struct {
	data   []byte
	starts []int // offset of the first byte of each line
}

func newLineIndex(data []byte) *lineIndex {
	starts := make([]int, 1, 1+bytes.Count(data, []byte{'\n'}))
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		starts = append(starts, at)
	}
	return &lineIndex{data: data, starts: starts}
}

// line gives the line of off, from 1. An offset past the end belongs to the
// last line.
func (x *lineIndex) line(off int) int {
	return sort.SearchInts(x.starts, off+1)
}

// position gives line and column of off, both from 1, the column in
// characters, since that is what an editor jumps to.
func (x *lineIndex) position(off int) (line, col int) {
	off = max(0, min(off, len(x.data)))
	line = x.line(off)
	return line, 1 + utf8.RuneCount(x.data[x.starts[line-1]:off])
}
