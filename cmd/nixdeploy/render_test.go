package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A folder that cannot be written is no bug of nixdeploy's: what, why and what to
// do are told, and the exit code is that of a run that changed nothing.
func TestRenderIntoAPlaceThatCannotBeWritten(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	if err := os.WriteFile(filepath.Join(c.Dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 4, "render", "-o", "file/flake")
	contains(t, "stderr", c.stderr.String(), "error[file]", "the flake cannot be written to file/flake", "make room")
}

// Neither is a place for temporary files that is not there.
func TestLockWithoutAPlaceForACopy(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "nix"), []byte("#!/bin/sh\n"), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	c.Environ = append(c.Environ, "PATH="+bin)
	t.Setenv("TMPDIR", filepath.Join(c.Dir, "nowhere"))
	c.expect(t, 4, "lock")
	contains(t, "stderr", c.stderr.String(), "error[file]", noCopy)
}
