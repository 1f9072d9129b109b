package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
)

// A plan says what made the flake another one, where this machine knows the old.
func TestAPlanSaysWhyTheFlakeIsNew(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--on", "box-1")
	s.says(t, "New: since ", " on box-1: what that was made of is not known on this machine")
	s.run(t, 0, "apply", "--on", "box-1", "--yes")
	s.run(t, 0, "plan", "--on", "box-1")
	if strings.Contains(s.said(), "New: ") {
		t.Error("the same flake is called new")
	}
	s.release(t, simfleet.DemoBad)
	s.run(t, 0, "plan", "--on", "box-1")
	s.says(t, "New: since ", " on box-1: changed ", "inventory.json")
	s.run(t, 0, "apply", "--on", "box-1", "--yes")
	s.says(t, "New: since ", "inventory.json")

	s.elsewhere(t)
	s.release(t, simfleet.DemoGood)
	s.run(t, 0, "plan", "--on", "box-1", "--json")
	s.says(t, "on box-1: what that was made of is not known on this machine")
}

func TestManifestsArePrivateAndFew(t *testing.T) {
	m := manifests{filepath.Join(t.TempDir(), "flakes")}
	made := func(n int) *flake.Flake {
		files := []flake.File{{Path: "flake.nix", Data: make([]byte, n)}}
		return &flake.Flake{Source: "/own", Hash: flake.HashFiles(files), Files: files}
	}
	for n := range keptManifests + 3 {
		if err := m.keep(made(n)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(m.dir)
	if err != nil || len(entries) != keptManifests {
		t.Errorf("%d are kept, %v", len(entries), err)
	}
	for path, mode := range map[string]os.FileMode{m.dir: 0o700, m.path(made(keptManifests).Digest()): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if why, known := m.since(made(1), made(keptManifests).Digest()); !known || len(why) != 1 || why[0] != "changed flake.nix" {
		t.Errorf("why is %q, known %v", why, known)
	}
}

// What a host says of itself becomes no path.
func TestADigestIsNoPath(t *testing.T) {
	dir := t.TempDir()
	m := manifests{filepath.Join(dir, "flakes")}
	if err := os.WriteFile(filepath.Join(dir, "secret.json"), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, digest := range []string{"../secret", "", strings.Repeat("A", 64)} {
		if _, known := m.since(&flake.Flake{}, digest); known {
			t.Errorf("%q was read", digest)
		}
	}
}
