package flake

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// tree is the Nix tree that is rendered, for people to read as it is. The
// inventory reaches it as data only, by inventory.json.
//
// The folders of the tree one by one: options.txt and packages.txt beside them
// tell people where names were looked up, and no host needs them.
//
//go:embed tree/*.nix
//go:embed all:tree/configurations all:tree/hardware all:tree/home-modules all:tree/lib all:tree/modules
//go:embed all:tree/overlays all:tree/packages all:tree/scripts all:tree/shared all:tree/system all:tree/user
var tree embed.FS

// Render writes the flake of inv: the Nix tree, hosts.toml's settings as
// inventory.json, the user's own Nix that it names, what adopting the hosts wrote,
// and the flake.lock that lies beside hosts.toml. The same inputs give the same
// hash on every machine.
//
// The error is a *LockError when that lock is missing or incomplete, a
// *Refusal when inv asks for what cannot be rendered (a machine that was not
// adopted, a plain secret), else an I/O error.
func Render(inv *inventory.Inventory) (*Flake, error) {
	f, hosts, err := render(inv)
	if err != nil {
		return nil, err
	}
	if err := checkAdopted(inv, hosts); err != nil {
		return nil, err
	}
	if err := renderedLock(f.Files, inv); err != nil {
		return nil, err
	}
	f.Warnings = append(f.Warnings, withoutDisks(inv, hosts)...)
	return f, nil
}

// render is Render without the checks that a person can satisfy later: of the
// lock, and that machines were adopted.
func render(inv *inventory.Inventory) (*Flake, map[string]adopted, error) {
	doc, err := newDocument(inv)
	if err != nil {
		return nil, nil, err
	}
	files, err := treeFiles(inv.Flake)
	if err != nil {
		return nil, nil, err
	}
	beside, hosts, err := besideFiles(inv)
	if err != nil {
		return nil, nil, err
	}
	doc.adopt(hosts)
	data, err := doc.encode()
	if err != nil {
		return nil, nil, err
	}
	files = append(files, beside...)
	files = append(files, File{Path: "inventory.json", Data: data})
	if err := refuseSecrets(files); err != nil {
		return nil, nil, err
	}
	files = append(files, manifestFile(files))
	f, err := newFlake(inventory.SourceRendered, files)
	if err != nil {
		return nil, nil, err
	}
	f.Warnings = append(f.Warnings, standInWarning(inv.Flake)...)
	return f, hosts, nil
}

// besideFiles reads what lies beside hosts.toml: the lock, the user's own
// Nix, and what adopting hosts wrote.
func besideFiles(inv *inventory.Inventory) ([]File, map[string]adopted, error) {
	root, err := os.OpenRoot(filepath.Dir(inv.Path))
	if err != nil {
		return nil, nil, fmt.Errorf("read the folder of %s: %w", inv.Path, err)
	}
	defer func() { _ = root.Close() }() // opened for reading
	files, err := customFiles(root, inv)
	if err != nil {
		return nil, nil, err
	}
	hosts, found, err := adoptedHosts(root, inv)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, found...)
	lock, err := root.ReadFile(lockName)
	switch {
	case err == nil:
		files = append(files, File{Path: lockName, Data: lock})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("read %s: %w", LockPath(inv), err)
	}
	return files, hosts, nil
}

// treeFiles returns the embedded tree with source's references in flake.nix.
func treeFiles(source inventory.FlakeSource) ([]File, error) {
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
			text, err := withReferences(string(data), source)
			if err != nil {
				return err
			}
			data = []byte(text)
		}
		files = append(files, File{Path: name, Data: data})
		return nil
	})
	if _, refused := errors.AsType[*Refusal](err); refused {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("read the embedded tree: %w", err)
	}
	return files, nil
}
