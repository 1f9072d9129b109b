package flake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// manifestName is the list of a rendered flake's files. It is part of the
// flake, so that a folder written by Write has exactly the flake's hash.
const manifestName = "nixdeploy-manifest.json"

// manifest has the hex SHA-256 of each file of a rendered flake by its path.
type manifest struct {
	About string            `json:"about"`
	Files map[string]string `json:"files"`
}

func manifestFile(files []File) File {
	m := manifest{About: "rendered by nixdeploy from hosts.toml", Files: map[string]string{}}
	for i := range files {
		m.Files[files[i].Path] = fingerprint(&files[i])
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return File{Path: manifestName, Data: append(data, '\n')}
}

func fingerprint(f *File) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%t %q\n", f.Executable, f.Link) // a hash: never fails
	_, _ = h.Write(f.Data)
	return hex.EncodeToString(h.Sum(nil))
}

// Write puts f's files into dir, which it makes when it is not there. dir is
// taken when it is empty, when it holds nothing but files of f as they are (a Write
// that was interrupted, a flake of the user's own), or when an earlier Write of a
// rendered flake filled it: then files that f has no more are removed. A file
// there that a person changed, or that is in the way, is never touched: it is
// named in a *Refusal, and nothing is written. Files that are neither f's nor the
// earlier one's stay.
//
// Each file is replaced at once (a rename), the folder as a whole is not; after
// an interruption the same Write completes it. One Write at a time per folder.
func (f *Flake) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write flake: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write flake: %w", err)
	}
	defer func() { _ = root.Close() }() // what was written is closed by itself

	earlier, err := f.readManifest(root, dir)
	if err != nil {
		return err
	}
	if err := f.checkDir(root, dir, earlier); err != nil {
		return err
	}
	if err := removeStale(root, f.Files, earlier); err != nil {
		return fmt.Errorf("write flake: %w", err)
	}
	for i := range f.Files {
		if f.Files[i].Path == manifestName {
			continue
		}
		// One failure is enough: a disk that is full would fail each file.
		if err := put(root, &f.Files[i]); err != nil {
			return fmt.Errorf("write flake: %w", err)
		}
	}
	// The manifest comes last: until then the earlier one counts.
	if m := file(f.Files, manifestName); m != nil {
		if err := put(root, m); err != nil {
			return fmt.Errorf("write flake: %w", err)
		}
	}
	return nil
}

const tempSuffix = ".nixdeploy-tmp"

// readManifest returns the fingerprints of an earlier Write, none in a folder that
// is empty or holds a part of f.
func (f *Flake) readManifest(root *os.Root, dir string) (map[string]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("write flake: %w", err)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	notOurs := &Refusal{
		What: dir + " is not empty, and nixdeploy did not write it",
		Hint: "choose an empty folder",
	}
	data, err := root.ReadFile(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		if f.holdsOnly(root) {
			return nil, nil
		}
		return nil, notOurs
	}
	if err != nil {
		return nil, fmt.Errorf("write flake: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil || m.Files == nil {
		return nil, notOurs
	}
	for name := range m.Files {
		if checkName(name) != nil {
			return nil, notOurs
		}
	}
	return m.Files, nil
}

// holdsOnly reports whether a folder holds files of f and nothing else, but for what
// an interrupted Write left of one.
func (f *Flake) holdsOnly(root *os.Root) bool {
	r := newReader(root)
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || file(f.Files, strings.TrimSuffix(name, tempSuffix)) != nil && strings.HasSuffix(name, tempSuffix) {
			return err
		}
		want := file(f.Files, name)
		if want == nil {
			return fs.ErrExist
		}
		if err := r.read(name); err != nil {
			return err
		}
		if fingerprint(&r.files[len(r.files)-1]) != fingerprint(want) {
			return fs.ErrExist
		}
		return nil
	})
	return err == nil
}

// checkDir refuses when a person's work would be lost.
func (f *Flake) checkDir(root *os.Root, dir string, earlier map[string]string) error {
	wanted := map[string]string{}
	for i := range f.Files {
		wanted[f.Files[i].Path] = fingerprint(&f.Files[i])
	}
	names := maps.Clone(wanted)
	maps.Copy(names, earlier)
	delete(names, manifestName)
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		r := newReader(root)
		err := r.read(name)
		if errors.Is(err, fs.ErrNotExist) && !behindLink(root, name) {
			continue
		}
		if err != nil {
			changed = append(changed, name)
			continue
		}
		if is := fingerprint(&r.files[0]); is != earlier[name] && is != wanted[name] {
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		return &Refusal{
			What: "files in " + dir + " are not as nixdeploy wrote them: " + strings.Join(changed, ", "),
			Hint: "move them away; your own Nix goes into a module that hosts.toml names",
		}
	}
	return nil
}

// behindLink reports whether a folder of name is something else than a folder.
func behindLink(root *os.Root, name string) bool {
	for at := path.Dir(name); at != "."; at = path.Dir(at) {
		if info, err := root.Lstat(filepath.FromSlash(at)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// removeStale removes what the earlier flake had and this one has not, and the
// folders that it leaves empty.
func removeStale(root *os.Root, files []File, earlier map[string]string) error {
	keep := map[string]bool{manifestName: true}
	for i := range files {
		keep[files[i].Path] = true
	}
	for _, name := range slices.Sorted(maps.Keys(earlier)) {
		if keep[name] {
			continue
		}
		if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for at := path.Dir(name); at != "."; at = path.Dir(at) {
			if root.Remove(filepath.FromSlash(at)) != nil {
				break // not empty
			}
		}
	}
	return nil
}

// put writes one file under another name first.
func put(root *os.Root, f *File) error {
	name := filepath.FromSlash(f.Path)
	temp := name + tempSuffix
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := putTemp(root, temp, f); err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	return root.Rename(temp, name)
}

func putTemp(root *os.Root, temp string, f *File) error {
	if f.Link != "" {
		return root.Symlink(f.Link, temp)
	}
	mode := fs.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	if err := root.WriteFile(temp, f.Data, mode); err != nil {
		return err
	}
	return root.Chmod(temp, mode) // whatever the umask
}
