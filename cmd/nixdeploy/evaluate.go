package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// evaluateTimeout bounds the evaluation of one host's system, the wait for a place
// among the others included; evaluateGrace is how much later one is cut off that
// does not end.
const (
	evaluateTimeout = 30 * time.Minute
	evaluateGrace   = 5 * time.Second
)

// localNix is a Nix on the control machine that is new enough to evaluate with:
// nixpkgs itself asks for 2.18.
type localNix struct{ path, version string }

var nixVersion = regexp.MustCompile(`\b(\d+)\.(\d+)[0-9A-Za-z.]*`)

// nixHere finds a usable Nix, nil when the hosts have to evaluate.
func nixHere(ctx context.Context, a App) *localNix {
	path := a.lookPath("nix")
	if path == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil
	}
	m := nixVersion.FindStringSubmatch(string(out))
	if m == nil || !atLeast218(m[1], m[2]) {
		return nil
	}
	return &localNix{path: path, version: m[0]}
}

func atLeast218(major, minor string) bool {
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 2 || a == 2 && b >= 18)
}

// evaluator evaluates a flake on this machine, in a copy of exactly what is
// deployed. Safe for concurrent use: so many at a time as there are places.
type evaluator struct {
	nix    *localNix
	flake  *flake.Flake
	dir    string
	places chan struct{}
}

// evaluations at once: each takes a core and, with a real nixpkgs, a gigabyte.
const evaluations = 2

func newEvaluator(nix *localNix, f *flake.Flake) (*evaluator, error) {
	dir, err := os.MkdirTemp("", "nixdeploy-flake-")
	if err != nil {
		return nil, notWritten(noCopy, err)
	}
	e := &evaluator{nix: nix, flake: f, dir: dir, places: make(chan struct{}, evaluations)}
	if err := f.Write(filepath.Join(dir, "flake")); err != nil {
		e.close()
		return nil, notWritten(noCopy, err)
	}
	return e, nil
}

func (e *evaluator) close() { _ = os.RemoveAll(e.dir) }

// toplevel is what the flake comes to for a host. Nothing is built or fetched
// but the flake's inputs.
func (e *evaluator) toplevel(ctx context.Context, h inventory.Host) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, evaluateTimeout)
	defer cancel()
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	case <-ctx.Done():
		return "", overdue(ctx, "evaluating here", evaluateTimeout)
	}
	cmd := exec.CommandContext(ctx, e.nix.path, nixos.EvaluateArgs(e.flake.Ref(filepath.Join(e.dir, "flake"), ""), h.Attribute)...)
	cmd.Dir, cmd.WaitDelay = "/", evaluateGrace
	out, err := cmd.Output()
	if err != nil {
		return "", notEvaluated(ctx, err, h)
	}
	return nixos.ParseEvaluation(string(out))
}
