package flake

import (
	"bytes"
	"strings"
)

// nixKind is what a nixToken is.
type nixKind int

const (
	nixSymbol  nixKind = iota // one character of punctuation
	nixName                   // an identifier or keyword
	nixString                 // a plain string; text is its value
	nixDynamic                // "${": an expression up to its "}" follows
	nixOther                  // a number, a URL, a string with an interpolation
)

// nixToken is one token of Nix text, as far as finding a flake's inputs needs
// it: comments are gone, strings are whole.
type nixToken struct {
	kind nixKind
	text string
}

func (t nixToken) is(symbol string) bool { return t.kind == nixSymbol && t.text == symbol }

func (t nixToken) opens() bool {
	return t.kind == nixDynamic || t.is("{") || t.is("(") || t.is("[")
}

func (t nixToken) closes() bool { return t.is("}") || t.is(")") || t.is("]") }

// nixTokens splits Nix text. It never fails: what it does not know is a symbol.
func nixTokens(src []byte) []nixToken {
	s := &nixScanner{src: src}
	for s.at < len(s.src) {
		s.token()
	}
	return s.tokens
}

type nixScanner struct {
	src    []byte
	at     int
	tokens []nixToken
}

func (s *nixScanner) emit(kind nixKind, text string) {
	s.tokens = append(s.tokens, nixToken{kind, text})
}

func (s *nixScanner) has(prefix string) bool {
	return bytes.HasPrefix(s.src[s.at:], []byte(prefix))
}

// behind moves behind the next end, or to the end of the text.
func (s *nixScanner) behind(end string) {
	if i := bytes.Index(s.src[s.at:], []byte(end)); i >= 0 {
		s.at += i + len(end)
		return
	}
	s.at = len(s.src)
}

func (s *nixScanner) token() {
	c := s.src[s.at]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		s.at++
	case c == '#':
		s.behind("\n")
	case s.has("/*"):
		s.at += len("/*")
		s.behind("*/")
	case c == '"':
		s.at++
		s.str(`"`)
	case s.has("''"):
		s.at += len("''")
		s.str("''")
	case s.has("${"):
		s.at += len("${")
		s.emit(nixDynamic, "")
	case nameStart(c):
		s.name()
	default:
		s.at++
		s.emit(nixSymbol, string(c))
	}
}

// str reads a string behind its opening quote. Interpolations are skipped.
func (s *nixScanner) str(quote string) {
	var text strings.Builder
	kind := nixString
	for s.at < len(s.src) {
		switch {
		case quote == "''" && (s.has("'''") || s.has(`''$`)):
			text.WriteString(string(s.src[s.at+2]))
			s.at += 3
		case quote == "''" && s.has(`''\`), quote == `"` && s.has(`\`):
			s.at += len(quote) // two quotes, or the backslash itself
			if quote == "''" {
				s.at++
			}
			if s.at < len(s.src) {
				text.WriteByte(unescape(s.src[s.at]))
				s.at++
			}
		case s.has("$$"): // the second one opens nothing
			text.WriteString("$$")
			s.at += 2
		case s.has("${"):
			s.at += len("${")
			s.interpolation()
			kind = nixOther
		case s.has(quote):
			s.at += len(quote)
			s.emit(kind, text.String())
			return
		default:
			text.WriteByte(s.src[s.at])
			s.at++
		}
	}
	s.emit(nixOther, "") // never closed
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// interpolation moves behind the "}" of a "${" in a string.
func (s *nixScanner) interpolation() {
	inner := &nixScanner{src: s.src, at: s.at}
	for depth := 1; depth > 0 && inner.at < len(inner.src); {
		inner.tokens = inner.tokens[:0]
		inner.token()
		for _, t := range inner.tokens {
			switch {
			case t.is("{") || t.kind == nixDynamic:
				depth++
			case t.is("}"):
				depth--
			}
		}
	}
	s.at = inner.at
}

// name reads an identifier, or the URL that begins like one: its "//" and ":"
// must not be taken for operators.
func (s *nixScanner) name() {
	start := s.at
	for s.at < len(s.src) && (nameStart(s.src[s.at]) || strings.IndexByte("0123456789'-", s.src[s.at]) >= 0) {
		s.at++
	}
	if s.at+1 < len(s.src) && s.src[s.at] == ':' && urlByte(s.src[s.at+1]) {
		s.at++
		for s.at < len(s.src) && urlByte(s.src[s.at]) {
			s.at++
		}
		s.emit(nixOther, string(s.src[start:s.at]))
		return
	}
	s.emit(nixName, string(s.src[start:s.at]))
}

func nameStart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func urlByte(c byte) bool {
	return nameStart(c) || '0' <= c && c <= '9' || strings.IndexByte("%/?:@&=+$,-.!~*'", c) >= 0
}
