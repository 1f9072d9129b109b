package nixos

import (
	"maps"
	"regexp"
	"slices"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// sizeThreshold is the change of a package's size, in bytes, from which it is
// told: that of `nix store diff-closures`.
const sizeThreshold = 8 << 10

// noVersion stands for the version of a package without one.
const noVersion = "ε"

// storeItem is one store path of the closures that are compared.
type storeItem struct {
	name     string // without the folder and the hash
	bytes    int64  // of its NAR
	from, to bool   // in which of the two closures
}

// outputName is what a store path's name may end in. It cannot be told from a
// version like "unstable": diff-closures takes both for an output.
var outputName = regexp.MustCompile(`^(.*)-(?:[a-z]+|lib32|lib64)$`)

// splitName gives the package and its version: the version begins after the
// first dash that no letter follows.
func splitName(name string) (pkg, version string) {
	if m := outputName.FindStringSubmatch(name); m != nil {
		name = m[1]
	}
	for i := range len(name) - 1 {
		if c := name[i+1]; name[i] == '-' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return name[:i], name[i+1:]
		}
	}
	return name, ""
}

// packageSides are the versions of one package in both closures.
type packageSides struct {
	from, to map[string]bool
	bytes    int64 // by which it grows
}

// packageChanges compares two closures as `nix store diff-closures` does: a
// package is told when its versions differ, or its size by the threshold. It
// returns the sizes of both closures, too.
func packageChanges(items []storeItem) (changes []deploy.PackageChange, fromBytes, toBytes int64) {
	packages := map[string]*packageSides{}
	for _, item := range items {
		pkg, version := splitName(item.name)
		if version == "" {
			version = noVersion
		}
		p := packages[pkg]
		if p == nil {
			p = &packageSides{from: map[string]bool{}, to: map[string]bool{}}
			packages[pkg] = p
		}
		if item.from {
			p.from[version] = true
			p.bytes -= item.bytes
			fromBytes += item.bytes
		}
		if item.to {
			p.to[version] = true
			p.bytes += item.bytes
			toBytes += item.bytes
		}
	}
	changes = []deploy.PackageChange{}
	for _, pkg := range slices.Sorted(maps.Keys(packages)) {
		p := packages[pkg]
		c := deploy.PackageChange{Name: pkg, Old: without(p.from, p.to), New: without(p.to, p.from), Bytes: p.bytes}
		if len(c.Old)+len(c.New) > 0 || max(c.Bytes, -c.Bytes) >= sizeThreshold {
			changes = append(changes, c)
		}
	}
	return changes, fromBytes, toBytes
}

// without gives what is in a and not in b, sorted.
func without(a, b map[string]bool) []string {
	left := []string{}
	for _, version := range slices.Sorted(maps.Keys(a)) {
		if !b[version] {
			left = append(left, version)
		}
	}
	return left
}
