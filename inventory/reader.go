package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reader walks the tree and turns values into settings. It goes on after each
// problem, so that all of them are found in one pass.
type reader struct {
	*collector
	schema  schema
	damaged bool     // see document.damaged
	path    []string // table being read, for messages

	checks     map[string]Check
	checkNames []string
	users      []string // names, sorted
	targets    map[string]*layer
	stages     map[string]*stageDraft
	stageNames []string // [stages] order
	orderKnown bool     // there is an order, so that a stage can be missing from it
}

// bareKey is a key that TOML needs no quotes for.
var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// tablePath writes a table as its header: [hosts.web-1].
func tablePath(parts []string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = p
		if !bareKey.MatchString(p) {
			quoted[i] = strconv.Quote(p)
		}
	}
	return "[" + strings.Join(quoted, ".") + "]"
}

// report adds a problem at off, prefixed with the table that is being read.
func (r *reader) report(off uint32, hint, format string, args ...any) {
	if r.full() {
		r.add(int(off), "", "")
		return
	}
	where := ""
	if len(r.path) > 0 {
		where = tablePath(r.path) + " "
	}
	r.add(int(off), hint, "%s%s", where, fmt.Sprintf(format, args...))
}

// bad reports that the value of n is wrong.
func (r *reader) bad(n *node, hint, format string, args ...any) {
	if r.full() {
		r.add(int(n.off), "", "")
		return
	}
	r.report(n.off, hint, "%s: %s", n.key, fmt.Sprintf(format, args...))
}

// wrongType reports that n is not what the schema wants.
func (r *reader) wrongType(n *node, want, hint string) {
	r.bad(n, hint, "this is %s, want %s", n.kind, want)
}

// missing reports a key that must be there, unless a syntax error may have
// hidden it.
func (r *reader) missing(off uint32, hint, format string, args ...any) {
	if !r.damaged {
		r.report(off, hint, format, args...)
	}
}

// unknownRef reports a name that nothing is called, unless a syntax error may
// have hidden the table of that name.
func (r *reader) unknownRef(n *node, kind, plural string, names []string) {
	if r.damaged {
		return
	}
	hint := ""
	if !r.full() {
		hint = didYouMean(n.text, plural, names)
	}
	r.bad(n, hint, "there is no %s called %q", kind, n.text)
}

// line is where n's key stands.
func (r *reader) line(n *node) int { return r.lines.line(int(n.keyOff)) }

// isTable reports whether n is a table, and that it must be one if not.
func (r *reader) isTable(n *node) bool {
	if n.kind == kindTable {
		return true
	}
	header := tablePath(append(slices.Clip(r.path), n.key))
	r.wrongType(n, "a table", "write "+header)
	return false
}

// each hands the known keys of table n to read and reports the others.
func (r *reader) each(n *node, s scope, read func(k *node)) {
	for _, k := range n.kids {
		if r.schema.has(s, k.key) {
			read(k)
		} else {
			r.unknownKey(k, s)
		}
	}
}

// named hands the tables of n ([stages.NAME], [hosts.NAME], ...) to read, with
// the path set for messages. What should be a table and is none is nil.
func (r *reader) named(n *node, read func(name string, t *node)) {
	outer := r.path
	for _, t := range n.kids {
		name := t.key
		if !r.isTable(t) {
			t = nil
		}
		r.path = append(slices.Clip(outer), name)
		if t != nil && !validName(name) {
			r.report(t.keyOff, hintName, "%q is not a name", name)
		}
		read(name, t)
		r.path = outer
	}
}

func (r *reader) unknownKey(k *node, s scope) {
	if r.full() {
		r.add(int(k.keyOff), "", "")
		return
	}
	what := "key"
	if k.kind == kindTable && k.origin != fromValue {
		what = "table"
	}
	r.report(k.keyOff, r.schema.hint(k.key, s), "unknown %s %q", what, k.key)
}
