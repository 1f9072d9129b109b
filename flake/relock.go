package flake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// WithoutLocks is f without what its flake.lock says of the named inputs, or
// without the lock when no name is given: so LockCommand, which only locks what
// is missing, chooses them anew. That is the same with every version of Nix,
// here and on a host. A name that f has no input of is a *Refusal.
func (f *Flake) WithoutLocks(names ...string) (*Flake, error) {
	if err := f.CheckInputs(names...); err != nil {
		return nil, err
	}
	var files []File
	for _, one := range f.Files {
		if one.Path == lockName {
			if len(names) == 0 {
				continue
			}
			data, err := withoutInputs(one.Data, names)
			if err != nil {
				return nil, &Refusal{What: lockName + ": " + err.Error(), Hint: "lock all inputs anew: nixdeploy lock --update"}
			}
			one.Data = data
		}
		files = append(files, one)
	}
	out, err := newFlake(f.Source, files)
	if err != nil {
		return nil, err
	}
	out.Dirty, out.Warnings = f.Dirty, f.Warnings
	return out, nil
}

// CheckInputs refuses names that f has no input of, as a *Refusal.
func (f *Flake) CheckInputs(names ...string) error {
	known := f.inputs()
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := "it has no inputs"
		if len(known) > 0 {
			hint = "its inputs: " + strings.Join(known, ", ")
		}
		return &Refusal{What: fmt.Sprintf("the flake has no input %q", name), Hint: hint}
	}
	return nil
}

// inputs are those that flake.nix declares or flake.lock locks, sorted.
func (f *Flake) inputs() []string {
	names := map[string]bool{}
	if nix := file(f.Files, flakeName); nix != nil {
		maps.Copy(names, declaredInputs(nix.Data).names)
	}
	if lock := file(f.Files, lockName); lock != nil {
		for name := range LockedInputs(lock.Data) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// withoutInputs takes inputs off the root of a lock, and leaves all else as it
// was written. What nothing leads to any more Nix drops by itself.
func withoutInputs(lock []byte, names []string) ([]byte, error) {
	if _, err := parseLock(lock); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(lock))
	dec.UseNumber() // a date stays what it is
	var whole map[string]any
	if err := dec.Decode(&whole); err != nil {
		return nil, err
	}
	root, _ := whole["root"].(string)
	nodes, _ := whole["nodes"].(map[string]any)
	node, _ := nodes[root].(map[string]any)
	inputs, _ := node["inputs"].(map[string]any)
	for _, name := range names {
		delete(inputs, name)
	}
	return json.MarshalIndent(whole, "", "  ")
}

// LockedInput is what a flake.lock holds of one input.
type LockedInput struct {
	Reference string    `json:"reference"`          // what it was made for, such as github:NixOS/nixpkgs/nixos-26.05
	Revision  string    `json:"revision,omitempty"` // of a git repository
	Hash      string    `json:"hash"`               // SRI, of its contents
	Date      time.Time `json:"date,omitzero"`      // of its last change, UTC
	// StandIn says that it is a folder of the machine that locked it.
	StandIn bool `json:"stand_in,omitempty"`
}

// LockedInputs reads the inputs of a flake.lock by name. What cannot be read is
// left out: LockState says what is wrong with it.
func LockedInputs(lock []byte) map[string]LockedInput {
	l, err := parseLock(lock)
	if err != nil {
		return nil
	}
	out := map[string]LockedInput{}
	for name, ref := range l.Nodes[l.Root].Inputs {
		if ref.isPath {
			continue // another input by another name
		}
		node, ok := l.Nodes[ref.Node]
		if !ok {
			continue
		}
		in := LockedInput{}
		in.Reference, _ = originalReference(node.Original)
		in.Revision, _ = node.Locked["rev"].(string)
		in.Hash, _ = node.Locked["narHash"].(string)
		if seconds, ok := node.Locked["lastModified"].(float64); ok && seconds > 0 {
			in.Date = time.Unix(int64(seconds), 0).UTC()
		}
		kind, _ := node.Locked["type"].(string)
		place, _ := node.Locked["path"].(string)
		in.StandIn = kind == "path" && strings.HasPrefix(place, "/")
		out[name] = in
	}
	return out
}

// LockChange is one input that two locks have differently.
type LockChange struct {
	Input string       `json:"input"`
	From  *LockedInput `json:"from,omitempty"` // nil: it was not locked
	To    *LockedInput `json:"to,omitempty"`   // nil: it is no input any more
}

// LockChanges says which inputs moved from one flake.lock to another, by name.
func LockChanges(before, after []byte) []LockChange {
	old, now := LockedInputs(before), LockedInputs(after)
	names := map[string]bool{}
	for name := range old {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	var out []LockChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		change := LockChange{Input: name}
		from, was := old[name]
		to, is := now[name]
		if was && is && from == to {
			continue
		}
		if was {
			change.From = &from
		}
		if is {
			change.To = &to
		}
		out = append(out, change)
	}
	return out
}
