package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"
)

func treeOf(text string) (*document, *collector) {
	c := &collector{lines: newLineIndex([]byte(text))}
	return parseTree([]byte(text), c), c
}

// outline writes a tree as text: keys, and in brackets what they hold.
func outline(n *node) string {
	if n.kind != kindTable && n.kind != kindArray {
		return n.text
	}
	parts := make([]string, len(n.kids))
	for i, k := range n.kids {
		parts[i] = outline(k)
		if n.kind == kindTable {
			parts[i] = k.key + "=" + parts[i]
		}
	}
	if n.kind == kindArray {
		return "[" + strings.Join(parts, " ") + "]"
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func TestTree(t *testing.T) {
	for text, want := range map[string]string{
		"a = 1\nb.c = 'x'\nb.d = true":           "{a=1 b={c=x d=true}}",
		"[a.b]\nc = 1\n[a]\nd = 2":               "{a={b={c=1} d=2}}",
		"[a]\nb.c = 1\n[a.b.d]\ne = 2":           "{a={b={c=1 d={e=2}}}}",
		"[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 2":      "{a=[{b=1} {c={d=2}}]}",
		"a = [1, [2, {b = 3}], []]":              "{a=[1 [2 {b=3}] []]}",
		"a = {b.c = 1, b.d = 2, \"e.f\" = \"\"}": "{a={b={c=1 d=2} e.f=}}",
		"\"a\\u00e4\" = \"\\\"\"":                "{a\u00e4=\"}",
	} {
		doc, c := treeOf(text)
		if got := outline(doc.root); got != want || len(c.list) > 0 || doc.damaged {
			t.Errorf("%s\ngot  %s %v\nwant %s", text, got, c.list, want)
		}
	}
}

// TOML forbids to define a thing twice, or to extend what is closed. The first
// definition stands, and reading goes on.
func TestTreeRefusesClashes(t *testing.T) {
	for text, want := range map[string]string{
		"a = 1\na = 2\nb = 3":                      "{a=1 b=3}",
		"[a]\nb = 1\n[a]\nc = 2\n[d]\ne = 3":       "{a={b=1} d={e=3}}",
		"a = 1\n[a]\nb = 2":                        "{a=1}",
		"a = 1\n[a.b]\nc = 2":                      "{a=1}",
		"a = {b = 1}\n[a.c]\nd = 2":                "{a={b=1}}",
		"a = {b.c = 1}\n[a.b.d]\ne = 2":            "{a={b={c=1}}}",
		"a = {b = 1}\na.c = 2":                     "{a={b=1}}",
		"a = {b = 1, b = 2}":                       "{a={b=1}}",
		"a = [{b = 1, b.c = 2}]":                   "{a=[{b=1}]}",
		"a = [1]\n[[a]]\nb = 2":                    "{a=[1]}",
		"[[a]]\nb = 1\n[a]\nc = 2":                 "{a=[{b=1}]}",
		"[a]\nb = 1\n[[a]]\nc = 2":                 "{a={b=1}}",
		"[a.b]\nc = 1\n[a]\nb.d = 2\ne = 3":        "{a={b={c=1} e=3}}",
		"[a]\nb.c = 1\n[a.b]\nd = 2":               "{a={b={c=1}}}",
		"a.b = 1\na.b.c = 2\na.d = 3":              "{a={b=1 d=3}}",
		"\"a\" = 1\n'a' = 2\n\"\\u0061\" = 3\nb=4": "{a=1 b=4}",
	} {
		doc, c := treeOf(text)
		if got := outline(doc.root); got != want || len(c.list) == 0 {
			t.Errorf("%s\ngot  %s %v\nwant %s", text, got, c.list, want)
		}
		if toml.Unmarshal([]byte(text), new(map[string]any)) == nil {
			t.Errorf("%s\nthe library has nothing against it", text)
		}
	}
}

// Small documents made of few keys clash often. Where the library's decoder
// reads one, we read the same, and where it refuses, so do we.
func TestTreeAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[ab](\.[abc]){0,2}`)
		line := rapid.OneOf(
			rapid.Map(key, func(k string) string { return "[" + k + "]" }),
			rapid.Map(key, func(k string) string { return "[[" + k + "]]" }),
			rapid.Map(key, func(k string) string { return k + " = 1" }),
			rapid.Custom(func(t *rapid.T) string {
				return fmt.Sprintf("%s = {%s = 1, %s = [2, {%s = 3}]}", key.Draw(t, "k"), key.Draw(t, "x"), key.Draw(t, "y"), key.Draw(t, "z"))
			}),
		)
		text := strings.Join(rapid.SliceOfN(line, 1, 8).Draw(t, "lines"), "\n")
		var want map[string]any
		err := toml.Unmarshal([]byte(text), &want)
		doc, c := treeOf(text)
		if (err != nil) != (len(c.list) > 0) {
			t.Fatalf("%s\nthe library: %v\nhere: %v", text, err, c.list)
		}
		if err == nil {
			if diff := cmp.Diff(any(want), plain(doc.root)); diff != "" {
				t.Fatalf("%s\n(-library +here):\n%s", text, diff)
			}
		}
	})
}

// plain gives a tree of integers as the library's decoder does.
func plain(n *node) any {
	switch n.kind {
	case kindTable:
		out := map[string]any{}
		for _, k := range n.kids {
			out[k.key] = plain(k)
		}
		return out
	case kindArray:
		out := make([]any, len(n.kids))
		for i, k := range n.kids {
			out[i] = plain(k)
		}
		return out
	}
	v, err := parseInteger(n.text)
	if err != nil {
		return err
	}
	return v
}

func TestPositions(t *testing.T) {
	x := newLineIndex([]byte("ab\n\u00e4\u00f6x\r\n\nlast"))
	for off, want := range map[int][2]int{
		0: {1, 1}, 2: {1, 3}, 3: {2, 1}, 7: {2, 3}, 10: {3, 1}, 11: {4, 1}, 15: {4, 5}, 99: {4, 5}, -1: {1, 1},
	} {
		if line, col := x.position(off); line != want[0] || col != want[1] {
			t.Errorf("offset %d is %d:%d, want %v", off, line, col, want)
		}
	}
}
