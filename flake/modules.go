package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// customFolder is where what hosts.toml names of the user's own Nix lies in the
// rendered flake, under the path that it has beside hosts.toml: so files find each
// other.
const customFolder = "modules/custom"

// custom is a path of the user's own Nix, with the setting that names it.
type custom struct{ path, setting string }

// customFiles reads the files and folders that hosts and [flake] name, each once.
func customFiles(root *os.Root, inv *inventory.Inventory) ([]File, error) {
	r := newReader(root)
	read := map[string]bool{}
	for _, c := range allCustom(inv) {
		clean := path.Clean(c.path)
		if c.path == "" || clean == "." || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
			return nil, &Refusal{
				What: fmt.Sprintf("%s %q does not lie beside hosts.toml", c.setting, c.path),
				Hint: "name a file or folder below the folder of hosts.toml",
			}
		}
		if err := readModule(r, clean, read); err != nil {
			return nil, customError(c, err)
		}
	}
	for i := range r.files {
		r.files[i].Path = path.Join(customFolder, r.files[i].Path)
	}
	return r.files, nil
}

func allCustom(inv *inventory.Inventory) []custom {
	var all []custom
	for _, h := range inv.Hosts {
		for _, name := range h.Modules {
			all = append(all, custom{name, "host " + h.Name + ": module"})
		}
	}
	for _, kind := range []struct {
		word  string
		files []inventory.NixFile
	}{{"overlay", inv.Flake.Overlays}, {"package", inv.Flake.Packages}} {
		for _, f := range kind.files {
			all = append(all, custom{f.Path, fmt.Sprintf("%s:%d: [flake] %s", inv.Path, f.Line, kind.word)})
		}
	}
	return all
}

func customError(c custom, err error) error {
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return &Refusal{What: fmt.Sprintf("%s %s: %s", c.setting, c.path, refusal.What), Hint: refusal.Hint}
	case errors.Is(err, fs.ErrNotExist):
		return &Refusal{
			What: fmt.Sprintf("%s %s does not exist", c.setting, c.path),
			Hint: "paths are relative to the folder of hosts.toml",
		}
	}
	return fmt.Errorf("%s %s: %w", c.setting, c.path, err)
}

// readModule reads a file, or a folder with a default.nix.
func readModule(r *reader, name string, read map[string]bool) error {
	if behindLink(r.root, name) {
		return &Refusal{What: "a folder on the way to it is a symbolic link", Hint: "name the file where it lies"}
	}
	info, err := r.root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return readOnce(r, name, read)
	}
	if _, err := r.root.Lstat(filepath.FromSlash(path.Join(name, "default.nix"))); err != nil {
		return &Refusal{What: "the folder has no default.nix", Hint: "name its file"}
	}
	return fs.WalkDir(r.root.FS(), name, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(at, d):
			return fs.SkipDir
		case d.IsDir() || skipped(at, d):
			return nil
		}
		return readOnce(r, at, read)
	})
}

func readOnce(r *reader, name string, read map[string]bool) error {
	if read[name] {
		return nil
	}
	read[name] = true
	return r.read(name)
}
