package inventory

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// FlakeSource is [flake]: where the configuration comes from. Of a flake of the
// user's own only Source is set.
type FlakeSource struct {
	Source  string // "rendered", or the path of the user's own flake (relative to hosts.toml's folder)
	Nixpkgs string // flake reference of nixpkgs for the rendered flake
	Secrets string // the tool that decrypts secrets on the hosts: sops-nix or agenix; "" for none
	// Inputs has the references that [flake.inputs] sets, by name; Reference
	// knows the others, too.
	Inputs map[string]string
	// Overlays and Packages are Nix files beside hosts.toml that the rendered flake
	// takes in: overlays in their order, packages each called by callPackage.
	Overlays []NixFile
	Packages []NixFile
}

// NixFile is a Nix file, or a folder with a default.nix, that [flake] names.
type NixFile struct {
	Path string // relative to hosts.toml's folder, cleaned
	Line int    // of hosts.toml
}

// Name is what a package is called: its file without .nix.
func (f NixFile) Name() string { return strings.TrimSuffix(path.Base(f.Path), ".nix") }

// Rendered reports whether nixdeploy writes the flake itself.
func (s FlakeSource) Rendered() bool { return s.Source == SourceRendered }

// SourceRendered is the value of [flake] source that asks for a rendered flake.
const SourceRendered = "rendered"

// DefaultNixpkgs is what the rendered flake builds on when [flake] nixpkgs
// does not say.
const DefaultNixpkgs = "github:NixOS/nixpkgs/nixos-26.05"

// The values of [flake] secrets that add an input, named like it.
const (
	SecretsSops   = "sops-nix"
	SecretsAgenix = "agenix"
)

// inputNames are the inputs that [flake.inputs] may set.
func inputNames() []string {
	return []string{"nixos-wsl", "nixos-apple-silicon", "home-manager", SecretsSops, SecretsAgenix}
}

// InputNames are the inputs of the rendered flake, nixpkgs first, the chosen
// tool for secrets last.
func (s FlakeSource) InputNames() []string {
	names := []string{"nixpkgs", "nixos-wsl", "nixos-apple-silicon", "home-manager"}
	if s.Secrets != "" {
		names = append(names, s.Secrets)
	}
	return names
}

// Reference is the flake reference of the input called name: as [flake.inputs]
// says, else the branch that fits the release of nixpkgs. "" for an input that
// no rendered flake has.
func (s FlakeSource) Reference(name string) string {
	if name == "nixpkgs" {
		return s.Nixpkgs
	}
	if ref := s.Inputs[name]; ref != "" {
		return ref
	}
	release := s.Release()
	branch := func(repository, development string) string {
		if release == "" {
			return repository + "/" + development
		}
		return repository + "/release-" + release
	}
	switch name {
	case "nixos-wsl":
		return branch("github:nix-community/NixOS-WSL", "main")
	case "nixos-apple-silicon":
		return "github:nix-community/nixos-apple-silicon/" + appleBranch(release)
	case "home-manager":
		return branch("github:nix-community/home-manager", "master")
	case SecretsSops:
		return "github:Mic92/sops-nix"
	case SecretsAgenix:
		return "github:ryantm/agenix"
	}
	return ""
}

// appleBranch is the branch of nixos-apple-silicon for a release of nixpkgs. Not
// every release gets one, and a branch that is not there would fail the lock of
// every fleet, Macs or not: what is not known here is built on main.
func appleBranch(release string) string {
	switch release {
	case "25.05", "25.11":
		return "release-" + release
	}
	return "main"
}

var releaseBranch = regexp.MustCompile(`[/=](?:nixos|release|nixpkgs)-([0-9]{2}\.[0-9]{2})(?:-small|-darwin|-aarch64)?(?:$|[/?&])`)

// Release is the release of nixpkgs by the name of its branch, such as "26.05";
// "" for unstable, a revision, or a folder.
func (s FlakeSource) Release() string {
	m := releaseBranch.FindStringSubmatch(s.Nixpkgs)
	if m == nil {
		return ""
	}
	return m[1]
}

// StandIns names the inputs that are folders of this machine, in the order of
// InputNames: what only a machine with that folder can lock or evaluate.
func (s FlakeSource) StandIns() []string {
	var out []string
	for _, name := range s.InputNames() {
		if strings.HasPrefix(s.Reference(name), "path:") {
			out = append(out, name)
		}
	}
	return out
}

