package flake

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeclaredInputs(t *testing.T) {
	tests := []struct {
		name    string
		src     string
		want    []string
		unknown bool
	}{
		{"none", `{ outputs = { self }: { }; }`, nil, false},
		{"empty text", ``, nil, false},
		{"a set", `{ inputs = { a.url = "x"; b = { url = "y"; inputs.a.follows = "a"; }; }; outputs = _: { }; }`, []string{"a", "b"}, false},
		{"paths", `{ inputs.a.url = "x"; inputs."b-1".url = "y"; outputs = { self, ... }: { }; }`, []string{"a", "b-1"}, false},
		{"a whole input", `{ inputs.a = { url = "x"; }; }`, []string{"a"}, false},
		{"quoted inputs", `{ "inputs" = { "a".url = "x"; }; }`, []string{"a"}, false},
		{"comments", "{ # inputs.a.url = 1;\n /* inputs.b.url = 2; */ description = \"x\"; }", nil, false},
		{"in a string", `{ description = "inputs = { a = 1; };"; x = ''inputs.b = ${"}"} '''; inputs.c = ''$''; }`, nil, false},
		{"not at the top", `{ outputs = { self }: { inputs.a = 1; x = { inputs = { b = 1; }; }; }; }`, nil, false},
		{"after a nested one", `{ outputs = { self }: { inputs.a = 1; }; inputs.b.url = "x"; }`, []string{"b"}, false},
		{"arguments of outputs", `{ outputs = inputs@{ self, nixpkgs, home-manager ? { a = 1, }, ... }: { }; }`, []string{"home-manager", "nixpkgs"}, false},
		{"arguments, named behind", `{ outputs = { nixpkgs, ... } @ inputs: { }; }`, []string{"nixpkgs"}, false},
		{"outputs without arguments", `{ outputs = inputs: { nixpkgs = 1; }; }`, nil, false},
		{"outputs that are a set", `{ outputs = { a = 1; }; }`, nil, false},
		{"a URL without quotes", `{ inputs.a.url = https://example.org/a*/b; inputs.b.url = github:o/r; }`, []string{"a", "b"}, false},
		{"an interpolated name", `{ inputs.${"a"}.url = "x"; inputs.b.url = "y"; }`, []string{"b"}, true},
		{"an update", `{ inputs = { a.url = "x"; } // import ./more.nix; }`, []string{"a"}, true},
		{"an expression", `{ inputs = import ./inputs.nix; }`, nil, true},
		{"inherited", `{ inherit (import ./x.nix) inputs; }`, nil, true},
		{"inherited input", `{ inputs = { inherit a; b.url = "x"; }; }`, []string{"a", "b"}, false},
		{"escapes", `{ description = "\" inputs.a = 1; \${"; inputs.b.url = "$${x} \\"; }`, []string{"b"}, false},
		{"an interpolation with a set", `{ description = "${{ inputs.a = "}"; }.x}"; inputs.b.url = ""; }`, []string{"b"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := declaredInputs([]byte(tt.src))
			if !slices.Equal(got.sorted(), tt.want) || got.unknown != tt.unknown {
				t.Errorf("got %v unknown=%t, want %v unknown=%t", got.sorted(), got.unknown, tt.want, tt.unknown)
			}
		})
	}
}

func FuzzDeclaredInputs(f *testing.F) {
	f.Add(`{ inputs = { a.url = "x${"y"}"; b = ''z ''${ ''' ''; }; outputs = { self, ... }@x: { }; }`)
	f.Add("{ inputs.\"a\\\"\" = /* } */ [ ( { ${ ")
	f.Add(`{ inherit ( inputs } ] `)
	f.Fuzz(func(t *testing.T, src string) {
		got := declaredInputs([]byte(src))
		if len(got.names) > len(src) {
			t.Errorf("%d names in %d bytes", len(got.names), len(src))
		}
	})
}

func lockJSON(nodes string) string {
	return `{ "nodes": { ` + nodes + ` }, "root": "root", "version": 7 }`
}

const nixpkgsNode = `"nixpkgs": { "locked": { "type": "github", "narHash": "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=" } }`

