package simfleet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// programLimit bounds a program: scripts are files of this repository.
const programLimit = 8 << 20

// Program is what nixdeploy sent to be run, taken apart again.
type Program struct {
	Nonce  string   // of the begin line
	Script string   // name, from the script's "# nixdeploy remote script:" line
	Args   []string // positional parameters
	Text   string   // the script itself
}

// ParseProgram reads the wire form of a command from its standard input: the
// length, the program, and leaves the payload in the reader that it returns.
// Errors mean that the input is not of that form.
func ParseProgram(r io.Reader) (Program, io.Reader, error) {
	in := bufio.NewReader(r)
	text, err := readProgram(in)
	if err != nil {
		return Program{}, nil, fmt.Errorf("read a program: %w", err)
	}
	p, err := parseProgram(text)
	if err != nil {
		return Program{}, nil, fmt.Errorf("parse a program: %w", err)
	}
	return p, in, nil
}

// readProgram reads "N\n" and N bytes.
func readProgram(in *bufio.Reader) (string, error) {
	var digits []byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			return "", fmt.Errorf("length line: %w", err)
		}
		if b == '\n' {
			break
		}
		if b < '0' || b > '9' || len(digits) > 8 {
			return "", fmt.Errorf("length line %q is not a number", append(digits, b))
		}
		digits = append(digits, b)
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || n > programLimit {
		return "", fmt.Errorf("length %q is out of range", digits)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", fmt.Errorf("%d bytes announced: %w", n, err)
	}
	return string(text), nil
}

const (
	beginPrefix = `printf '%s\n' 'nd-begin `
	setPrefix   = "set --"
	namePrefix  = "# nixdeploy remote script: "
)

// parseProgram takes the begin line, the set line(s) and the script apart.
func parseProgram(text string) (Program, error) {
	var p Program
	rest, ok := strings.CutPrefix(text, beginPrefix)
	if !ok {
		return p, errors.New("no begin line")
	}
	p.Nonce, rest, ok = strings.Cut(rest, "'\n")
	if !ok || p.Nonce == "" || strings.ContainsAny(p.Nonce, "' \n") {
		return p, errors.New("malformed begin line")
	}
	rest, ok = strings.CutPrefix(rest, setPrefix)
	if !ok {
		return p, errors.New("no set line")
	}
	for strings.HasPrefix(rest, " ") {
		arg, after, err := unquote(rest[1:])
		if err != nil {
			return p, fmt.Errorf("argument %d: %w", len(p.Args)+1, err)
		}
		p.Args = append(p.Args, arg)
		rest = after
	}
	p.Text, ok = strings.CutPrefix(rest, "\n")
	if !ok {
		return p, errors.New("the set line does not end")
	}
	p.Script = scriptName(p.Text)
	return p, nil
}

// unquote reads one word made of 'single quoted' parts and \' between them.
func unquote(s string) (word, rest string, err error) {
	if !strings.HasPrefix(s, "'") {
		return "", "", errors.New("not quoted")
	}
	var b strings.Builder
	for {
		switch {
		case strings.HasPrefix(s, "'"):
			end := strings.IndexByte(s[1:], '\'')
			if end < 0 {
				return "", "", errors.New("a quote is not closed")
			}
			b.WriteString(s[1 : 1+end])
			s = s[end+2:]
		case strings.HasPrefix(s, `\'`):
			b.WriteByte('\'')
			s = s[2:]
		default:
			return b.String(), s, nil
		}
	}
}

// scriptName finds the script's name in its first lines.
func scriptName(text string) string {
	for range 5 {
		line, rest, _ := strings.Cut(text, "\n")
		if name, ok := strings.CutPrefix(line, namePrefix); ok {
			return strings.TrimSpace(name)
		}
		text = rest
	}
	return ""
}
