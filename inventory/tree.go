package inventory

import (
	"errors"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// kind is what a node of the tree holds.
type kind uint8

const (
	kindString kind = iota
	kindInt
	kindFloat
	kindBool
	kindDate // any of TOML's four: hosts.toml has no use for them
	kindArray
	kindTable
)

func (k kind) String() string {
	return [...]string{"a string", "an integer", "a float", "a boolean", "a date or time", "an array", "a table"}[k]
}

// origin says how a table came to be, which decides what may still be added.
type origin uint8

const (
	fromValue  origin = iota // a value, closed once it is written
	fromPath                 // only as a part of a longer [header]
	fromHeader               // by a [header] of its own
	fromDots                 // by a dotted key
	fromArray                // an array of tables, by [[header]]
)

// node is a key with its value. Offsets point into the file.
type node struct {
	kind   kind
	origin origin
	keyOff uint32
	off    uint32 // of the value, or of the key where a value has no place of its own
	key    string
	text   string  // of a scalar: the string itself, or the literal as written
	kids   []*node // of a table (in the order of the file) or an array
	index  map[string]*node
}

// indexAbove is the number of keys from which a table is searched by map.
const indexAbove = 16

func (n *node) child(key string) *node {
	if n.index != nil {
		return n.index[key]
	}
	for _, k := range n.kids {
		if k.key == key {
			return k
		}
	}
	return nil
}

func (n *node) addChild(c *node) {
	n.kids = append(n.kids, c)
	if n.index != nil {
		n.index[c.key] = c
	} else if len(n.kids) > indexAbove {
		n.index = make(map[string]*node, 4*indexAbove)
		for _, k := range n.kids {
			n.index[k.key] = k
		}
	}
}

// document is the whole file as a tree.
type document struct {
	root *node
	// damaged says that a syntax error hid a part of the file, so that what
	// seems to be missing may only be unread.
	damaged bool
}

// maxSyntaxErrors bounds how often the parser is restarted in one file.
const maxSyntaxErrors = 20

// resumable matches the header of a table of hosts.toml, from which reading
// can go on after a syntax error.
var resumable = regexp.MustCompile(`(?m)^[ \t]*\[{1,2}[ \t]*(?:fleet|flake|ssh|plans|stages|checks|users|targets|hosts)[ \t]*[\].]`)

// parseTree reads data into a tree and reports syntax errors and duplicates.
func parseTree(data []byte, c *collector) *document {
	b := &builder{problems: c, root: &node{kind: kindTable, origin: fromHeader}}
	doc := &document{root: b.root}
	var p unstable.Parser
	for start, errs := 0, 0; start <= len(data); {
		p.Reset(data[start:])
		b.base, b.current = start, b.root
		b.readAll(&p)
		doc.damaged = doc.damaged || b.stopped || p.Error() != nil
		if b.stopped || p.Error() == nil {
			return doc
		}
		off := start + b.reportSyntax(&p)
		if errs++; errs == maxSyntaxErrors {
			return doc
		}
		next := bytesAfterLine(data, off)
		loc := resumable.FindIndex(data[next:])
		if loc == nil {
			return doc
		}
		start = next + loc[0]
	}
	return doc
}

// bytesAfterLine gives the offset of the line after the one that off is in.
func bytesAfterLine(data []byte, off int) int {
	for off < len(data) && data[off] != '\n' {
		off++
	}
	return min(off+1, len(data))
}

// builder turns the parser's expressions into a tree, with TOML's own rules on
// what may be defined twice.
type builder struct {
	problems *collector
	root     *node
	current  *node // table of the last header; nil when that header was refused
	base     int   // offset of the parser's input in the file
	stopped  bool  // by a limit: what follows was not read
	slab     []node
}

// readAll reads expressions until the end, an error or a limit.
func (b *builder) readAll(p *unstable.Parser) {
	for !b.stopped && p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			b.current = b.openTable(e, false)
		case unstable.ArrayTable:
			b.current = b.openTable(e, true)
		case unstable.KeyValue:
			if b.current != nil { // else its table is already a problem
				b.assign(p, b.current, e)
			}
		}
	}
}

// reportSyntax reports the parser's error and returns its offset in the
// parser's input.
func (b *builder) reportSyntax(p *unstable.Parser) int {
	var perr *unstable.ParserError
	if !errors.As(p.Error(), &perr) {
		b.problems.add(b.base, "", "not valid TOML: %v", p.Error())
		return 0
	}
	off := max(0, min(cap(p.Data())-cap(perr.Highlight), len(p.Data())))
	hint := ""
	if strings.HasPrefix(perr.Message, "unexpected character") || strings.HasPrefix(perr.Message, "expected keyword") {
		hint = `text is quoted: key = "value"`
	}
	b.problems.add(b.base+off, hint, "not valid TOML: %s", perr.Message)
	return off
}

func (b *builder) newNode(n node) *node {
	if len(b.slab) == cap(b.slab) {
		b.slab = make([]node, 0, 512)
	}
	b.slab = append(b.slab, n)
	return &b.slab[len(b.slab)-1]
}

