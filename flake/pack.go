package flake

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Pack writes f as an uncompressed tar: folders before what they hold, names
// in order, time stamp 1 (as in the Nix store), owner 0:0, modes 0644 and
// 0755. The same flake gives the same bytes on every machine.
func (f *Flake) Pack(w io.Writer) error {
	tw := tar.NewWriter(w)
	for _, dir := range folders(f.Files) {
		h := header(dir + "/")
		h.Typeflag, h.Mode = tar.TypeDir, 0o755
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("pack %s: %w", dir, err)
		}
	}
	for i := range f.Files {
		if err := packFile(tw, &f.Files[i]); err != nil {
			return fmt.Errorf("pack %s: %w", f.Files[i].Path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

// Size is how many bytes Pack writes, about.
func (f *Flake) Size() int64 {
	const block = 512 // of a tar: one header, and data in whole ones
	var size int64
	for i := range f.Files {
		size += 2*block + int64(len(f.Files[i].Data))
	}
	return size
}

func packFile(tw *tar.Writer, f *File) error {
	h := header(f.Path)
	switch {
	case f.Link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
	case f.Executable:
		h.Typeflag, h.Mode = tar.TypeReg, 0o755
	default:
		h.Typeflag, h.Mode = tar.TypeReg, 0o644
	}
	h.Size = int64(len(f.Data))
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := tw.Write(f.Data)
	return err
}

func header(name string) *tar.Header {
	return &tar.Header{Name: name, ModTime: time.Unix(1, 0)}
}

// folders returns the folders that files imply, sorted: a parent sorts before
// what it holds.
func folders(files []File) []string {
	seen := map[string]bool{}
	var out []string
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "." && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			out = append(out, dir)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
