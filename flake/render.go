package flake

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// tree is the Nix tree that is rendered, for people to read as it is. The
// inventory reaches it as data only, by inventory.json.
//
//go:embed all:tree
var tree embed.FS

// Render writes the flake of inv: the Nix tree, hosts.toml's settings as
// inventory.json, the modules that hosts name, and the flake.lock that lies
// beside hosts.toml. The same inputs give the same hash on every machine.
//
// The error is a *LockError when that lock is missing or incomplete, a
// *Refusal when inv asks for what cannot be rendered, else an I/O error.
func Render(inv *inventory.Inventory) (*Flake, error) {
	f, err := render(inv)
	if err != nil {
		return nil, err
	}
	if err := renderedLock(f.Files, inv); err != nil {
		return nil, err
	}
	return f, nil
}

// renderedLock checks the lock, and that it was made for the nixpkgs that
// hosts.toml asks for.
func renderedLock(files []File, inv *inventory.Inventory) error {
	if err := LockState(files); err != nil {
		if l, ok := errors.AsType[*LockError](err); ok {
			l.File = LockPath(inv)
		}
		return err
	}
	lock, err := parseLock(file(files, lockName).Data)
	if err != nil {
		return fmt.Errorf("read %s: %w", LockPath(inv), err) // LockState has read it
	}
	if other, ok := lock.madeFor("nixpkgs", inv.Flake.Nixpkgs); !ok {
		return &LockError{
			File: LockPath(inv), Missing: []string{"nixpkgs"},
			Reason: fmt.Sprintf("it was made for %s, and hosts.toml asks for %s", other, inv.Flake.Nixpkgs),
		}
	}
	return nil
}

// render is Render without the check of the lock.
func render(inv *inventory.Inventory) (*Flake, error) {
	doc, err := newDocument(inv)
	if err != nil {
		return nil, err
	}
	files, err := treeFiles(inv.Flake.Nixpkgs)
	if err != nil {
		return nil, err
	}
	data, err := doc.encode()
	if err != nil {
		return nil, err
	}
	files = append(files, File{Path: "inventory.json", Data: data})

	beside, err := besideFiles(inv)
	if err != nil {
		return nil, err
	}
	files = append(files, beside...)
	files = append(files, manifestFile(files))
	return newFlake(inventory.SourceRendered, files)
}

// besideFiles reads what lies beside hosts.toml: the lock and the hosts' own
// modules.
func besideFiles(inv *inventory.Inventory) ([]File, error) {
	root, err := os.OpenRoot(filepath.Dir(inv.Path))
	if err != nil {
		return nil, fmt.Errorf("read the folder of %s: %w", inv.Path, err)
	}
	defer func() { _ = root.Close() }() // opened for reading
	files, err := customModules(root, inv)
	if err != nil {
		return nil, err
	}
	lock, err := root.ReadFile(lockName)
	switch {
	case err == nil:
		files = append(files, File{Path: lockName, Data: lock})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read %s: %w", LockPath(inv), err)
	}
	return files, nil
}

// nixpkgsForm is a flake reference with a scheme, in characters that mean
// nothing inside a Nix string: it is the one setting that has to stand in Nix
// text, since Nix wants the inputs of a flake written literally.
var nixpkgsForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9%/?:@&=+,_.!~-]+$`)

const nixpkgsPlaceholder = "@nixpkgs@"

// treeFiles returns the embedded tree with nixpkgs as flake.nix's input.
func treeFiles(nixpkgs string) ([]File, error) {
	if !nixpkgsForm.MatchString(nixpkgs) {
		return nil, &Refusal{
			What: fmt.Sprintf("[flake] nixpkgs = %q is not a flake reference", nixpkgs),
			Hint: "write it like github:NixOS/nixpkgs/nixos-26.05",
		}
	}
	if _, authority, ok := strings.Cut(nixpkgs, "://"); ok {
		host, _, _ := strings.Cut(authority, "/")
		if user, _, ok := strings.Cut(host, "@"); ok && strings.Contains(user, ":") {
			return nil, &Refusal{
				What: "[flake] nixpkgs holds a password, which every user of a host could read",
				Hint: "put it into the access-tokens or netrc-file of the host's nix.conf",
			}
		}
	}
	var files []File
	err := fs.WalkDir(tree, "tree", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := tree.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "tree/")
		if name == flakeName {
			data = bytes.Replace(data, []byte(nixpkgsPlaceholder), []byte(nixpkgs), 1)
		}
		files = append(files, File{Path: name, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the embedded tree: %w", err)
	}
	return files, nil
}
