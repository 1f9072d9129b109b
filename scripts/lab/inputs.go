package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inputsDir is where hosts have the inputs of a rendered flake: a lock names the
// folder, so it is one for all of them.
const inputsDir = "/srv/inputs"

// standIns are inputs that are as flake/testdata has them.
var standIns = []string{"nixos-wsl", "nixos-apple-silicon", "home-manager"}

// InputsTOML is what the table [flake] of an inventory says for its flake to be
// rendered on the inputs that CopyInputs brings.
func InputsTOML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source = \"rendered\"\nnixpkgs = \"path:%s/nixpkgs\"\n", inputsDir)
	for _, name := range standIns {
		fmt.Fprintf(&b, "inputs.%s = \"path:%s/%s\"\n", name, inputsDir, name)
	}
	return b.String()
}

// CopyInputs gives hosts the inputs of a rendered flake, which nobody can
// download here: the stand-ins of flake/testdata, with a nixpkgs whose systems
// minios builds.
func CopyInputs(t testing.TB, hosts ...*Host) {
	t.Helper()
	dir := t.TempDir()
	testdata := filepath.Join(sourceDir(), "..", "..", "flake", "testdata")
	for _, name := range standIns {
		copyFolder(t, filepath.Join(testdata, name), filepath.Join(dir, name))
	}
	nixpkgs := filepath.Join(dir, "nixpkgs")
	copyFolder(t, filepath.Join(testdata, "nixpkgs"), nixpkgs)
	// The lab's own file takes its place, and imports it.
	if err := os.Rename(filepath.Join(nixpkgs, "nixos/behaviour/toplevel.nix"), filepath.Join(nixpkgs, "nixos/toplevel.nix")); err != nil {
		t.Fatalf("lab: the stand-in nixpkgs: %v", err)
	}
	copyFolder(t, filepath.Join(sourceDir(), "nixpkgs"), nixpkgs)
	copyFolder(t, filepath.Join(sourceDir(), "flake/minios"), filepath.Join(nixpkgs, "minios"))
	for _, host := range hosts {
		host.CopyFlake(dir, inputsDir)
	}
}

func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatalf("lab: copying %s: %v", from, err)
	}
}