func (r *reader) readFlake(t *node) FlakeSource {
	s := FlakeSource{Source: SourceRendered, Nixpkgs: DefaultNixpkgs}
	r.each(t, scopeFlake, func(k *node) {
		switch k.key {
		case "source":
			assign(&s.Source, k, r.source)
		case "nixpkgs":
			assign(&s.Nixpkgs, k, func(n *node) (string, bool) { return r.reference(n, DefaultNixpkgs) })
		case "secrets":
			assign(&s.Secrets, k, r.secrets)
		case "overlays":
			assign(&s.Overlays, k, r.nixFiles)
		case "packages":
			assign(&s.Packages, k, r.packageFiles)
		case "inputs": // below: after secrets
		}
	})
	if k := t.child("inputs"); k != nil {
		s.Inputs = r.readInputs(k, s.Secrets)
	}
	if s.Rendered() {
		return s
	}
	for _, key := range []string{"nixpkgs", "secrets", "inputs", "overlays", "packages"} {
		if k := t.child(key); k != nil {
			r.report(k.keyOff, "remove it: what your flake says holds", "%s is for the rendered flake only", key)
		}
	}
	return FlakeSource{Source: s.Source}
}

// nixFiles reads a list of Nix files that are copied into the flake.
func (r *reader) nixFiles(n *node) ([]NixFile, bool) {
	lines := map[string]int{}
	paths, ok := list(r, n, "files", func(e *node) (string, bool) {
		s, ok := r.module(e)
		lines[s] = r.lines.line(int(e.off))
		return s, ok
	})
	files := make([]NixFile, len(paths))
	for i, p := range paths {
		files[i] = NixFile{Path: p, Line: lines[p]}
	}
	return files, ok
}

// packageName is one that extra_packages can name without quotes.
var packageName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// packageFiles reads nixFiles that are packages by their names.
func (r *reader) packageFiles(n *node) ([]NixFile, bool) {
	files, ok := r.nixFiles(n)
	named := map[string]string{} // by name, the path
	for _, f := range files {
		name := f.Name()
		other, twice := named[name]
		switch {
		case !packageName.MatchString(name):
			r.bad(n, `letters, digits, _ and - : "./packages/my-tool.nix" is my-tool`, "%q is no name for a package (%s)", name, f.Path)
			ok = false
		case name == "fleet":
			r.bad(n, "the tree's own packages are called so: rename the file", "%q is no name for a package (%s)", name, f.Path)
			ok = false
		case twice:
			r.bad(n, "a package is called like its file or folder: rename one", "%s and %s are both called %q", other, f.Path, name)
			ok = false
		}
		named[name] = f.Path
	}
	return files, ok
}

func (r *reader) secrets(n *node) (string, bool) {
	s, ok := r.choice(n, "none", SecretsSops, SecretsAgenix)
	if s == "none" {
		s = ""
	}
	return s, ok
}

// readInputs reads [flake.inputs].
func (r *reader) readInputs(t *node, secrets string) map[string]string {
	if !r.isTable(t) {
		return nil
	}
	outer := r.path
	r.path = append(slices.Clip(outer), t.key)
	defer func() { r.path = outer }()
	inputs := map[string]string{}
	r.each(t, scopeInputs, func(k *node) {
		example := FlakeSource{Nixpkgs: DefaultNixpkgs}.Reference(k.key)
		ref, ok := r.reference(k, example)
		switch {
		case !ok:
		case (k.key == SecretsSops || k.key == SecretsAgenix) && k.key != secrets:
			r.report(k.keyOff, fmt.Sprintf("[flake] secrets = %q asks for it; else remove it", k.key), "the flake has no input %s", k.key)
		default:
			inputs[k.key] = ref
		}
	})
	return inputs
}

// reference reads a flake reference, example says how one looks.
func (r *reader) reference(n *node, example string) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	place, isPath := strings.CutPrefix(s, "path:")
	switch {
	case !referencePattern.MatchString(s):
		r.bad(n, fmt.Sprintf("such as %q", example), "%q is not a flake reference", s)
	case isPath && (!path.IsAbs(place) || strings.HasPrefix(place, "//")):
		r.bad(n, `write the whole path: "path:/home/me/nixpkgs"`, "%q is relative, and would be looked for inside of the rendered flake", s)
	default:
		return s, true
	}
	return "", false
}
