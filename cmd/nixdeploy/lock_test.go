package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// ownFlake is a fleet with a flake of its own, and a nix that does what body says;
// $dir is the flake that it is asked about.
func ownFlake(t *testing.T, body string) *call {
	t.Helper()
	c := newCall(t, &fakeDriver{})
	put(t, filepath.Join(c.Dir, "mine", "flake.nix"), "{ outputs = _: { }; }")
	put(t, filepath.Join(c.Dir, "hosts.toml"), strings.Replace(testInventory, `nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"`, `source = "mine"`, 1))
	app, _ := standInNix(t, "nix (Nix) 2.28.3", `for a in "$@"; do case $a in path:*) dir=${a#path:} ;; esac; done`+"\n"+body)
	c.Environ = append(c.Environ, app.Environ...)
	return c
}

const writesLock = `echo '{"nodes":{"root":{}},"root":"root","version":7}' >"$dir/flake.lock"`

// nix flake lock ends with 0 there, and makes no flake.lock.
func TestAFlakeWithoutInputsNeedsNoLock(t *testing.T) {
	c := ownFlake(t, "exit 0")
	c.expect(t, 0, "lock")
	contains(t, "stdout", c.stdout.String(), "no inputs: there is nothing to lock", "Next: nixdeploy plan")
	c.expect(t, 0, "lock", "--json")
	contains(t, "stdout", c.stdout.String(), `"changed": false`, `"inputs": []`)
	if _, err := os.Stat(filepath.Join(c.Dir, "mine", "flake.lock")); err == nil {
		t.Error("a lock was written")
	}
	c.expect(t, 2, "lock", "--override-input", "nixpkgs=path:/x")
	contains(t, "stderr", c.stderr.String(), "no inputs")
}

func TestALockThatFailsSaysWhatToDo(t *testing.T) {
	c := ownFlake(t, `echo "error: unable to download 'https://api.github.com/x': Could not resolve host" >&2; exit 1`)
	c.expect(t, 4, "lock")
	contains(t, "stderr", flat(c.stderr.String()), "error[evaluation]: nix could not lock the inputs here", "Could not resolve host", "substituters")

	c = ownFlake(t, writesLock+`; /bin/mkdir "$HOME/mine/flake.lock"`) // newCall's HOME is its folder
	c.expect(t, 4, "lock")
	contains(t, "stderr", flat(c.stderr.String()), "error[file]", "mine/flake.lock could not be read")
}

// A lock is there whole, or as it was, and written nowhere else.
func TestALockIsWrittenBesideNoLink(t *testing.T) {
	c := ownFlake(t, writesLock)
	other := filepath.Join(c.Dir, "other")
	put(t, other, "mine")
	put(t, filepath.Join(c.Dir, "hosts.toml"), testInventory) // rendered: the lock is beside it
	if err := os.Symlink(other, filepath.Join(c.Dir, "flake.lock.new")); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 0, "lock")
	if data, err := os.ReadFile(other); err != nil || string(data) != "mine" {
		t.Errorf("what a link leads to was written: %q, %v", data, err)
	}
	info, err := os.Lstat(filepath.Join(c.Dir, "flake.lock"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
}

// A limit of ours is a failure like another; an interruption is none.
func TestWhatTakesTooLongIsToldAsThat(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errInterrupted)
	app, _ := standInNix(t, "nix (Nix) 2.28.3", "exit 1")
	app.Stderr = io.Discard
	f, err := flake.Open(filepath.Join(ownFlake(t, "").Dir, "mine"))
	if err != nil {
		t.Fatal(err)
	}
	nix := nixHere(t.Context(), app)
	for name, ask := range map[string]func(context.Context) error{
		"lock": func(ctx context.Context) error {
			_, err := (&invocation{App: app}).lockHere(ctx, nix.path, f)
			return err
		},
		"option": func(ctx context.Context) error {
			_, err := optionsHere(ctx, nix, inventory.Host{Name: "web-1"}, f, deploy.OptionQuery{})
			return err
		},
		"plan": func(ctx context.Context) error {
			e, err := newEvaluator(nix, f)
			if err != nil {
				t.Fatal(err)
			}
			defer e.close()
			_, err = e.toplevel(ctx, inventory.Host{Name: "web-1"})
			return err
		},
	} {
		err := ask(late)
		if p, ok := errors.AsType[*deploy.Problem](err); !ok || !strings.Contains(p.What, "took longer than") || p.Next == "" || exitCode(err, false) != 4 {
			t.Errorf("%s: %v", name, err)
		}
		if err := ask(stopped); !errors.Is(err, errInterrupted) {
			t.Errorf("%s: interrupted: %v", name, err)
		}
	}
}
