package deploy

import "github.com/nixdeploy/nixdeploy/flake"

// HostFacts is what a host told of itself for `adopt`.
type HostFacts struct {
	NixOS  bool
	Marker *Marker // nil: nixdeploy never confirmed it
	// Facts are as far as the host could tell them: StateVersion is "" where it
	// could not.
	Facts flake.Facts
	// Certain says that the running system itself names the state version.
	Certain bool
	// FirstRelease is the release of its first generation, "" when that is gone.
	FirstRelease string
	// Hardware is its hardware configuration, Nix code that the host wrote: "" when
	// it has no nixos-generate-config.
	Hardware string
	// Accounts are those of people on it, and root where it has a password.
	Accounts []string
	Notes    []string // what a person should know of the facts
}
