package flake

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// A flake with a file that one may not read is refused, as hosts.toml is: no host
// was contacted, and nothing of nixdeploy is broken.
func TestAFlakeThatMayNotBeRead(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{"flake.nix": "{ }", "secret.nix": "{ }"})
	if err := errors.Join(os.Chmod(filepath.Join(dir, "secret.nix"), 0), os.Chmod(filepath.Dir(dir), 0o711)); err != nil {
		t.Fatal(err)
	}
	defer asNobody()()
	for _, source := range []string{dir, "rendered"} {
		inv := &inventory.Inventory{
			Path: filepath.Join(dir, "hosts.toml"), Fleet: "home", Flake: inventory.FlakeSource{Source: source, Nixpkgs: "github:NixOS/nixpkgs/nixos-26.05"},
			Hosts: []inventory.Host{{Name: "web-1", Target: "server", Modules: []string{"secret.nix"}}},
		}
		for name, open := range map[string]func(*inventory.Inventory) (*Flake, error){"FromInventory": FromInventory, "Unlocked": Unlocked} {
			_, err := open(inv)
			if !errors.As(err, new(*Refusal)) || !strings.Contains(err.Error(), "secret.nix: permission denied") {
				t.Errorf("%s of %s: %T %v", name, source, err, err)
			}
		}
	}
}

// asNobody has this goroutine open files as nobody would, since root may read all,
// until it is called off.
func asNobody() (over func()) {
	const nobody = 65534
	runtime.LockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0) // it reports no failure
	return func() {
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(os.Geteuid()), 0, 0)
		runtime.UnlockOSThread()
	}
}
