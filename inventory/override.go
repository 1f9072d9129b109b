package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// nixIdent is an attribute name that Nix needs no quotes for.
var nixIdent = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_'-]*$`)

// JoinAttrPath writes an attribute path as Nix does, quoting what is no
// identifier: services.nginx.virtualHosts."example.org".
func JoinAttrPath(parts []string) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p
		if !nixIdent.MatchString(p) {
			out[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `${`, `\${`).Replace(p) + `"`
		}
	}
	return strings.Join(out, ".")
}

// SplitAttrPath is the inverse of JoinAttrPath. It is for keys of Override,
// which always split.
func SplitAttrPath(path string) ([]string, error) {
	var parts []string
	for rest := path; ; {
		part, after, err := cutAttr(rest)
		if err != nil {
			return nil, fmt.Errorf("attribute path %q: %w", path, err)
		}
		parts = append(parts, part)
		if after == "" {
			return parts, nil
		}
		if after[0] != '.' {
			return nil, fmt.Errorf("attribute path %q: want a dot after %q", path, part)
		}
		rest = after[1:]
	}
}

// cutAttr takes the first name off a path.
func cutAttr(s string) (name, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		if !nixIdent.MatchString(s[:end]) {
			return "", "", fmt.Errorf("%q is not an attribute name (other than by quotes)", s[:end])
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], checkAttr(b.String())
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '$' && i+1 < len(s) && s[i+1] == '{':
			return "", "", fmt.Errorf("a ${...} in an attribute name")
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("a quote that is not closed")
}

func checkAttr(name string) error {
	if name == "" {
		return fmt.Errorf("an empty attribute name")
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return fmt.Errorf("control characters in the attribute name %q", name)
	}
	return nil
}

// readOverride reads [hosts.NAME.override]: NixOS options by attribute path,
// with the tables default and force for the other two priorities.
func (r *reader) readOverride(h *hostDraft, n *node) {
	outer := r.path
	defer func() { r.path = outer }()
	if !r.isTable(n) {
		return
	}
	h.lines = map[string]int{}
	plain := &node{kind: kindTable}
	for _, k := range n.kids {
		if k.kind == kindTable && (k.key == "default" || k.key == "force") {
			r.path = append(slices.Clip(outer), n.key, k.key)
			into := r.readOptions(h, n.key+"."+k.key, k)
			if k.key == "default" {
				h.override.Default = into
			} else {
				h.override.Force = into
			}
			continue
		}
		plain.kids = append(plain.kids, k)
	}
	r.path = append(slices.Clip(outer), n.key)
	h.override.Plain = r.readOptions(h, n.key, plain)
}

// readOptions reads the options of one priority.
func (r *reader) readOptions(h *hostDraft, key string, n *node) map[string]any {
	if len(n.kids) == 0 {
		return nil
	}
	o := optionReader{reader: r, out: map[string]any{}, nodes: map[string]*node{}}
	for _, k := range n.kids {
		// A key of the first level is a path of its own ("services.nginx.enable").
		parts, err := SplitAttrPath(k.key)
		if err != nil {
			r.report(k.keyOff, `such as "services.nginx.enable"`, "%v", err)
			continue
		}
		o.option(parts, k)
	}
	o.refuseNested()
	for path, k := range o.nodes {
		h.lines[key+"."+path] = r.line(k)
	}
	return o.out
}

type optionReader struct {
	*reader
	out   map[string]any
	nodes map[string]*node
}

// option reads k, the value at the path parts. Below a header or a dotted key
// each key is one attribute name; a value in braces is an attribute set.
func (o *optionReader) option(parts []string, k *node) {
	if k.kind == kindTable && k.origin != fromValue {
		for _, c := range k.kids {
			if err := checkAttr(c.key); err != nil {
				o.report(c.keyOff, "", "%v", err)
				continue
			}
			o.option(append(slices.Clip(parts), c.key), c)
		}
		return
	}
	path := JoinAttrPath(parts)
	if first := o.nodes[path]; first != nil {
		o.addDuplicate(int(k.keyOff), int(first.keyOff), path)
		return
	}
	if v, ok := o.nixValue(k, path); ok {
		o.out[path], o.nodes[path] = v, k
	}
}

// refuseNested reports an option that is set both as a whole and in part.
func (o *optionReader) refuseNested() {
	for path, k := range o.nodes {
		parts, err := SplitAttrPath(path)
		if err != nil {
			continue // every key was joined from parts
		}
		for i := 1; i < len(parts); i++ {
			whole := JoinAttrPath(parts[:i])
			if first := o.nodes[whole]; first != nil {
				o.report(k.keyOff, "set one of the two", "%s is a part of %s, which line %d sets", path, whole, o.line(first))
			}
		}
	}
}

// nixValue gives the value of k as string, bool, int64, float64, []any or
// map[string]any: what has a counterpart in Nix.
func (r *reader) nixValue(k *node, path string) (any, bool) {
	fail := func(format string, args ...any) (any, bool) {
		r.report(k.off, "", "%s: %s", path, fmt.Sprintf(format, args...))
		return nil, false
	}
	switch k.kind {
	case kindString:
		if strings.ContainsRune(k.text, 0) {
			return fail("a NUL byte, which Nix has no way to write")
		}
		return k.text, true
	case kindBool:
		return k.text == "true", true
	case kindInt:
		v, err := parseInteger(k.text)
		if err != nil {
			return fail("%s is not an integer of 64 bits", k.text)
		}
		return v, true
	case kindFloat:
		v, err := parseFloat(k.text)
		if err != nil {
			return fail("%v", err)
		}
		return v, true
	case kindArray:
		return r.nixList(k, path)
	case kindTable:
		return r.nixSet(k, path)
	}
	return fail("Nix has no dates; write it as a string")
}

func (r *reader) nixList(k *node, path string) (any, bool) {
	out := make([]any, 0, len(k.kids))
	good := true
	for _, e := range k.kids {
		v, ok := r.nixValue(e, path)
		good = good && ok
		out = append(out, v)
	}
	return slices.Clip(out), good
}

func (r *reader) nixSet(k *node, path string) (any, bool) {
	out := make(map[string]any, len(k.kids))
	good := true
	for _, c := range k.kids {
		if err := checkAttr(c.key); err != nil {
			r.report(c.keyOff, "", "%v", err)
			good = false
			continue
		}
		v, ok := r.nixValue(c, path)
		good = good && ok
		out[c.key] = v
	}
	return out, good
}
