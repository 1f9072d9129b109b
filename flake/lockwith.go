package flake

import (
	"slices"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// WithLock is f with lock as its flake.lock, and so with another hash. The lock is
// checked: the error is a *LockError, or a *Refusal.
func (f *Flake) WithLock(lock []byte) (*Flake, error) {
	files := slices.DeleteFunc(slices.Clone(f.Files), func(file File) bool {
		return file.Path == lockName || file.Path == manifestName && f.Source == inventory.SourceRendered
	})
	files = append(files, File{Path: lockName, Data: slices.Clone(lock)})
	if f.Source == inventory.SourceRendered {
		files = append(files, manifestFile(files))
	}
	out, err := newFlake(f.Source, files)
	if err != nil {
		return nil, err
	}
	out.Dirty = f.Dirty
	return out, LockState(out.Files)
}

// OverrideCommand is LockCommand with other references for some inputs, as pairs
// of a name and a reference. Nothing of it is read as code.
func OverrideCommand(dir string, inputs [][2]string) []string {
	argv := LockCommand(dir)
	for _, in := range inputs {
		argv = append(argv, "--override-input", in[0], in[1])
	}
	return argv
}
