package health

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what a Detail shows, in bytes. Together they stay below 4 KiB.
const (
	shownSeen  = 3 << 10 // of what a host or service said
	shownAsked = 512     // of what was asked
	maxNamed   = 8       // units in one line
)

// tail makes text from a host one safe line of at most shownSeen bytes. Of
// longer text the end is kept: tools say last why they failed.
func tail(s string) string {
	s = strings.TrimSpace(s)
	whole := len(s)
	out := escape(s[max(0, len(s)-shownSeen):])
	if whole <= shownSeen && len(out) <= shownSeen {
		return out
	}
	return "..." + strings.ToValidUTF8(out[max(0, len(out)-shownSeen):], "")
}

// head makes what was asked one safe line of at most shownAsked bytes.
func head(s string) string {
	whole := len(s)
	out := escape(s[:min(len(s), shownAsked)])
	if whole <= shownAsked && len(out) <= shownAsked {
		return out
	}
	return strings.ToValidUTF8(out[:min(len(out), shownAsked)], "") + "..."
}

// escape writes control, bidirectional and invisible characters and invalid
// UTF-8 as Go does. Escapes are longer than what they stand for.
func escape(s string) string {
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// names lists units for people.
func names(units []string) string {
	shown := strings.Join(units[:min(len(units), maxNamed)], ", ")
	if more := len(units) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", head(shown), more)
	}
	return head(shown)
}

// count gives "1 try", "5 tries".
func count(tries int) string {
	if tries == 1 {
		return "1 try"
	}
	return strconv.Itoa(tries) + " tries"
}
