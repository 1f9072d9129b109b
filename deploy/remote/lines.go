package remote

import (
	"bufio"
	"errors"
	"io"
)

// maxLine is the longest line that is handed on. The rest of a longer one is
// dropped, not handed on as a line of its own: a hostile host could otherwise
// choose where the second half begins.
const maxLine = 64 << 10

// readLines hands r to emit line by line, without the newline, and stops at the
// end of r. A last line without newline counts. Any byte may be in a line. When
// emit says false, the rest is read and dropped.
func readLines(r io.Reader, emit func(line string) (more bool)) error {
	in := bufio.NewReaderSize(r, 4<<10)
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		ended := err == nil
		if ended {
			part = part[:len(part)-1]
		}
		if ended && line == nil { // the common case copies once
			if !emit(string(part[:min(len(part), maxLine)])) {
				return discard(in)
			}
			continue
		}
		if len(part) > 0 || ended {
			line = append(line, part[:min(len(part), maxLine-len(line))]...)
		}
		switch {
		case ended:
			if !emit(string(line)) {
				return discard(in)
			}
			line = nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		default:
			if len(line) > 0 {
				emit(string(line))
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func discard(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