func TestLockState(t *testing.T) {
	plain := `{ inputs.nixpkgs.url = "github:NixOS/nixpkgs"; outputs = { self, nixpkgs }: { }; }`
	two := `{ inputs.nixpkgs.url = "x"; inputs.disko.url = "y"; outputs = _: { }; }`
	none := `{ outputs = { self }: { }; }`
	tests := []struct {
		name, nix, lock string
		missing         []string
		reason          string // "" is accepted
	}{
		{"no inputs, no lock", none, "", nil, ""},
		{"as Nix writes it", plain, lockText, nil, ""},
		{"input without a lock", plain, "", []string{"nixpkgs"}, "no lock"},
		{"inputs that only Nix can read, without a lock", `{ inputs = import ./i.nix; }`, "", nil, "no lock"},
		{"inputs that only Nix can read, with a lock", `{ inputs = import ./i.nix; }`, lockText, nil, ""},
		{"one of two is missing", two, lockText, []string{"disko"}, "does not lock every input"},
		{"an input without hash", plain, strings.Replace(lockText, "narHash", "nohash", 1), []string{"nixpkgs"}, "narHash"},
		{"a hash that is none", plain, strings.Replace(lockText, "sha256-BB", "sha256-B", 1), []string{"nixpkgs"}, "narHash"},
		{"only the original", plain, lockJSON(`"root": { "inputs": { "nixpkgs": "nixpkgs" } }, "nixpkgs": { "original": { "id": "nixpkgs", "type": "indirect" } }`), []string{"nixpkgs"}, "narHash"},
		{"a registry entry with a hash", plain, strings.Replace(lockText, `"type": "github"`, `"type": "indirect"`, 1), []string{"nixpkgs"}, "narHash"},
		{"a dangling node", plain, lockJSON(`"root": { "inputs": { "nixpkgs": "nixpkgs_2" } }`), []string{"root/nixpkgs"}, "does not hold"},
		{"a follows that leads nowhere", two, lockJSON(nixpkgsNode + `, "root": { "inputs": { "nixpkgs": "nixpkgs", "disko": ["nixpkgs", "x"] } }`), []string{"root/disko"}, "does not hold"},
		{"follows in a circle", two, lockJSON(nixpkgsNode + `, "root": { "inputs": { "nixpkgs": ["disko"], "disko": ["nixpkgs"] } }`), []string{"root/disko", "root/nixpkgs"}, "does not hold"},
		{"a follows", two, lockJSON(nixpkgsNode + `, "root": { "inputs": { "nixpkgs": "nixpkgs", "disko": ["nixpkgs"] } }`), nil, ""},
		{"a follows to the root", plain, lockJSON(strings.Replace(nixpkgsNode, `{ "locked"`, `{ "inputs": { "self": [] }, "locked"`, 1) + `, "root": { "inputs": { "nixpkgs": "nixpkgs" } }`), nil, ""},
		{"a relative path", plain, lockJSON(`"root": { "inputs": { "nixpkgs": "sub" } }, "sub": { "locked": { "type": "path", "path": "./sub" }, "parent": [] }`), nil, ""},
		{"a relative path that is not there", plain, lockJSON(`"root": { "inputs": { "nixpkgs": "sub" } }, "sub": { "locked": { "type": "path", "path": "../sub" } }`), []string{"sub"}, "narHash"},
		{"an absolute path without hash", plain, lockJSON(`"root": { "inputs": { "nixpkgs": "sub" } }, "sub": { "locked": { "type": "path", "path": "/sub" } }`), []string{"sub"}, "narHash"},
		{"not JSON", plain, "<<<<<<< HEAD\n{}", nil, "not a lock that Nix wrote"},
		{"an unknown version", plain, strings.Replace(lockText, `"version": 7`, `"version": 8`, 1), nil, "version 8"},
		{"no root", plain, `{ "nodes": { }, "root": "root", "version": 7 }`, nil, "root node"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := []File{{Path: "flake.nix", Data: []byte(tt.nix)}, {Path: "sub/flake.nix"}}
			if tt.lock != "" {
				files = append(files, File{Path: "flake.lock", Data: []byte(tt.lock)})
			}
			err := LockState(files)
			if tt.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var l *LockError
			if !errors.As(err, &l) {
				t.Fatalf("got %v, want a *LockError", err)
			}
			if diff := cmp.Diff(tt.missing, l.Missing); diff != "" {
				t.Error(diff)
			}
			for _, part := range append(tt.missing, tt.reason, "flake.lock", "nixdeploy lock") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not speak of %q", err, part)
				}
			}
		})
	}
}

func TestLockCommand(t *testing.T) {
	want := []string{"nix", "--extra-experimental-features", "nix-command flakes", "flake", "lock", "path:/tmp/a%20b%23c"}
	if diff := cmp.Diff(want, LockCommand("/tmp/a b#c")); diff != "" {
		t.Error(diff)
	}
}

