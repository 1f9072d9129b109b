package flake

import (
	"maps"
	"slices"
)

// declared is what flake.nix says of its inputs, read without Nix.
type declared struct {
	names map[string]bool
	// unknown says that there may be more, written in a way that only Nix can
	// evaluate.
	unknown bool
}

func (d declared) none() bool       { return len(d.names) == 0 && !d.unknown }
func (d declared) sorted() []string { return slices.Sorted(maps.Keys(d.names)) }

// maxFlakeNix bounds the text that is read here; people write a few KiB.
const maxFlakeNix = 1 << 20

// declaredInputs reads the top-level `inputs` of a flake.nix, and the inputs
// that only the arguments of `outputs` name (Nix takes those from its
// registry, and locks them too).
//
// Nix itself wants a flake.nix to be a literal attribute set with literal
// inputs, so that this finds nearly everything that people write.
func declaredInputs(src []byte) declared {
	if len(src) > maxFlakeNix {
		return declared{unknown: true}
	}
	p := &inputParser{tokens: nixTokens(src), found: declared{names: map[string]bool{}}}
	if p.skipTo("{") {
		p.bindings(p.topLevel)
	}
	return p.found
}

// inputParser walks the tokens of a flake.nix.
type inputParser struct {
	tokens []nixToken
	at     int
	found  declared
}

func (p *inputParser) peek() nixToken {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return nixToken{}
}

func (p *inputParser) next() nixToken {
	t := p.peek()
	p.at++
	return t
}

func (p *inputParser) done() bool { return p.at >= len(p.tokens) }

// skipTo moves behind the next token that is text.
func (p *inputParser) skipTo(text string) bool {
	for !p.done() {
		if p.next().is(text) {
			return true
		}
	}
	return false
}

// bindings reads `path = value;` up to the closing brace of the set that was
// opened last, and hands each path to one, which may read the value or leave
// it. A path part that only Nix knows is "".
func (p *inputParser) bindings(one func(path []string)) {
	for !p.done() && !p.peek().closes() { // in broken text it may be another bracket
		path := p.attrPath()
		if p.peek().is("=") {
			p.next()
			one(path)
		} else if len(path) > 0 && path[0] == "inherit" {
			p.inherited(one)
		}
		p.skipValue()
	}
	p.next()
}

// attrPath reads a.b."c": up to "=" or something else.
func (p *inputParser) attrPath() []string {
	var path []string
	for !p.done() {
		t := p.peek()
		switch t.kind {
		case nixName, nixString:
			path = append(path, t.text)
			p.next()
		case nixDynamic:
			path = append(path, "")
			p.next()
			p.skipBalanced()
		default:
			return path
		}
		if !p.peek().is(".") {
			return path
		}
		p.next()
	}
	return path
}

// inherited hands each name of `inherit a b;` or `inherit (x) a b;` to one.
func (p *inputParser) inherited(one func(path []string)) {
	for !p.done() && !p.peek().is(";") {
		switch t := p.next(); {
		case t.is("("):
			p.skipBalanced()
		case t.kind == nixName || t.kind == nixString:
			one([]string{t.text})
		}
	}
}

// skipValue moves behind the ";" that ends a binding; in broken text it stops
// before the set's closing brace.
func (p *inputParser) skipValue() {
	for !p.done() {
		t := p.peek()
		if t.closes() {
			return
		}
		p.next()
		if t.is(";") {
			return
		}
		if t.opens() {
			p.skipBalanced()
		}
	}
}

// skipBalanced moves behind the bracket that closes the one just read.
func (p *inputParser) skipBalanced() {
	for depth := 1; depth > 0 && !p.done(); {
		switch t := p.next(); {
		case t.opens():
			depth++
		case t.closes():
			depth--
		}
	}
}

func (p *inputParser) topLevel(path []string) {
	switch {
	case len(path) == 0 || path[0] == "":
		p.found.unknown = true
	case path[0] == "outputs" && len(path) == 1:
		p.outputs()
	case path[0] != "inputs":
	case len(path) > 1:
		p.declare(path[1:])
	case p.peek().is("{"):
		p.next()
		p.bindings(p.declare)
		// What follows the set ("// more") is not plain.
		if !p.peek().is(";") {
			p.found.unknown = true
		}
	default:
		p.found.unknown = true
	}
}

func (p *inputParser) declare(path []string) {
	if len(path) == 0 || path[0] == "" {
		p.found.unknown = true
		return
	}
	p.found.names[path[0]] = true
}

// outputs reads the names in `{ self, nixpkgs, ... }:`, `args@{ ... }:`.
func (p *inputParser) outputs() {
	if p.peek().kind == nixName && p.at+1 < len(p.tokens) && p.tokens[p.at+1].is("@") {
		p.at += 2
	}
	if !p.peek().is("{") {
		return
	}
	p.next()
	var names []string
	for !p.done() && !p.peek().closes() {
		if t := p.next(); t.kind == nixName && t.text != "self" {
			names = append(names, t.text)
		}
		p.skipDefault()
	}
	p.next()
	if !p.peek().is(":") && !p.peek().is("@") {
		return // a set, not the arguments of a function
	}
	for _, name := range names {
		p.found.names[name] = true
	}
}

// skipDefault moves behind the "," that ends a formal argument.
func (p *inputParser) skipDefault() {
	for !p.done() && !p.peek().closes() {
		t := p.next()
		if t.is(",") {
			return
		}
		if t.opens() {
			p.skipBalanced()
		}
	}
}
