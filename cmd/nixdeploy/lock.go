package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// lockTimeout bounds the download of the inputs.
const lockTimeout = 15 * time.Minute

func lockCommand() command {
	return command{
		name: "lock", usage: "write the missing parts of flake.lock, or update it",
		args: "[INPUT]...", maxArgs: maxInputs, anyOrder: true,
		about: "Every input of a flake must be locked before it is deployed. It needs Nix: on this machine, or else on the first " +
			"host that --on and --stage select. What is locked stays as it is, but with --update: then the inputs named, or all of " +
			"them, are locked anew, and what moved is shown.\n" +
			"With --override-input the lock is printed instead, and flake.lock stays as it is.",
		examples: []string{"lock", "lock --on dev-1", "lock --update", "lock --update nixpkgs home-manager",
			"lock --override-input nixpkgs=github:NixOS/nixpkgs/nixos-unstable"},
		own: func() []cli.Flag {
			return append(selectFlags(), &cli.BoolFlag{Name: "update", Aliases: []string{"u"}, Usage: "lock the INPUTs anew, or all of them"}, overrideInputFlag())
		},
		run: runLock,
	}
}

// maxInputs is more than any flake has at its root.
const maxInputs = 200

func runLock(ctx context.Context, in *invocation) error {
	update := in.cli.Bool("update")
	if len(in.args) > 0 && !update {
		if near := nearest(in.args[0], secondWords("lock")); near != "" {
			return &usageError{what: "lock does not take " + quoted(in.args[0]), hint: "did you mean lock " + near + "?", command: "lock"}
		}
		return &usageError{
			what: "inputs are named only to update them", command: "lock",
			hint: "write: " + shellLine(append([]string{"nixdeploy", "lock", "--update"}, in.args...)...) + "; hosts are chosen by --on",
		}
	}
	if update && len(in.inputs) > 0 {
		return &usageError{what: "--update and --" + overrideInput + " exclude each other", hint: "without --update the lock is printed", command: "lock"}
	}
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	if len(in.inputs) > 0 {
		_, lock, err := in.lockOverridden(ctx, inv)
		if err != nil {
			return err
		}
		in.tell("locked with " + in.err.Clean(in.overriddenInputs()) + "; not written: " + in.err.Clean(in.display(flake.LockPath(inv))) + "\n")
		return in.print(string(lock))
	}
	f, err := flake.Unlocked(inv)
	if err != nil {
		return err
	}
	if update {
		if f, err = f.WithoutLocks(in.args...); err != nil {
			return err
		}
	}
	for _, w := range f.Warnings {
		in.tell("warning: " + in.err.Clean(w) + "\n")
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	var lock []byte
	if nix := in.lookPath("nix"); nix != "" {
		lock, err = in.lockHere(ctx, nix, f)
	} else {
		in.tell(fmt.Sprintf("no Nix here: locking on %s\n", hosts[0].Name))
		lock, err = lockOnHost(ctx, hosts[0], f)
		if err != nil && ctx.Err() != nil {
			err = overdue(ctx, "locking the inputs on the host", lockTimeout)
		}
		err = in.withHint(err, hosts[0])
	}
	if err != nil {
		return err
	}
	return in.keepLock(inv, lock, update)
}

// lockHere runs nix in a copy of the flake, so that Nix sees, and copies to its
// world-readable store, no more than what is deployed. A nil lock is one of a
// flake without inputs.
func (in *invocation) lockHere(ctx context.Context, nix string, f *flake.Flake) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "nixdeploy-lock-")
	if err != nil {
		return nil, notWritten(noCopy, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	dir := filepath.Join(tmp, "flake")
	if err := f.Write(dir); err != nil {
		return nil, notWritten(noCopy, err)
	}
	argv := flake.OverrideCommand(dir, in.inputs)
	in.tell("locking the inputs with the nix of this machine\n")
	cmd := exec.CommandContext(ctx, nix, argv[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = in.Environ, in.Dir, 10*time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, overdue(ctx, "locking the inputs here", lockTimeout)
		}
		p := &deploy.Problem{Code: deploy.CodeEvaluation, What: "nix could not lock the inputs here", State: "nothing was contacted but where the inputs are", Err: err}
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			saidBy(p, said.String(), inventory.Host{Name: "HOST", Attribute: "HOST"})
		}
		return nil, in.named(p)
	}
	lock, err := os.ReadFile(filepath.Join(dir, "flake.lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return lock, err
}

// keepLock puts the lock beside hosts.toml, or into the user's own flake.
func (in *invocation) keepLock(inv *inventory.Inventory, lock []byte, update bool) error {
	path := flake.LockPath(inv)
	if lock == nil {
		return in.showNoInputs(in.display(path))
	}
	failed := func(what string, err error) error {
		return &deploy.Problem{
			Code: deploy.CodeFile, What: in.display(path) + " could not be " + what, State: "it is as it was", Err: err,
			Next: "mend that, then run the same command again",
		}
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("read", err)
	}
	changed := !bytes.Equal(old, lock)
	if changed {
		if err := replaceFile(path, lock, 0o644); err != nil {
			return failed("written", err)
		}
	}
	return in.showLock(in.display(path), changed, update, flake.LockChanges(old, lock))
}

// lookPath finds a program on the App's PATH, "" when it is not there.
func (a App) lookPath(name string) string {
	for _, dir := range filepath.SplitList(a.getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && filepath.IsAbs(dir) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
