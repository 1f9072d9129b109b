package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixerror"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// askOptions evaluates with the Nix of this machine, else with the host's. here
// says which it was.
func (in *invocation) askOptions(
	ctx context.Context, h inventory.Host, f *flake.Flake, q deploy.OptionQuery,
) (answer deploy.OptionAnswer, here bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, evaluateTimeout)
	defer cancel()
	if nix := nixHere(ctx, in.App); nix != nil {
		in.tell("evaluating here, by Nix " + nix.version + "\n")
		answer, err = optionsHere(ctx, nix, h, f, q)
		err = in.withHint(err, h)
		return answer, true, err
	}
	in.tell(fmt.Sprintf("no Nix 2.18 or newer here: evaluating on %s\n", h.Name))
	answer, err = optionsOnHost(ctx, h, f, q)
	if err != nil && ctx.Err() != nil {
		err = overdue(ctx, "evaluating on the host", evaluateTimeout)
	}
	return answer, false, in.withHint(err, h)
}

// withHint adds the host and what to do to an evaluation that failed.
func (in *invocation) withHint(err error, h inventory.Host) error {
	p, ok := errors.AsType[*deploy.Problem](err)
	if !ok {
		return err
	}
	p.Host = h.Name
	if p.Code == deploy.CodeEvaluation && p.Next == "" {
		p.Next = nixerror.Hint(p.Details, h)
	}
	return in.named(p)
}

func optionsHere(ctx context.Context, nix *localNix, h inventory.Host, f *flake.Flake, q deploy.OptionQuery) (deploy.OptionAnswer, error) {
	e, err := newEvaluator(nix, f)
	if err != nil {
		return deploy.OptionAnswer{}, err
	}
	defer e.close()
	args, err := nixos.OptionArgs(f.Ref(filepath.Join(e.dir, "flake"), ""), q)
	if err != nil {
		return deploy.OptionAnswer{}, err
	}
	cmd := exec.CommandContext(ctx, nix.path, args...)
	cmd.Dir, cmd.WaitDelay = "/", 5*time.Second
	out, err := cmd.Output()
	if err != nil {
		return deploy.OptionAnswer{}, notEvaluated(ctx, err, h)
	}
	return nixos.ParseOption(string(out))
}

// notEvaluated is what a nix of this machine could not evaluate.
func notEvaluated(ctx context.Context, err error, h inventory.Host) error {
	if ctx.Err() != nil {
		return overdue(ctx, "evaluating here", evaluateTimeout)
	}
	p := &deploy.Problem{Code: deploy.CodeEvaluation, What: "the flake does not evaluate here", Err: err}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		saidBy(p, string(exit.Stderr), h)
	}
	return p
}

// saidBy tells what a nix printed, in place of how it ended, and what to do.
func saidBy(p *deploy.Problem, output string, h inventory.Host) {
	said := strings.Split(strings.TrimSpace(output), "\n")
	p.Err, p.Details, p.Next = nil, nixerror.Evidence(said, 20), nixerror.Hint(said, h)
}

// overdue says why ctx ended: by a limit of ours, which is a failure like another,
// or by an interruption.
func overdue(ctx context.Context, what string, limit time.Duration) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return &deploy.Problem{
		Code: deploy.CodeEvaluation, What: fmt.Sprintf("%s took longer than %v, and was ended", what, limit), State: "not touched",
		Next: "look whether the inputs can be fetched from there, then run the same command again",
	}
}
