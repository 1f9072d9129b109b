package inventory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// Load reads and validates the hosts.toml at path. The error is *Problems when
// the file can be read and is not valid, with all that is wrong; else it is
// one of the file system. Neither is worth a retry.
func Load(path string) (*Inventory, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the inventory: %w", err)
	}
	if !info.Mode().IsRegular() { // a named pipe would be waited for without end
		return nil, fmt.Errorf("reading the inventory: %s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the inventory: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the inventory: %w", err)
	}
	return Parse(path, data)
}

// Parse validates the text of a hosts.toml. path is for messages and for
// Inventory.Path, and is not opened. The error is always *Problems. A byte
// order mark and CRLF line ends are accepted, as Windows editors write them.
func Parse(path string, data []byte) (*Inventory, error) {
	sum := sha256.Sum256(data)
	text := bytes.TrimPrefix(data, bomUTF8)
	c := &collector{lines: newLineIndex(text)}
	inv := &Inventory{Path: path, Hash: hex.EncodeToString(sum[:])}
	if checkLimits(text, c) {
		doc := parseTree(text, c)
		r := &reader{
			collector: c, schema: newSchema(), damaged: doc.damaged,
			checks:     map[string]Check{BuiltinCheck: builtinCheck()},
			checkNames: []string{BuiltinCheck},
			targets:    map[string]*layer{},
			stages:     map[string]*stageDraft{},
		}
		for _, t := range builtinTargets() {
			r.targets[t] = &layer{from: "target " + t}
		}
		r.readFile(doc.root, inv)
	}
	if p := c.problems(path); p != nil {
		return nil, p
	}
	return inv, nil
}

func builtinCheck() Check {
	c := defaultCheck(BuiltinCheck)
	c.Type = CheckUnits
	return c
}

// readFile reads the whole tree into inv: first what is referred to, then what
// refers to it.
func (r *reader) readFile(root *node, inv *Inventory) {
	if len(root.kids) == 0 {
		r.missing(0, "a fleet needs [fleet], [stages] and [hosts.NAME]", "the file is empty")
		return
	}
	r.each(root, scopeFile, func(*node) {})
	r.table(root, "fleet", true, func(t *node) { inv.Fleet = r.readFleet(t) })
	inv.Flake = FlakeSource{Source: SourceRendered, Nixpkgs: DefaultNixpkgs}
	r.table(root, "flake", false, func(t *node) { inv.Flake = r.readFlake(t) })
	r.table(root, "plans", false, func(t *node) { inv.Plans = r.readPlans(t) })
	ssh := &layer{from: "ssh"}
	r.table(root, "ssh", false, func(t *node) { ssh = r.readSSH(t) })
	r.table(root, "checks", false, r.readChecks)
	r.table(root, "stages", true, r.readStages)
	r.table(root, "users", false, func(t *node) { inv.Users = r.readUsers(t) })
	r.table(root, "targets", false, r.readTargets)
	var drafts []*hostDraft
	r.table(root, "hosts", true, func(t *node) {
		if len(t.kids) == 0 {
			r.missing(t.keyOff, "such as [hosts.web-1]", "a table for each host is missing")
		}
		drafts = r.readHosts(t)
	})
	inv.Stages = r.finishStages(drafts)
	inv.Hosts = r.finishHosts(drafts, ssh)
}

// table hands the top-level table called key to read, if it is there.
func (r *reader) table(root *node, key string, required bool, read func(t *node)) {
	t := root.child(key)
	switch {
	case t == nil && required:
		header := "[" + key + "]"
		if key == "hosts" {
			header = "[hosts.NAME]"
		}
		r.missing(0, "", "%s is missing", header)
	case t != nil && r.isTable(t):
		r.path = []string{key}
		read(t)
		r.path = nil
	}
}

func (r *reader) readFleet(t *node) (name string) {
	if t.child("name") == nil {
		r.missing(t.keyOff, `such as name = "home"`, "name is missing")
	}
	r.each(t, scopeFleet, func(k *node) { name, _ = r.name(k) })
	return name
}

// source reads "rendered" or the path of a flake.
func (r *reader) source(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	switch {
	case strings.HasPrefix(s, "path:"):
		r.bad(n, fmt.Sprintf("the path alone: source = %q", strings.TrimPrefix(s, "path:")), "%q is a flake reference", s)
	case schemePattern.MatchString(s):
		r.bad(n, "clone it, and write the path of the clone; other flake references come later", "%q is a flake reference, want a path", s)
	case strings.HasPrefix(s, "~"):
		r.bad(n, "write the whole path, or one relative to hosts.toml", "%q begins with ~, which only a shell knows", s)
	case strings.ContainsAny(s, "#?"):
		r.bad(n, "the path of the flake's folder alone; a host's output is its attribute", "%q is not a path", s)
	case !strings.ContainsAny(s, "./") && s != SourceRendered && nearest(s, []string{SourceRendered}) != "":
		r.bad(n, fmt.Sprintf("did you mean %q? A folder of that name is \"./%s\"", SourceRendered, s), "%q is neither %q nor clearly a path", s, SourceRendered)
	default:
		return s, true
	}
	return "", false
}
