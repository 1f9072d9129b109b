package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
)

func renderCommand() command {
	return command{
		name: "render", usage: "write the flake that would be deployed into a folder",
		about: "To read it, or to keep it as your own ([flake] source = \"...\"). Contacts nothing. Files that you changed there are " +
			"never overwritten.",
		examples: []string{"render -o flake", "render --output /tmp/shop"},
		own: func() []cli.Flag {
			return []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `DIR` to write to"}, overrideInputFlag()}
		},
		run: runRender,
	}
}

func runRender(ctx context.Context, in *invocation) error {
	dir := in.cli.String("output")
	if dir == "" {
		return &usageError{what: "no folder to write to", hint: "nixdeploy render -o DIR", command: "render"}
	}
	inv, err := in.load()
	if err != nil {
		return err
	}
	f, err := in.openFlake(ctx, inv)
	if err != nil {
		return err
	}
	if err := f.Write(absolute(in.App, dir)); err != nil {
		return notWritten("the flake cannot be written to "+dir, err)
	}
	if in.json {
		return in.print(string(view.JSONDocument(map[string]any{
			"type": "render", "flake": f.Hash, "files": len(f.Files), "directory": dir, "overridden": in.overriddenInputs(),
		})))
	}
	with := ""
	if o := in.overriddenInputs(); o != "" {
		with = ", with " + in.out.Clean(o)
	}
	return in.print(fmt.Sprintf("%d files in %s, flake %s%s\n", len(f.Files), in.out.Clean(dir), f.Hash, with))
}

// noCopy is said where Nix was to be given a copy of the flake.
const noCopy = "there is no place for a copy of the flake"

// notWritten is an error of writing here: a refusal as it is, else what a person can
// mend, such as a disk that is full.
func notWritten(what string, err error) error {
	if _, refused := errors.AsType[*flake.Refusal](err); refused {
		return err
	}
	return &deploy.Problem{
		Code: deploy.CodeFile, What: what, Err: err, State: "no host was changed",
		Next: "make room, or see to it that you may write there; then run the same command again",
	}
}
