package flake

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// reader collects files below a root, within the limits of a flake.
type reader struct {
	root  *os.Root
	files []File
	total int64
	plain map[string]bool // folders known to be real, not symbolic links
}

func newReader(root *os.Root) *reader {
	return &reader{root: root, plain: map[string]bool{".": true}}
}

// read adds the file at path. A missing file, or one behind a symbolic link
// that took its folder's place, is an error that matches fs.ErrNotExist.
func (r *reader) read(path string) error {
	if err := checkName(path); err != nil {
		return err
	}
	if !r.inPlace(path) {
		return &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	info, err := r.root.Lstat(filepath.FromSlash(path))
	if err != nil {
		return err
	}
	if len(r.files) >= maxFiles {
		return tooMany(maxFiles)
	}
	f := File{Path: path}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		f.Executable = mode&0o100 != 0 // as Nix: the owner's bit
		if f.Data, err = r.contents(path, info.Size()); err != nil {
			return err
		}
	case mode&fs.ModeSymlink != 0:
		if f.Link, err = r.root.Readlink(filepath.FromSlash(path)); err != nil {
			return err
		}
	case mode.IsDir():
		return &Refusal{
			What: path + " is a git submodule that is not checked out",
			Hint: "run: git submodule update --init --recursive",
		}
	default:
		return &Refusal{
			What: fmt.Sprintf("%s is a %s, which a flake cannot hold", path, kind(mode)),
			Hint: "remove it from the flake's folder",
		}
	}
	r.files = append(r.files, f)
	return nil
}

// inPlace reports whether each folder of path is a real one.
func (r *reader) inPlace(name string) bool {
	dir := path.Dir(name)
	if r.plain[dir] {
		return true
	}
	if !r.inPlace(dir) {
		return false
	}
	info, err := r.root.Lstat(filepath.FromSlash(dir))
	if err != nil || !info.IsDir() {
		return false
	}
	r.plain[dir] = true
	return true
}

func (r *reader) contents(path string, size int64) ([]byte, error) {
	if r.total+size > maxTotalBytes {
		return nil, tooBig()
	}
	f, err := r.root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading
	// The limit counts what is read: a file may grow meanwhile.
	data, err := io.ReadAll(io.LimitReader(f, maxTotalBytes-r.total+1))
	if err != nil {
		return nil, err
	}
	if r.total += int64(len(data)); r.total > maxTotalBytes {
		return nil, tooBig()
	}
	return data, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
