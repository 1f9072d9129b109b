package flake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rendered renders hosts with an extra module, so that flakes differ in files.
func rendered(t *testing.T, modules map[string]string) *Flake {
	t.Helper()
	dir := t.TempDir()
	layOut(t, dir, modules)
	h := box("box-1")
	for name := range modules {
		h.Modules = append(h.Modules, name)
	}
	f, err := Render(fleet(t, dir, h))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWrite(t *testing.T) {
	first := rendered(t, map[string]string{"m/one.nix": "1", "m/sub/two.nix": "2"})
	second := rendered(t, map[string]string{"m/one.nix": "#! changed"})
	dir := filepath.Join(t.TempDir(), "new", "out")
	holds := func(f *Flake) {
		t.Helper()
		if err := f.Write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash != f.Hash {
			t.Errorf("the folder has hash %s, the flake %s:\n%s", got.Hash, f.Hash, cmp.Diff(paths(f.Files), paths(got.Files)))
		}
	}
	holds(first)
	holds(first)
	holds(second) // removes two.nix and its folder
	if _, err := os.Lstat(filepath.Join(dir, "modules/custom/m/sub")); err == nil {
		t.Error("an empty folder of the earlier flake is still there")
	}
	holds(first)
}

func TestWriteKeepsWhatPeopleWrote(t *testing.T) {
	f := rendered(t, nil)
	next := rendered(t, map[string]string{"mine.nix": "new"})
	tests := []struct {
		name string
		edit func(t *testing.T, dir string)
		want string // "" is accepted
	}{
		{"a file of their own", func(t *testing.T, dir string) { layOut(t, dir, map[string]string{"README": "mine", ".git/HEAD": "x"}) }, ""},
		{"an edited file", func(t *testing.T, dir string) { layOut(t, dir, map[string]string{"configurations/base.nix": "mine"}) }, "configurations/base.nix"},
		{"a file in the way", func(t *testing.T, dir string) {
			layOut(t, dir, map[string]string{"modules/custom/mine.nix": "mine"})
		}, "modules/custom/mine.nix"},
		{"a link in the way", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "modules", "custom")); err != nil {
				t.Fatal(err)
			}
			layOut(t, dir, map[string]string{"modules/custom": "->.."})
		}, "modules/custom/mine.nix"},
		{"a removed file", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "outputs.nix")); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"an interrupted Write of the next", func(t *testing.T, dir string) {
			layOut(t, dir, map[string]string{"modules/custom/mine.nix": "new", "modules/custom/mine.nix.nixdeploy-tmp": "ne"})
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := f.Write(dir); err != nil {
				t.Fatal(err)
			}
			tt.edit(t, dir)
			before := snapshot(t, dir)
			err := next.Write(dir)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				for name, text := range before {
					if name == "README" && snapshot(t, dir)[name] != text {
						t.Errorf("%s is changed", name)
					}
				}
				return
			}
			wantRefusal(t, err, tt.want)
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("refused, and yet it wrote: %s", diff)
			}
		})
	}
}

// A first Write that was cut off, before anything tells whose folder it is, is
// completed by the same one; so is that of a flake that has no manifest at all.
func TestWriteCompletesAFirstWriteThatWasInterrupted(t *testing.T) {
	own := t.TempDir()
	layOut(t, own, map[string]string{"flake.nix": "{ }", "sub/run.sh": "#!/bin/sh", "link": "->sub/run.sh"})
	opened, err := Open(own)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*Flake{"rendered": rendered(t, nil), "own": opened} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := f.Write(dir); err != nil {
				t.Fatal(err)
			}
			whole := snapshot(t, dir)
			for i, file := range f.Files {
				if i%2 == 1 || file.Path == manifestName {
					if err := os.Remove(filepath.Join(dir, file.Path)); err != nil {
						t.Fatal(err)
					}
				}
			}
			layOut(t, dir, map[string]string{f.Files[1].Path + tempSuffix: "ha"})
			for range 2 { // and whole again
				if err := f.Write(dir); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(whole, snapshot(t, dir)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	dir := t.TempDir()
	if err := opened.Write(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"flake.nix": "{ mine = 1; }", "more.nix": "{ }"} {
		layOut(t, dir, map[string]string{name: text})
		wantRefusal(t, opened.Write(dir), "nixdeploy did not write it")
		layOut(t, dir, map[string]string{"flake.nix": "{ }"})
	}
}

// A disk that is full would fail each file: one is told.
func TestWriteStopsAtTheFirstFailure(t *testing.T) {
	f := rendered(t, nil)
	dir := t.TempDir()
	if err := f.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, file := range f.Files {
		layOut(t, dir, map[string]string{file.Path + tempSuffix + "/in-the-way": ""})
	}
	err := f.Write(dir)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestWriteRefusesAFolderOfSomebodyElse(t *testing.T) {
	f := rendered(t, nil)
	tests := map[string]map[string]string{
		"a home":               {"thesis.tex": "x"},
		"a forged manifest":    {manifestName: `{ "files": { "../x": "y" } }`, "x": ""},
		"a manifest of theirs": {manifestName: `[]`},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			layOut(t, dir, files)
			before := snapshot(t, dir)
			wantRefusal(t, f.Write(dir), "nixdeploy did not write it")
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if d.Type()&os.ModeSymlink != 0 {
			data, err = []byte("link"), nil
		}
		out[strings.TrimPrefix(path, dir+"/")] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
