package flake

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What `nix hash path` (Nix 2.8) printed for these trees.
func TestHashIsThatOfNix(t *testing.T) {
	tests := []struct {
		name  string
		files []File
		want  string
	}{
		{"an empty folder", nil, "sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo="},
		{"a file", []File{{Path: "flake.nix", Data: []byte("{ outputs = { self }: { x = 1; }; }\n")}},
			"sha256-bZsJIso1URwbhSoVqrjnrnTw30qQQx3ZriTo15rlkyw="},
		{"order, links, modes", []File{
			{Path: "a-b/x", Data: []byte("1")}, {Path: "a.b", Data: []byte("3")}, {Path: "a/x", Data: []byte("2")},
			{Path: "bin/run", Data: []byte("#!/bin/sh\n"), Executable: true}, {Path: "bin/link", Link: "../a.b"},
			{Path: "ä", Data: []byte("12345678")},
		}, "sha256-yXfbe709be/4g8fpoK0OQ1o99HM+nWM7aHI3bb6/dAI="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := HashFiles(tt.files); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestHashAgreesWithNixHashPath(t *testing.T) {
	needNix(t, "nix")
	trees := []map[string]string{
		{"flake.nix": "{ }"},
		{"a": "", "b": "1234567", "c": "12345678", "d": "123456789"},
		{"run": "#!/bin/sh\n", "bin/run": "->../run", "dangling": "->nowhere/at all"},
		{"a-b/x": "1", "a/x": "2", "a.b": "3", "ab": "4", "a b": "5", "ä": "6", "Z": "7", "z": "8"},
		{"deep/1/2/3/4/5/6/7/8/9/file": strings.Repeat("x", 100_000)},
	}
	for i, tree := range trees {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			dir := t.TempDir()
			layOut(t, dir, tree)
			layOut(t, dir, map[string]string{"flake.nix": "{ }"})
			f, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSpace(nix(t, "hash", "path", dir)); f.Hash != want {
				t.Errorf("got %s, nix says %s", f.Hash, want)
			}
		})
	}
}

func TestHashTellsTreesApart(t *testing.T) {
	base := []File{{Path: "a/b", Data: []byte("x")}, {Path: "c", Data: []byte("y")}}
	others := map[string][]File{
		"other bytes":   {{Path: "a/b", Data: []byte("z")}, base[1]},
		"executable":    {{Path: "a/b", Data: []byte("x"), Executable: true}, base[1]},
		"another name":  {{Path: "a/B", Data: []byte("x")}, base[1]},
		"another place": {{Path: "b", Data: []byte("x")}, base[1]},
		"a link":        {{Path: "a/b", Link: "x"}, base[1]},
		"one less":      base[:1],
	}
	for name, files := range others {
		if HashFiles(files) == HashFiles(base) {
			t.Errorf("%s: the hash is the same", name)
		}
	}
}

// The order of files never matters, and any change of a byte does.
func TestHashProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := anyFiles().Draw(t, "files")
		want := HashFiles(files)
		shuffled := rapid.Permutation(files).Draw(t, "order")
		if got := HashFiles(shuffled); got != want {
			t.Fatalf("order matters: %s and %s", got, want)
		}
		i := rapid.IntRange(0, len(files)-1).Draw(t, "changed")
		other := slices.Clone(files)
		if other[i].Link != "" {
			other[i].Link += "x"
		} else {
			other[i].Data = append(slices.Clone(other[i].Data), 0)
		}
		if HashFiles(other) == want {
			t.Fatal("a changed file keeps the hash")
		}
	})
}

// anyFiles draws the files of one tree.
func anyFiles() *rapid.Generator[[]File] {
	return rapid.Custom(func(t *rapid.T) []File {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		seen := map[string]bool{}
		var files []File
		for i := range n {
			dir := rapid.SampledFrom([]string{"", "d/", "d-e/", "d/e/", "f.g/h i/"}).Draw(t, "dir")
			name := rapid.StringMatching(`[a-zA-Z0-9 ._äöü-]{1,9}`).Draw(t, "name")
			path := fmt.Sprintf("%s%s~%d", dir, name, i)
			if seen[path] {
				continue
			}
			seen[path] = true
			f := File{Path: path}
			if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
				f.Link = "link-target"
			} else {
				f.Executable = rapid.Bool().Draw(t, "executable")
				f.Data = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")
			}
			files = append(files, f)
		}
		return files
	})
}
