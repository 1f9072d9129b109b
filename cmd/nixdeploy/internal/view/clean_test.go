package view

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, unicode, ascii string }{
		{"plain", "web1 is up", "web1 is up", "web1 is up"},
		{"carriage return", "web1\r\n", "web1", "web1"},
		{"overprint", "good\rbad", `good\rbad`, `good\rbad`},
		{"two lines", "a\n::error::b", `a\n::error::b`, `a\n::error::b`},
		{"colour is dropped", "\x1b[1;31mred\x1b[0m", "red", "red"},
		{"title", "\x1b]0;owned\x07", `\x1b]0;owned\x07`, `\x1b]0;owned\x07`},
		{"clear screen", "\x1b[2J", `\x1b[2J`, `\x1b[2J`},
		{"C1 control", "a\u009b2Jb", `a\x9b2Jb`, `a\x9b2Jb`},
		{"raw C1 byte", "a\x9b2J", `a\x9b2J`, `a\x9b2J`},
		{"right to left", "a\u202eb", `a\u202eb`, `a\u202eb`},
		{"isolates", "\u2066x\u2069", `\u2066x\u2069`, `\u2066x\u2069`},
		{"zero width", "a\u200bb", `a\u200bb`, `a\u200bb`},
		{"tag characters", "a\U000e0041", `a\U000e0041`, `a\U000e0041`},
		{"line separator", "a\u2028b", `a\u2028b`, `a\u2028b`},
		{"invalid", "a\xffb", `a\xffb`, `a\xffb`},
		{"letters", "Grüße 日本", "Grüße 日本", `Gr\xfc\xdfe \u65e5\u672c`},
		{"delete", "a\x7f", `a\x7f`, `a\x7f`},
		{"tab", "a\tb", "a  b", "a  b"},
		{"github", "x ##[error]y", `x #\#[error]y`, `x #\#[error]y`},
		{"github in colours", "##\x1b[m[error]", `#\#[error]`, `#\#[error]`},
		{"teamcity", "##teamcity[buildStop]", `#\#teamcity[buildStop]`, `#\#teamcity[buildStop]`},
		{"github, first in a line", "::error::x", `:\:error::x`, `:\:error::x`},
		{"github, first after a wrap", "long ::add-path::/tmp", `long :\:add-path::/tmp`, `long :\:add-path::/tmp`},
		{"an address", "[::1]:22 ::1", "[::1]:22 ::1", "[::1]:22 ::1"},
		{"a heading", "## Notes", "## Notes", "## Notes"},
	} {
		if got := (Style{Unicode: true}).Clean(c.in); got != c.unicode {
			t.Errorf("%s: %q, want %q", c.name, got, c.unicode)
		}
		if got := (Style{}).Clean(c.in); got != c.ascii {
			t.Errorf("%s, not UTF-8: %q, want %q", c.name, got, c.ascii)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"web1", "\x1b[31mx", "\x1b]8;;http://x\x07", "a\u202e\xff\n", "##[x]", "::set-env::", "\x1b[\x1b[mm"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, s := range []Style{{}, {Unicode: true}} {
			got := s.Clean(in)
			if !utf8.ValidString(got) {
				t.Fatalf("not UTF-8: %q", got)
			}
			for _, r := range got {
				if !unicode.IsPrint(r) || !s.Unicode && r > unicode.MaxASCII {
					t.Fatalf("%U in %q", r, got)
				}
			}
			if strings.Contains(got, "##[") || strings.Contains(got, "##teamcity[") {
				t.Fatalf("a CI command in %q", got)
			}
			for word := range strings.FieldsSeq(got) {
				if len(word) > 2 && word[:2] == "::" && unicode.IsLetter(rune(word[2])) && word[2] < 0x80 {
					t.Fatalf("a CI command in %q", got)
				}
			}
		}
	})
}
