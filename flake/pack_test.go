package flake

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func unpack(t interface{ Fatal(...any) }, r io.Reader) (files []File, dirs []string) {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, dirs
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(time.Unix(1, 0)) || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Fatal("not reproducible: ", h)
		}
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, h.Name)
			if h.Mode != 0o755 {
				t.Fatal("mode of ", h.Name)
			}
			continue
		}
		if dir := filepath.Dir(h.Name); dir != "." && !slices.Contains(dirs, dir+"/") {
			t.Fatal(h.Name, " comes before its folder")
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && h.Mode != 0o755 && h.Mode != 0o644 {
			t.Fatal("mode of ", h.Name)
		}
		f := File{Path: h.Name, Data: data}
		if h.Typeflag == tar.TypeSymlink {
			f.Link = h.Linkname
		} else {
			f.Executable = h.Mode&0o100 != 0
		}
		files = append(files, f)
	}
}

func TestPackKeepsTheHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := anyFiles().Draw(t, "files")
		files = append(files, File{Path: strings.Repeat("long/", 60) + "ü", Data: []byte("x")})
		f, err := newFlake("test", files)
		if err != nil {
			t.Fatal(err)
		}
		var a, b bytes.Buffer
		if err := errors.Join(f.Pack(&a), f.Pack(&b)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatal("two packs differ")
		}
		got, _ := unpack(t, &a)
		if hash := HashFiles(got); hash != f.Hash {
			t.Fatalf("unpacked it is %s, packed it was %s", hash, f.Hash)
		}
	})
}

// What a host does: unpack with tar, then nix hash path.
func TestPackUnpacksToTheHash(t *testing.T) {
	f, err := Render(fleet(t, t.TempDir(), box("box-1")))
	if err != nil {
		t.Fatal(err)
	}
	f, err = newFlake("test", append(slices.Clone(f.Files),
		File{Path: "bin/run", Executable: true, Data: []byte("#!/bin/sh\n")}, File{Path: "bin/link", Link: "../flake.nix"},
		File{Path: "pages/" + strings.Repeat("ü", 80) + "/" + strings.Repeat("n", 120)}))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var b bytes.Buffer
	if err := f.Pack(&b); err != nil {
		t.Fatal(err)
	}
	layOut(t, dir, map[string]string{"f.tar": b.String(), "out/.keep": ""})
	out := filepath.Join(dir, "out")
	run(t, out, "rm", ".keep")
	run(t, out, "tar", "-xf", "../f.tar")
	got, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash != f.Hash {
		t.Errorf("unpacked it is %s, packed it was %s", got.Hash, f.Hash)
	}
	if says := strings.TrimSpace(nix(t, "hash", "path", out)); says != f.Hash {
		t.Errorf("nix hash path says %s, packed it was %s", says, f.Hash)
	}
}

func TestPackSaysWhenItCannotWrite(t *testing.T) {
	f, err := Render(fleet(t, t.TempDir(), box("box-1")))
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	if err := f.Pack(writerOf(iotest.ErrReader(full))); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// writerOf fails as r does.
func writerOf(r io.Reader) io.Writer { return failing{r} }

type failing struct{ r io.Reader }

func (f failing) Write(p []byte) (int, error) { return f.r.Read(p) }

func TestCheckFilesRefuses(t *testing.T) {
	tests := map[string][]File{
		"not a path inside": {{Path: "../x"}},
		"twice":             {{Path: "x"}, {Path: "x"}},
		"the folder of x/y": {{Path: "x"}, {Path: "x/y"}},
	}
	for want, files := range tests {
		_, err := newFlake("test", files)
		wantRefusal(t, err, want)
	}
	_, err := newFlake("test", make([]File, maxFiles+1))
	wantRefusal(t, err, "50000 are taken")
}
