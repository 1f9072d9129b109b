package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Inputs of the flake can be replaced for an evaluation on this machine: to try a
// newer nixpkgs, or a checkout of one. What is applied never has this: it is locked.

const overrideInput = "override-input"

func overrideInputFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: overrideInput, Usage: "evaluate here with another input: `NAME=REF`, repeated; nothing of it is applied"}
}

// inputName is an input, or one of an input (home-manager/nixpkgs).
var inputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_'-]*(/[A-Za-z_][A-Za-z0-9_'-]*)*$`)

// parseInputs reads NAME=REF.
func parseInputs(c command, values []string) ([][2]string, error) {
	var out [][2]string
	for _, v := range values {
		name, ref, ok := strings.Cut(v, "=")
		if !ok || !inputName.MatchString(name) || ref == "" || strings.HasPrefix(ref, "-") {
			return nil, &usageError{
				what: "--" + overrideInput + " " + quoted(v) + ": it takes NAME=REF", command: c.name,
				hint: "for instance --" + overrideInput + " nixpkgs=path:../nixpkgs",
			}
		}
		out = append(out, [2]string{name, ref})
	}
	return out, nil
}

// overriddenInputs says which inputs are replaced, "" for none.
func (o options) overriddenInputs() string {
	var words []string
	for _, in := range o.inputs {
		words = append(words, in[0]+" overridden by "+in[1])
	}
	return strings.Join(words, ", ")
}

// openOverridden is openFlake with inputs replaced. It needs Nix here, and locks
// in a copy: no flake.lock of the user's is read for what is replaced, none is
// written. The flake that it returns is not to be sent to a host, and whatever is
// told of it names the inputs that were replaced.
func (in *invocation) openOverridden(ctx context.Context, inv *inventory.Inventory) (*flake.Flake, error) {
	f, lock, err := in.lockOverridden(ctx, inv)
	if err != nil {
		return nil, err
	}
	return f.WithLock(lock)
}

// lockOverridden gives the flake and the lock that the replaced inputs come to.
func (in *invocation) lockOverridden(ctx context.Context, inv *inventory.Inventory) (*flake.Flake, []byte, error) {
	f, err := flake.Unlocked(inv)
	if err != nil {
		return nil, nil, err
	}
	// Nix takes a name that is none silently, and then tells of what was there before.
	for _, i := range in.inputs {
		name, _, _ := strings.Cut(i[0], "/") // home-manager/nixpkgs is an input of an input
		if err := f.CheckInputs(name); err != nil {
			return nil, nil, err
		}
	}
	nix := nixHere(ctx, in.App)
	if nix == nil {
		return nil, nil, &usageError{
			what: "--" + overrideInput + " evaluates here, and there is no Nix 2.18 or newer on this machine",
			hint: "name the input in hosts.toml, [flake] nixpkgs = ..., then: " + in.recommend("lock"),
		}
	}
	in.warnOfFlake(f)
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	lock, err := in.lockHere(ctx, nix.path, f)
	return f, lock, err
}

// onlyQuick refuses what an evaluation with replaced inputs cannot be followed by.
func (in *invocation) onlyQuick() error {
	if len(in.inputs) == 0 {
		return nil
	}
	words := []string{"plan", "--quick"}
	for _, i := range in.inputs {
		words = append(words, "--"+overrideInput, i[0]+"="+i[1])
	}
	switch {
	case !in.cli.Bool("quick"):
		return &usageError{
			what: "--" + overrideInput + " evaluates here only: the hosts are not sent what it comes to",
			hint: "write: " + in.recommend(words...), command: "plan",
		}
	case in.outFile != "":
		return &usageError{
			what: fmt.Sprintf("--%s and --out exclude each other: what is applied is locked", overrideInput), command: "plan",
			hint: "name the input in hosts.toml, [flake] nixpkgs = ..., then: " + in.recommend("lock"),
		}
	}
	return nil
}
