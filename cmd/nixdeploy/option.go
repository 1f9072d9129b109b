package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func optionCommand() command {
	return command{
		name: "option", usage: "show which file sets a NixOS option of a host, and what it overrode",
		args: "HOST [PATH]", maxArgs: 2, anyOrder: true,
		about: "PATH is that of an option (services.nginx.virtualHosts.\"a.b\".root), or of a folder of them. Without PATH: every " +
			"option that hosts.toml sets for the host, and who won.\n" +
			"Each definition is told with its priority (mkDefault, plain, mkForce; the least number wins) and, of a rendered flake, " +
			"its layer: base, hardware, service, desktop, target, host. Nothing is built or changed. It evaluates with the Nix of this " +
			"machine (2.18 or newer), else with that of the host.",
		examples: []string{"option web-1", "option web-1 services.openssh.enable", "option web-1 'services.nginx.virtualHosts.\"a.b\".root' --json",
			"option web-1 system.build.toplevel"},
		own: func() []cli.Flag { return []cli.Flag{overrideInputFlag()} },
		run: runOption,
	}
}

func runOption(ctx context.Context, in *invocation) error {
	if len(in.args) == 0 {
		return &usageError{what: "no host given", hint: "nixdeploy option HOST PATH", command: "option"}
	}
	inv, err := in.load()
	if err != nil {
		return err
	}
	h, err := in.hostCalled(inv, in.args[0], "option")
	if err != nil {
		return err
	}
	paths, err := in.optionPaths(inv, h)
	if err != nil {
		return err
	}
	f, err := in.openFlake(ctx, inv)
	if err != nil {
		return err
	}
	answer, here, err := in.askOptions(ctx, h, f, deploy.OptionQuery{Attribute: h.Attribute, Paths: paths})
	if err != nil {
		return err
	}
	if len(answer.Options) != len(paths) {
		return in.noConfiguration(h, answer, here)
	}
	for _, o := range answer.Options {
		if o.Kind == deploy.UnknownKind {
			return in.unknownOption(h, o, here)
		}
	}
	return in.showOptions(inv, h, f, answer)
}

// optionPaths are those that are asked for: PATH, or what hosts.toml sets.
func (in *invocation) optionPaths(inv *inventory.Inventory, h inventory.Host) ([][]string, error) {
	if len(in.args) == 2 {
		path, err := inventory.SplitAttrPath(in.args[1])
		if err != nil {
			return nil, &usageError{what: err.Error(), hint: `an option's path is like services.nginx.virtualHosts."a.b".root`, command: "option"}
		}
		return [][]string{path}, nil
	}
	if !inv.Flake.Rendered() {
		return nil, &usageError{
			what: "[flake] source is a flake of your own, so hosts.toml sets no options",
			hint: "name one: " + in.recommend("option", h.Name, "networking.hostName"), command: "option",
		}
	}
	var paths [][]string
	for _, level := range []map[string]any{h.Override.Force, h.Override.Plain, h.Override.Default} {
		for key := range level {
			path, err := inventory.SplitAttrPath(key)
			if err != nil {
				return nil, err // the inventory was checked
			}
			if !slices.ContainsFunc(paths, func(p []string) bool { return slices.Equal(p, path) }) {
				paths = append(paths, path)
			}
		}
	}
	slices.SortFunc(paths, slices.Compare)
	return paths, nil
}

// noConfiguration: the flake has no entry for the host.
func (in *invocation) noConfiguration(h inventory.Host, a deploy.OptionAnswer, here bool) error {
	hint := "it has " + strings.Join(a.Configurations, ", ")
	if len(a.Configurations) == 0 {
		hint = "it has none at all"
	}
	return in.notThere(h, here, fmt.Sprintf("the flake has no nixosConfigurations.%q", h.Attribute), fmt.Sprintf("%s; [hosts.%s] attribute names one", hint, h.Name))
}

// unknownOption says what was meant, as far as that can be guessed.
func (in *invocation) unknownOption(h inventory.Host, o deploy.OptionFacts, here bool) error {
	what := fmt.Sprintf("%s has no option %s", h.Name, inventory.JoinAttrPath(o.Path))
	at := o.Path[len(o.Loc)]
	if near := nearest(at, o.Names); near != "" {
		path := slices.Concat(o.Loc, []string{near}, o.Path[len(o.Loc)+1:])
		return in.notThere(h, here, what, "did you mean "+inventory.JoinAttrPath(path)+"?\n"+in.recommend("option", h.Name, inventory.JoinAttrPath(path)))
	}
	if len(o.Loc) == 0 {
		return in.notThere(h, here, what, "there is nothing called "+quoted(at)+" at the top")
	}
	return in.notThere(h, here, what, "below "+inventory.JoinAttrPath(o.Loc)+": "+fewNames(o.Names, 12)+"\n"+
		in.recommend("option", h.Name, inventory.JoinAttrPath(o.Loc)))
}

// notThere is exit 2 where nothing was contacted, else 4.
func (in *invocation) notThere(h inventory.Host, here bool, what, hint string) error {
	if here {
		return &usageError{what: what, hint: hint, command: "option"}
	}
	return &deploy.Problem{Code: deploy.CodeEvaluation, Host: h.Name, What: what, Next: hint}
}

func fewNames(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// showOptions prints the answer. An option without a value is a failure: 4.
func (in *invocation) showOptions(inv *inventory.Inventory, h inventory.Host, f *flake.Flake, a deploy.OptionAnswer) error {
	rendered := inv.Flake.Rendered()
	page := view.OptionPage{
		Host: h.Name, Rendered: rendered, Overridden: in.overriddenInputs(), Flake: f.Hash, Inputs: f.Manifest("").Inputs,
		Options: a.Options, One: len(in.args) == 2,
	}
	var err error
	if in.json {
		_, err = in.Stdout.Write(view.JSONOptions(versionNumber(), page))
	} else {
		err = in.print(in.out.Options(page))
	}
	if err != nil {
		return err
	}
	for _, o := range a.Options {
		if o.Kind == deploy.OptionKind && o.Fails {
			return exitError(problemExit([]*deploy.Problem{{Code: deploy.CodeEvaluation, Host: h.Name}}))
		}
	}
	return nil
}