// openTable finds or makes the table of a header; nil when the header clashes
// with what the file has already.
func (b *builder) openTable(e *unstable.Node, array bool) *node {
	t := b.root
	for it := e.Key(); it.Next(); {
		part := it.Node()
		off := uint32(b.base) + part.Raw.Offset
		key := string(part.Data)
		last := part.Next() == nil
		child := t.child(key)
		switch {
		case child == nil:
			child = b.newNode(node{kind: kindTable, origin: fromPath, key: key, keyOff: off, off: off})
			if last && array {
				child.kind, child.origin = kindArray, fromArray
			} else if last {
				child.origin = fromHeader
			}
			b.add(t, child)
		case last && !array && child.kind == kindTable && child.origin == fromPath:
			child.origin, child.keyOff, child.off = fromHeader, off, off
		case last && array && child.origin == fromArray:
		case !last && (child.kind == kindTable && child.origin != fromValue || child.origin == fromArray):
		default:
			b.duplicate(off, child)
			return nil
		}
		if child.origin == fromArray {
			child = b.element(child, off, last)
		}
		t = child
	}
	return t
}

// element gives the table of an array of tables that a header speaks of: a new
// one for its own [[header]], else the last.
func (b *builder) element(array *node, off uint32, fresh bool) *node {
	if fresh {
		array.kids = append(array.kids, b.newNode(node{kind: kindTable, origin: fromHeader, keyOff: off, off: off}))
	}
	return array.kids[len(array.kids)-1]
}

// add puts child into t, up to the limit of a table.
func (b *builder) add(t, child *node) {
	if len(t.kids) >= maxEntries {
		if !b.stopped {
			b.problems.add(int(child.keyOff), "", "more than %d keys in one table", maxEntries)
		}
		b.stopped = true
		return
	}
	t.addChild(child)
}

// assign puts a key-value into table t.
func (b *builder) assign(p *unstable.Parser, t *node, kv *unstable.Node) {
	var last *unstable.Node
	for it := kv.Key(); it.Next(); {
		if last != nil {
			if t = b.step(t, last); t == nil {
				return
			}
		}
		last = it.Node()
	}
	off := uint32(b.base) + last.Raw.Offset
	key := string(last.Data)
	if old := t.child(key); old != nil {
		b.duplicate(off, old)
		return
	}
	n := b.value(p, kv.Value())
	n.key, n.keyOff = key, off
	place(n, valueOffset(p.Data(), last, b.base))
	b.add(t, n)
}

// place gives an array that the parser has no place for, and such arrays in
// it, the offset off.
func place(n *node, off uint32) {
	if n.off == 0 {
		n.off = off
	}
	if n.kind == kindArray {
		for _, k := range n.kids {
			place(k, n.off)
		}
	}
}

// step goes down one part of a dotted key.
func (b *builder) step(t *node, part *unstable.Node) *node {
	off := uint32(b.base) + part.Raw.Offset
	child := t.child(string(part.Data))
	if child == nil {
		child = b.newNode(node{kind: kindTable, origin: fromDots, key: string(part.Data), keyOff: off, off: off})
		b.add(t, child)
		return child
	}
	if child.kind != kindTable || child.origin != fromDots {
		b.duplicate(off, child)
		return nil
	}
	return child
}

func (b *builder) duplicate(off uint32, old *node) {
	b.problems.addDuplicate(int(off), int(old.keyOff), old.key)
}

// valueOffset finds where a value begins that the parser gives no place for:
// behind the '=' after its key.
func valueOffset(data []byte, key *unstable.Node, base int) uint32 {
	i := int(key.Raw.Offset + key.Raw.Length)
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '=') {
		i++
	}
	return uint32(base + i)
}

// value copies a value out of the parser's memory. Its depth was limited
// before the parser ran.
func (b *builder) value(p *unstable.Parser, v *unstable.Node) *node {
	n := b.newNode(node{})
	if v.Raw.Length > 0 {
		n.off = uint32(b.base) + v.Raw.Offset
	}
	switch v.Kind {
	case unstable.Array:
		n.kind = kindArray
		for it := v.Children(); it.Next(); {
			n.kids = append(n.kids, b.value(p, it.Node()))
		}
		return n
	case unstable.InlineTable:
		n.kind, n.origin = kindTable, fromDots // open to its own dotted keys, closed below
		for it := v.Children(); it.Next(); {
			b.assign(p, n, it.Node())
		}
		closeTable(n)
		return n
	case unstable.String:
		n.kind = kindString
	case unstable.Integer:
		n.kind = kindInt
	case unstable.Float:
		n.kind = kindFloat
	case unstable.Bool:
		n.kind = kindBool
	default:
		n.kind = kindDate
	}
	n.text = string(v.Data)
	return n
}

// closeTable makes an inline table, and what its dotted keys made, unchangeable.
func closeTable(n *node) {
	for _, k := range n.kids {
		if k.kind == kindTable && k.origin == fromDots {
			closeTable(k)
		}
	}
	n.origin = fromValue
}
