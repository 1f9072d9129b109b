package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// customFolder is where the modules that hosts name lie in the rendered flake,
// under the path that hosts.toml has for them: so they find each other.
const customFolder = "modules/custom"

// customModules reads the module files and folders that hosts name, each once.
func customModules(root *os.Root, inv *inventory.Inventory) ([]File, error) {
	users := map[string]string{} // by path, the first host that names it
	for _, h := range inv.Hosts {
		for _, name := range h.Modules {
			clean := path.Clean(name)
			if name == "" || clean == "." || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
				return nil, &Refusal{
					What: fmt.Sprintf("host %s: module %q does not lie beside hosts.toml", h.Name, name),
					Hint: "name a file or folder below the folder of hosts.toml",
				}
			}
			if _, known := users[clean]; !known {
				users[clean] = h.Name
			}
		}
	}
	r := newReader(root)
	read := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		if err := readModule(r, name, read); err != nil {
			return nil, moduleError(users[name], name, err)
		}
	}
	for i := range r.files {
		r.files[i].Path = path.Join(customFolder, r.files[i].Path)
	}
	return r.files, nil
}

func moduleError(host, name string, err error) error {
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return &Refusal{What: fmt.Sprintf("host %s: module %s: %s", host, name, refusal.What), Hint: refusal.Hint}
	case errors.Is(err, fs.ErrNotExist):
		return &Refusal{
			What: fmt.Sprintf("host %s: module %s does not exist", host, name),
			Hint: "paths are relative to the folder of hosts.toml",
		}
	}
	return fmt.Errorf("host %s: module %s: %w", host, name, err)
}

// readModule reads a file, or a folder with a default.nix.
func readModule(r *reader, name string, read map[string]bool) error {
	info, err := r.root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return readOnce(r, name, read)
	}
	if _, err := r.root.Lstat(filepath.FromSlash(path.Join(name, "default.nix"))); err != nil {
		return &Refusal{What: "the folder has no default.nix", Hint: "name the module's file"}
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
