// Package flake holds the flake that is deployed: rendered from an Inventory,
// or opened from the user's own folder; hashed as Nix hashes it (NAR), packed
// for upload, and refused when its inputs are not locked.
//
// Nothing here contacts a host or runs Nix: hashing, packing and the reading
// of flake.lock are done in Go, so that the control machine needs no Nix.
package flake

// Flake is a fixed set of files with a hash. It is immutable and safe for
// concurrent use.
type Flake struct {
	// Source is the folder that it was read from, or "rendered".
	Source string
	// Hash is the SRI SHA-256 of its NAR serialisation ("sha256-..."), what
	// `nix hash path` prints and what path:DIR?narHash= takes.
	Hash  string
	Files []File // sorted by Path
	// Dirty names tracked files with uncommitted changes (git source only).
	Dirty []string
}

// File is one file of a flake, with a slash-separated path relative to its root.
type File struct {
	Path       string
	Executable bool
	Link       string // the target, for a symbolic link; Data is empty then
	Data       []byte
}
