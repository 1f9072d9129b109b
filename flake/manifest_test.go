package flake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func manifestLock(revisions ...string) []byte {
	nodes := `"root": {}`
	for i := 0; i+1 < len(revisions); i += 2 {
		nodes += `, "` + revisions[i] + `": {"locked": {` + revisions[i+1] + `}}`
	}
	return []byte(`{"version": 7, "root": "root", "nodes": {` + nodes + `}}`)
}

func TestWhyAFlakeIsNew(t *testing.T) {
	lock := manifestLock("nixpkgs", `"rev": "1a2b3c4d5e"`, "old", `"rev": "ffffffffff"`, "plain", `"narHash": "sha256-AAAAAAAAAA"`)
	base := func() []File {
		return []File{{Path: "flake.lock", Data: lock}, {Path: "flake.nix", Data: []byte("{}")}, {Path: "run", Data: []byte("x")}}
	}
	for _, c := range []struct {
		name          string
		source, after string
		change        func(files []File) []File
		want          []string
	}{
		{"nothing", "/own", "2", func(f []File) []File { return f }, nil},
		{"another nixdeploy renders", "rendered", "2", func(f []File) []File {
			f[1].Data = []byte("{ }")
			return f
		}, []string{"nixdeploy 1 -> 2", "changed flake.nix"}},
		{"inputs", "/own", "2", func(f []File) []File {
			f[0].Data = manifestLock("nixpkgs", `"rev": "4d5e6f7a8b"`, "new", `"rev": "0000000000"`, "plain", `"narHash": "sha256-BBBBBBBBBB"`)
			return f
		}, []string{"new none -> 0000000", "nixpkgs 1a2b3c4 -> 4d5e6f7", "old fffffff -> none", "plain AAAAAAA -> BBBBBBB"}},
		{"the lock, and no input", "/own", "2", func(f []File) []File {
			f[0].Data = append([]byte(" "), lock...)
			return f
		}, []string{"changed flake.lock"}},
		{"a broken lock", "/own", "2", func(f []File) []File {
			f[0].Data = []byte("{")
			return f
		}, []string{"nixpkgs 1a2b3c4 -> none", "old fffffff -> none", "plain AAAAAAA -> none"}},
		{"files", "/own", "2", func(f []File) []File {
			f[2].Path = "ran"
			f[1].Executable = true
			return f
		}, []string{"changed flake.nix", "added ran", "removed run"}},
		{"a link", "/own", "2", func(f []File) []File {
			f[2] = File{Path: "run", Link: "x"}
			return f
		}, []string{"changed run"}},
		{"many files", "/own", "2", func(f []File) []File {
			for name := range strings.FieldsSeq("a b c d e f") {
				f = append(f, File{Path: name})
			}
			return f
		}, []string{"added a b c d and 2 more files"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := (&Flake{Source: c.source, Files: base()}).Manifest("1")
			now := (&Flake{Source: c.source, Files: c.change(base())}).Manifest(c.after)
			if diff := cmp.Diff(c.want, now.Since(old)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
