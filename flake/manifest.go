package flake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Manifest is what a flake was made of: enough to say later why another one has
// another hash. It holds no content.
type Manifest struct {
	// Renderer is the version of nixdeploy that rendered it, "" for a flake of the
	// user's own.
	Renderer string            `json:"renderer,omitempty"`
	Files    map[string]string `json:"files"`  // short hashes by path
	Inputs   map[string]string `json:"inputs"` // locked revision, or else narHash, by node of flake.lock
}

// Manifest takes down what f is made of, by the nixdeploy of that version.
func (f *Flake) Manifest(version string) Manifest {
	m := Manifest{Files: make(map[string]string, len(f.Files)), Inputs: map[string]string{}}
	if f.Source == inventory.SourceRendered {
		m.Renderer = version
	}
	for _, file := range f.Files {
		sum := sha256.New()
		_, _ = fmt.Fprintf(sum, "%t %q ", file.Executable, file.Link) // a hash takes everything
		_, _ = sum.Write(file.Data)
		m.Files[file.Path] = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	lock := file(f.Files, lockName)
	if lock == nil {
		return m
	}
	nodes, err := parseLock(lock.Data)
	if err != nil {
		return m // its hash among the files tells that it changed
	}
	for name, node := range nodes.Nodes {
		for _, key := range []string{"rev", "narHash"} {
			if is, ok := node.Locked[key].(string); ok {
				m.Inputs[name] = is
				break
			}
		}
	}
	return m
}

// Since says why m is not old: a change of nixdeploy, of inputs, of files. It is
// empty when nothing of what is kept tells them apart.
func (m Manifest) Since(old Manifest) []string {
	var why []string
	if m.Renderer != old.Renderer {
		why = append(why, "nixdeploy "+orNone(old.Renderer)+" -> "+orNone(m.Renderer))
	}
	inputs := changedKeys(old.Inputs, m.Inputs)
	for _, name := range inputs {
		why = append(why, name+" "+orNone(short(old.Inputs[name]))+" -> "+orNone(short(m.Inputs[name])))
	}
	var added, removed, changed []string
	for _, path := range changedKeys(old.Files, m.Files) {
		_, was := old.Files[path]
		_, is := m.Files[path]
		switch {
		case path == lockName && len(inputs) > 0: // told by its inputs
		case !was:
			added = append(added, path)
		case !is:
			removed = append(removed, path)
		default:
			changed = append(changed, path)
		}
	}
	for _, files := range []struct {
		word  string
		paths []string
	}{{"changed", changed}, {"added", added}, {"removed", removed}} {
		if len(files.paths) > 0 {
			why = append(why, files.word+" "+few(files.paths))
		}
	}
	return why
}

// changedKeys are the keys whose values differ, sorted.
func changedKeys(a, b map[string]string) []string {
	all := map[string]string{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	maps.DeleteFunc(all, func(key, _ string) bool {
		before, was := a[key]
		after, is := b[key]
		return was && is && before == after
	})
	return slices.Sorted(maps.Keys(all))
}

// few names some files and counts the rest.
func few(paths []string) string {
	const most = 4
	if len(paths) > most {
		return fmt.Sprintf("%s and %d more files", strings.Join(paths[:most], " "), len(paths)-most)
	}
	return strings.Join(paths, " ")
}

// short is the beginning of a revision or a hash, as people compare them.
func short(revision string) string {
	revision = strings.TrimPrefix(revision, sriPrefix)
	return revision[:min(7, len(revision))]
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
