package flake

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// plainPart is an attribute name that needs no quotes in Nix.
var plainPart = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_'-]*$`)

// attrPath splits an attribute path as people write it in Nix, such as
// services.nginx.virtualHosts."a.b".root, into its parts. In quotes \" and \\
// are escapes; all else, ${ too, is plain text.
func attrPath(key string) ([]string, error) {
	var path []string
	for rest := key; ; {
		var part string
		var err error
		if strings.HasPrefix(rest, `"`) {
			part, rest, err = quotedPart(rest[1:])
		} else {
			var found bool
			var tail string
			part, tail, found = strings.Cut(rest, ".")
			if rest = tail; found {
				rest = "." + tail
			}
			if !plainPart.MatchString(part) {
				err = fmt.Errorf("%q has to be quoted, or is empty", part)
			}
		}
		if err != nil {
			return nil, err
		}
		path = append(path, part)
		if rest == "" {
			return path, nil
		}
		if rest[0] != '.' {
			return nil, fmt.Errorf("expected a dot before %q", rest)
		}
		rest = rest[1:]
	}
}

// quotedPart reads up to the closing quote; s begins behind the opening one.
func quotedPart(s string) (part, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if b.Len() == 0 {
				return "", "", errors.New("a quoted part is empty")
			}
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("a quote is never closed")
}