func TestMadeFor(t *testing.T) {
	lock := func(original string) lockFile {
		l, err := parseLock([]byte(lockJSON(`"root": { "inputs": { "nixpkgs": "n" } }, "n": { "original": ` + original + ` }`)))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	tests := []struct {
		original, url string
		want          bool
	}{
		{`{ "type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "nixos-26.05" }`, "github:NixOS/nixpkgs/nixos-26.05", true},
		{`{ "type": "github", "owner": "nixos", "repo": "nixpkgs", "ref": "nixos-26.05" }`, "github:NixOS/nixpkgs/nixos-26.05", true},
		{`{ "type": "github", "owner": "NixOS", "repo": "nixpkgs" }`, "github:NixOS/nixpkgs", true},
		{`{ "type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": "0123" }`, "github:NixOS/nixpkgs/0123", true},
		{`{ "type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "a/b" }`, "github:NixOS/nixpkgs/a/b", true},
		{`{ "type": "github", "owner": "me", "repo": "nixpkgs", "ref": "nixos-26.05" }`, "github:NixOS/nixpkgs/nixos-26.05", false},
		{`{ "type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "nixos-25.11" }`, "github:NixOS/nixpkgs", false},
		{`{ "type": "path", "path": "/srv/nixpkgs" }`, "path:/srv/nixpkgs", true},
		{`{ "type": "path", "path": "/srv/nixpkgs" }`, "path:/srv/other", false},
		{`{ "type": "path", "path": "/srv/nixpkgs" }`, "github:NixOS/nixpkgs", false},
		{`{ "type": "tarball", "url": "https://example.org/x" }`, "github:NixOS/nixpkgs", false},
		// Left to Nix:
		{`{ "type": "github", "owner": "NixOS", "repo": "nixpkgs" }`, "github:NixOS/nixpkgs?ref=x", true},
		{`{ "type": "tarball", "url": "https://example.org/x" }`, "https://example.org/y", true},
	}
	for _, tt := range tests {
		if _, got := lock(tt.original).madeFor("nixpkgs", tt.url); got != tt.want {
			t.Errorf("%s for %s: %t", tt.original, tt.url, got)
		}
	}
}

func FuzzLockState(f *testing.F) {
	f.Add(lockText)
	f.Add(lockJSON(nixpkgsNode + `, "root": { "inputs": { "nixpkgs": ["nixpkgs"] } }`))
	f.Fuzz(func(t *testing.T, lock string) {
		_ = LockState([]File{
			{Path: "flake.nix", Data: []byte(`{ inputs.nixpkgs.url = "x"; }`)},
			{Path: "flake.lock", Data: []byte(lock)},
		})
	})
}

// What Nix locks is accepted, and what Nix refuses for want of a lock is not.
func TestLockStateAgreesWithNix(t *testing.T) {
	needNix(t, "nix")
	input, dir := t.TempDir(), t.TempDir()
	layOut(t, input, map[string]string{"flake.nix": "{ outputs = { self }: { x = 1; }; }"})
	layOut(t, dir, map[string]string{"flake.nix": `{ inputs.dep.url = "path:` + input + `"; outputs = { self, dep }: { inherit (dep) x; }; }`})

	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := LockState(f.Files); err == nil {
		t.Error("an unlocked input is accepted")
	}
	if out, err := nixTry(t, "eval", "--no-update-lock-file", "path:"+dir+"#x"); err == nil {
		t.Errorf("nix accepts an unlocked input: %s", out)
	}
	nixLock(t, dir)
	if f, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := LockState(f.Files); err != nil {
		t.Error(err)
	}
	if out := nix(t, "eval", "--no-update-lock-file", f.Ref(dir, "x")); strings.TrimSpace(out) != "1" {
		t.Errorf("nix eval of Ref says %q", out)
	}
	layOut(t, dir, map[string]string{"flake.nix": "{ }"})
	if out, err := nixTry(t, "eval", f.Ref(dir, "x")); err == nil {
		t.Errorf("nix accepts a changed flake: %s", out)
	}
}

// nixLock runs LockCommand, with a store of its own.
func nixLock(t *testing.T, dir string) {
	t.Helper()
	argv := LockCommand(dir)
	home := nixHome(t)
	cmd := exec.CommandContext(t.Context(), argv[0], append(argv[1:], "--option", "substituters", "", "--store", filepath.Join(home, "store"))...)
	cmd.Env = append(cmd.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}
