package inventory

import (
	"bytes"
	"fmt"
)

// The limits of a file, checked before the parser sees it: nesting makes every
// TOML parser recurse, and a short bomb makes it allocate without end.
const (
	maxBytes   = 16 << 20
	maxDepth   = 32        // arrays, inline tables and the parts of dotted keys, added up
	maxEntries = 200_000   // in one table, or in one value
	maxTotal   = 1_000_000 // keys and elements in the file
)

var (
	bomUTF8  = []byte{0xef, 0xbb, 0xbf}
	bomUTF16 = [][]byte{{0xff, 0xfe}, {0xfe, 0xff}}
)

// checkLimits refuses a file that must not reach the parser. It reports at
// most one problem, since nothing after it can be trusted.
func checkLimits(data []byte, c *collector) bool {
	if len(data) > maxBytes {
		c.add(0, "split the fleet, or remove what is not configuration", "the file is larger than %d MiB", maxBytes>>20)
		return false
	}
	for _, bom := range bomUTF16 {
		if bytes.HasPrefix(data, bom) {
			c.add(0, "save it as UTF-8", "the file is UTF-16, not UTF-8")
			return false
		}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		c.add(i, "is this a text file, saved as UTF-8?", "a NUL byte")
		return false
	}
	s := scanner{data: data}
	if off, what := s.run(); what != "" {
		c.add(off, "", "%s", what)
		return false
	}
	return true
}

// scanner walks over TOML text just closely enough to count nesting and
// entries. It neither recurses nor allocates by the input, and accepts broken
// text: saying what is broken is the parser's work.
type scanner struct {
	data []byte
	at   int

	header int // parts of the current [header]
	key    int // parts of the key being read or assigned
	inKey  bool
	open   []container

	total   int // keys and elements so far
	entries int // of these in the current top-level value
}

// container is an array or an inline table that is not closed yet.
type container struct {
	table bool
	key   int // parts of the key that it is the value of
}

func (s *scanner) run() (off int, what string) {
	s.inKey, s.key = true, 1
	for s.at < len(s.data) {
		start := s.at
		if what := s.step(); what != "" {
			return start, what
		}
	}
	return 0, ""
}

// step reads one token. It returns a limit that the token breaks, or "".
func (s *scanner) step() string {
	c := s.data[s.at]
	switch c {
	case '#':
		s.skipLine()
		return ""
	case '"', '\'':
		s.skipString(c)
		return ""
	case '\n':
		s.at++
		if len(s.open) == 0 {
			s.inKey, s.key, s.entries = true, 1, 0
		}
		return ""
	case '[', '{':
		if c == '[' && len(s.open) == 0 && s.inKey {
			return s.readHeader()
		}
		s.at++
		return s.push(c == '{')
	}
	s.at++
	switch c {
	case ']', '}':
		s.pop()
	case '=':
		s.inKey = false
		return s.count()
	case ',':
		if len(s.open) > 0 {
			s.inKey, s.key = s.open[len(s.open)-1].table, 1
		}
		return s.count()
	case '.':
		if s.inKey {
			s.key++
			return s.checkDepth()
		}
	}
	return ""
}

// readHeader counts the parts of a [header] up to the end of its line.
func (s *scanner) readHeader() string {
	s.header, s.key = 1, 0
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case '\n', '#':
			s.inKey = false // a step on '\n' or '#' ends the line
			return s.count()
		case '"', '\'':
			s.skipString(c)
		case '.':
			s.at++
			s.header++
			if what := s.checkDepth(); what != "" {
				return what
			}
		default:
			s.at++
		}
	}
	return ""
}

func (s *scanner) push(table bool) string {
	s.open = append(s.open, container{table: table, key: s.key})
	s.key, s.inKey = 0, false
	if table {
		s.key, s.inKey = 1, true
	}
	return s.checkDepth()
}

func (s *scanner) pop() {
	if len(s.open) > 0 {
		s.key = s.open[len(s.open)-1].key
		s.open = s.open[:len(s.open)-1]
	}
	s.inKey = false
}

func (s *scanner) checkDepth() string {
	depth := s.header + s.key
	for _, c := range s.open { // at most maxDepth of them
		depth += 1 + c.key
	}
	if depth > maxDepth {
		return fmt.Sprintf("nested more than %d levels deep", maxDepth)
	}
	return ""
}

func (s *scanner) count() string {
	s.total++
	s.entries++
	switch {
	case s.total > maxTotal:
		return fmt.Sprintf("more than %d keys and elements in the file", maxTotal)
	case s.entries > maxEntries:
		return fmt.Sprintf("more than %d elements in one value", maxEntries)
	}
	return ""
}

func (s *scanner) skipLine() {
	i := bytes.IndexByte(s.data[s.at:], '\n')
	if i < 0 {
		s.at = len(s.data)
		return
	}
	s.at += i
}

// skipString moves past a string in any of TOML's four forms. A string of one
// line that is not closed ends with its line, as the parser sees it too.
func (s *scanner) skipString(quote byte) {
	rest := s.data[s.at:]
	long := len(rest) > 2 && rest[1] == quote && rest[2] == quote
	i := 1
	if long {
		i = 3
	}
	for ; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote && !long:
			s.at += i + 1
			return
		case c == quote && i+2 < len(rest) && rest[i+1] == quote && rest[i+2] == quote:
			for i += 3; i < len(rest) && rest[i] == quote; i++ { // """" closes with a quote inside
			}
			s.at += i
			return
		case c == '\n' && !long:
			s.at += i
			return
		}
	}
	s.at = len(s.data)
}
