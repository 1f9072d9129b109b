package flake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// LockError says that a flake's inputs are not locked completely, so that a
// host would choose them by itself. Nothing was contacted; exit code 2.
type LockError struct {
	File    string   // the flake.lock, there or not
	Missing []string // inputs that it does not lock, sorted; may be empty
	Reason  string   // what is wrong, without the inputs' names
	Remedy  string   // what to do; "" for nixdeploy lock
}

// Hint is what to do about it.
func (e *LockError) Hint() string {
	if e.Remedy != "" {
		return e.Remedy
	}
	return "run: nixdeploy lock"
}

// Error names the file, what is wrong with it, the inputs, and the remedy.
func (e *LockError) Error() string {
	s := e.File + ": " + e.Reason
	if len(e.Missing) > 0 {
		s += ": " + strings.Join(e.Missing, ", ")
	}
	return s + "; " + e.Hint()
}

// LockState checks that flake.lock among files locks what flake.nix declares.
// The error is a *LockError, its File relative to the flake.
//
// What flake.nix declares is read without Nix, as far as it is written
// plainly; where it is not, the hosts refuse an incomplete lock themselves
// (they run with --no-update-lock-file).
func LockState(files []File) error {
	nix := file(files, flakeName)
	if nix == nil {
		return &LockError{File: lockName, Reason: "there is no flake.nix beside it"}
	}
	return lockState(files, declaredInputs(nix.Data))
}

func lockState(files []File, want declared) error {
	lock := file(files, lockName)
	if lock == nil {
		if want.none() {
			return nil
		}
		return &LockError{File: lockName, Missing: want.sorted(), Reason: "there is no lock and flake.nix has inputs"}
	}
	nodes, err := parseLock(lock.Data)
	if err != nil {
		return &LockError{File: lockName, Reason: err.Error()}
	}
	if bad := nodes.dangling(); len(bad) > 0 {
		return &LockError{File: lockName, Missing: bad, Reason: "it refers to inputs that it does not hold"}
	}
	if bad := nodes.unlocked(files); len(bad) > 0 {
		return &LockError{File: lockName, Missing: bad, Reason: "inputs without a locked hash (narHash)"}
	}
	var missing []string
	for _, name := range want.sorted() {
		if _, ok := nodes.Nodes[nodes.Root].Inputs[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return &LockError{File: lockName, Missing: missing, Reason: "it does not lock every input of flake.nix"}
	}
	return nil
}

// lockFile is flake.lock, versions 5 to 7 as Nix reads them
// (https://nix.dev/manual/nix/latest/command-ref/new-cli/nix3-flake#lock-files).
type lockFile struct {
	Version int
	Root    string
	Nodes   map[string]lockNode
}

type lockNode struct {
	Inputs   map[string]lockRef
	Locked   map[string]any
	Original map[string]any
}

// lockRef is an edge: the key of a node, or a path of inputs from the root
// (what "follows" becomes).
type lockRef struct {
	Node    string
	Follows []string
	isPath  bool
}

// UnmarshalJSON takes a string or a list of strings.
func (r *lockRef) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		r.isPath = true
		return json.Unmarshal(data, &r.Follows)
	}
	return json.Unmarshal(data, &r.Node)
}

func parseLock(data []byte) (lockFile, error) {
	var l lockFile
	if err := json.Unmarshal(data, &l); err != nil {
		return l, fmt.Errorf("it is not a lock that Nix wrote (%w)", err)
	}
	if l.Version < 5 || l.Version > 7 {
		return l, fmt.Errorf("lock version %d is not one of 5, 6, 7", l.Version)
	}
	if _, ok := l.Nodes[l.Root]; !ok {
		return l, fmt.Errorf("its root node %q is missing", l.Root)
	}
	return l, nil
}

// dangling names references (as node/input) that lead nowhere.
func (l lockFile) dangling() []string {
	var bad []string
	for _, key := range slices.Sorted(maps.Keys(l.Nodes)) {
		inputs := l.Nodes[key].Inputs
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			if _, ok := l.resolve(inputs[name], len(l.Nodes)+maxLinkHops); !ok {
				bad = append(bad, key+"/"+name)
			}
		}
	}
	return bad
}

// resolve follows ref to a node's key. hops bounds chains of follows, which
// may lead in a circle.
func (l lockFile) resolve(ref lockRef, hops int) (key string, ok bool) {
	if hops == 0 {
		return "", false
	}
	if !ref.isPath {
		_, ok := l.Nodes[ref.Node]
		return ref.Node, ok
	}
	key = l.Root
	for _, name := range ref.Follows {
		next, ok := l.Nodes[key].Inputs[name]
		if !ok {
			return "", false
		}
		if key, ok = l.resolve(next, hops-1); !ok {
			return "", false
		}
	}
	return key, true
}

var narHashForm = regexp.MustCompile(`^sha256-[A-Za-z0-9+/]{43}=$`)

// unlocked names the nodes that do not pin their contents. A relative path
// lies inside the flake and is pinned by the flake's own hash (Nix 2.26 writes
// it without narHash).
func (l lockFile) unlocked(files []File) []string {
	var bad []string
	for _, key := range slices.Sorted(maps.Keys(l.Nodes)) {
		if key == l.Root {
			continue
		}
		locked := l.Nodes[key].Locked
		hash, _ := locked["narHash"].(string)
		kind, _ := locked["type"].(string)
		place, _ := locked["path"].(string)
		switch {
		case kind == "" || kind == "indirect":
			bad = append(bad, key)
		case kind == "path" && place != "" && !path.IsAbs(place):
			if !l.holds(key, files, place) {
				bad = append(bad, key)
			}
		case !narHashForm.MatchString(hash):
			bad = append(bad, key)
		}
	}
	return bad
}

// holds reports whether a relative path input is part of the flake. Only
// those of the root are looked up: a path of another node is relative to that
// node, which its own hash pins.
func (l lockFile) holds(key string, files []File, place string) bool {
	ofRoot := false
	for _, ref := range l.Nodes[l.Root].Inputs {
		ofRoot = ofRoot || !ref.isPath && ref.Node == key
	}
	if !ofRoot {
		return true
	}
	place = path.Clean(place)
	return place == "." || slices.ContainsFunc(files, func(f File) bool {
		return f.Path == place || strings.HasPrefix(f.Path, place+"/")
	})
}
