package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// workspace is a folder with the programs that are measured, and with all that
// they write: no file of the user's is read or changed.
type workspace struct {
	dir        string
	repository string
	nixdeploy  string // as users get it: static and stripped
	profiles   string // folder for profiles, "" for none
}

const module = "github.com/nixdeploy/nixdeploy/"

func newWorkspace(ctx context.Context, profiles string) (*workspace, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	dir, err := os.MkdirTemp("", "nixdeploy-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a working folder: %w", err)
	}
	w := &workspace{dir: dir, repository: strings.TrimSpace(string(root))}
	if profiles != "" {
		if w.profiles, err = filepath.Abs(profiles); err == nil {
			err = os.MkdirAll(w.profiles, 0o700)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make the folder of profiles: %w", err), os.RemoveAll(dir))
		}
	}
	w.nixdeploy, err = w.build(ctx, "cmd/nixdeploy")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return w, nil
}

// build builds a program of this repository and returns its path.
func (w *workspace) build(ctx context.Context, pkg string) (string, error) {
	path, strip := w.path("bin", filepath.Base(pkg)), "-ldflags=-s -w"
	if w.profiles != "" { // perf needs the names, and the program where it was
		path, strip = filepath.Join(w.profiles, filepath.Base(pkg)), "-ldflags="
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", strip, "-o", path, module+pkg)
	cmd.Env, cmd.Dir = append(os.Environ(), "CGO_ENABLED=0"), w.repository
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

func (w *workspace) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

// write makes a file, and the folders above it.
func (w *workspace) write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	return nil
}

func (w *workspace) remove(keep bool, say func(string)) {
	if keep {
		say("kept " + w.dir)
		return
	}
	if err := os.RemoveAll(w.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		say(err.Error())
	}
}

// operator is somebody with a home, a fleet folder and a state folder.
type operator struct {
	*workspace
	dir string
}

func (w *workspace) operator(name string) operator { return operator{w, w.path(name)} }

func (o operator) fleet(parts ...string) string {
	return filepath.Join(append([]string{o.dir, "fleet"}, parts...)...)
}

func (o operator) home(parts ...string) string {
	return filepath.Join(append([]string{o.dir, "home"}, parts...)...)
}

// environ is all that the contenders get of an environment: no agent, no
// configuration of the user's, no proxies.
func (o operator) environ() []string {
	return []string{
		"HOME=" + o.home(), "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "USER=bench",
		"NIXDEPLOY_STATE_DIR=" + filepath.Join(o.dir, "state"),
	}
}

// command makes a command of the operator, in the folder of the fleet.
func (o operator) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = o.fleet(), o.environ()
	return cmd
}

// must runs a step of a preparation.
func must(start starter, cmd *exec.Cmd) error {
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, newest(out.String(), 40))
	}
	return nil
}

// A flake without inputs, for hosts whose Nix is simulated.
const (
	plainFlake = "{ outputs = _: { }; }\n"
	plainLock  = `{"nodes":{"root":{}},"root":"root","version":7}` + "\n"
)

func (o operator) writePlainFlake() error {
	return errors.Join(
		o.write(o.fleet("flake", "flake.nix"), plainFlake),
		o.write(o.fleet("flake", "flake.lock"), plainLock))
}
