package view

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// colourCodes are the only sequences that are dropped rather than shown:
// compilers and Nix colour their logs, and a colour says nothing.
var colourCodes = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// Clean makes one line out of text that somebody else wrote, with nothing in
// it that a terminal or a CI would obey: control characters (C0, C1, escape
// sequences), bidirectional and other invisible characters, line separators
// and invalid UTF-8 are written as \x1b or \u202e. Where the locale is not
// UTF-8 that goes for all that is not ASCII, since a byte of a longer
// character can be a control character there.
func (s Style) Clean(text string) string {
	text = strings.TrimRight(text, "\r\n")
	text = colourCodes.ReplaceAllString(text, "")
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\t':
			b.WriteString("  ")
		case r < unicode.MaxASCII && unicode.IsPrint(r), s.Unicode && unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(escape(r))
		}
		i += size
	}
	return disarmCI(b.String())
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// disarmCI breaks the commands that CI services read out of a log. GitHub and
// Azure obey "##[command]" anywhere in a line, TeamCity "##teamcity[...]", and
// GitHub "::command::" as the first word of one: any word can come first where
// a long line is wrapped.
func disarmCI(text string) string {
	text = ciCommand.ReplaceAllString(text, `#\#$1[`)
	return ciWord.ReplaceAllString(text, `$1:\:$2`)
}

var (
	ciCommand = regexp.MustCompile(`##(teamcity)?\[`)
	ciWord    = regexp.MustCompile(`(^|\s)::([A-Za-z])`)
)

// cleanAll cleans each text.
func (s Style) cleanAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = s.Clean(t)
	}
	return out
}
