// Package flake holds the flake that is deployed: rendered from an Inventory,
// or opened from the user's own folder; hashed as Nix hashes it (NAR), packed
// for upload, and refused when its inputs are not locked.
//
// Nothing here contacts a host or runs Nix: hashing, packing and the reading
// of flake.lock are done in Go, so that the control machine needs no Nix. The
// Nix tree that is rendered lies in tree/, embedded. What a host does with a
// flake does not belong here, nor does how it gets there.
package flake

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

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
	// Warnings are sentences for people: likely secrets, names that collide
	// where case does not count, settings that have no effect.
	Warnings []string
}

// File is one file of a flake, with a slash-separated path relative to its root.
type File struct {
	Path       string
	Executable bool
	Link       string // the target, for a symbolic link; Data is empty then
	Data       []byte
}

// Refusal says why a flake cannot be deployed, or an inventory not be rendered,
// as it is. The user has to change something: a retry does not help, nothing
// was contacted, and the exit code is 2.
type Refusal struct {
	What string // one sentence, names the file or the setting
	Hint string // what to do, "" when What says it all
}

// Error gives what and hint on one line.
func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.What
	}
	return r.What + ": " + r.Hint
}

// FromInventory renders the flake, or opens the user's own, as [flake] source
// asks. Its lock is checked: the error is a *LockError or a *Refusal when the
// user has to act, else an I/O error.
func FromInventory(inv *inventory.Inventory) (*Flake, error) {
	if inv.Flake.Rendered() {
		f, err := Render(inv)
		return f, forbidden(err)
	}
	f, err := Unlocked(inv)
	if err != nil {
		return nil, err
	}
	if err := LockState(f.Files); err != nil {
		return nil, inFolder(untrackedLock(err, f), f.Source)
	}
	return f, nil
}

// forbidden is err as a refusal where a file may not be read: who owns it has to
// act, as with hosts.toml.
func forbidden(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return &Refusal{What: "the flake cannot be read: " + err.Error(), Hint: "give yourself the right to read all of it"}
}

// untrackedLock corrects the remedy where a lock is there and git does not
// track it: locking again would change nothing.
func untrackedLock(err error, f *Flake) error {
	var l *LockError
	if !errors.As(err, &l) || file(f.Files, lockName) != nil {
		return err
	}
	if _, statErr := os.Lstat(filepath.Join(f.Source, lockName)); statErr == nil {
		l.Reason, l.Remedy = "it is not tracked by git, so it is not part of the flake", "run: git -C "+f.Source+" add "+lockName
	}
	return err
}

// Unlocked is FromInventory without the check of the lock, and of whether
// machines were adopted: what `nixdeploy lock` needs. Write it to a fresh folder, run LockCommand there and copy the
// flake.lock to LockPath. So Nix never sees (and never copies into its store)
// more than what is deployed.
func Unlocked(inv *inventory.Inventory) (*Flake, error) {
	if inv.Flake.Rendered() {
		f, _, err := render(inv)
		return f, forbidden(err)
	}
	f, err := Open(ownFolder(inv))
	if err != nil {
		return nil, forbidden(err)
	}
	f.Warnings = append(f.Warnings, unusedSettings(inv)...)
	return f, nil
}

// LockPath is where the flake.lock of inv's flake lies: in the user's own
// folder, or beside hosts.toml for a rendered flake.
func LockPath(inv *inventory.Inventory) string {
	if inv.Flake.Rendered() {
		return filepath.Join(filepath.Dir(inv.Path), lockName)
	}
	return filepath.Join(ownFolder(inv), lockName)
}

// LockCommand is the argv that writes the missing parts of dir's flake.lock.
// It needs Nix, the network, and an absolute dir; existing locks stay.
func LockCommand(dir string) []string {
	return []string{
		"nix", "--extra-experimental-features", "nix-command flakes",
		"flake", "lock", "path:" + escapePath(dir),
	}
}

// Digest is the hash's 32 bytes in hexadecimal: safe as the name of a folder.
func (f *Flake) Digest() string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f.Hash, sriPrefix))
	if err != nil {
		return ""
	}
	return hex.EncodeToString(raw)
}

// Ref is the locked flake reference of f in dir on a host, for instance
// path:/dir?narHash=sha256-...#web-1. Nix refuses it when the files differ.
// Without attr there is no fragment.
func (f *Flake) Ref(dir, attr string) string {
	ref := "path:" + escapePath(dir) + "?narHash=" + url.QueryEscape(f.Hash)
	if attr != "" {
		ref += "#" + attr
	}
	return ref
}

// escapePath escapes what would end the path of a flake reference early.
func escapePath(dir string) string {
	parts := strings.Split(dir, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

func ownFolder(inv *inventory.Inventory) string {
	if filepath.IsAbs(inv.Flake.Source) {
		return filepath.Clean(inv.Flake.Source)
	}
	return filepath.Join(filepath.Dir(inv.Path), inv.Flake.Source)
}

// unusedSettings warns of settings that only a rendered flake can obey.
func unusedSettings(inv *inventory.Inventory) []string {
	var out []string
	if len(inv.Users) > 0 {
		out = append(out, "[users] has no effect, since [flake] source is a flake of your own")
	}
	for _, h := range inv.Hosts {
		var unused []string
		for _, setting := range []struct {
			key string
			set bool
		}{
			{"override", len(h.Override.Default)+len(h.Override.Plain)+len(h.Override.Force) > 0},
			{"modules", len(h.Modules) > 0}, {"home", len(h.Home) > 0},
			{"time_zone", h.TimeZone != ""}, {"locale", h.Locale != ""},
			{"extra_packages", len(h.ExtraPackages) > 0},
			{"tcp_ports", len(h.TCPPorts) > 0}, {"udp_ports", len(h.UDPPorts) > 0},
		} {
			if setting.set {
				unused = append(unused, setting.key)
			}
		}
		if len(unused) > 0 {
			out = append(out, fmt.Sprintf("host %s: %s has no effect, since [flake] source is a flake of your own",
				h.Name, strings.Join(unused, " and ")))
		}
	}
	return out
}

// newFlake checks, sorts and hashes files. It takes ownership of them.
func newFlake(source string, files []File) (*Flake, error) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	if err := checkFiles(files); err != nil {
		return nil, err
	}
	f := &Flake{Source: source, Hash: HashFiles(files), Files: files}
	f.Warnings = append(f.Warnings, caseCollisions(files)...)
	f.Warnings = append(f.Warnings, likelySecrets(files)...)
	return f, nil
}

// file returns the file at path, nil when there is none.
func file(files []File, path string) *File {
	for i := range files {
		if files[i].Path == path {
			return &files[i]
		}
	}
	return nil
}
