package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

func applyCommand() command {
	return command{
		name: "apply", usage: "bring the hosts to the flake, stage by stage, and back where a check fails",
		args: "[FILE]", maxArgs: 1, anyOrder: true,
		about: "Each stage is planned when its gate opens; its plan is shown and, on a terminal, asked about. " +
			"A stage begins only when this very flake is confirmed on the stages before it, within its windows, and where it asks for it " +
			"with an approval, for which --yes does not stand. The first Ctrl-C begins no further host, " +
			"the second leaves the hosts in flight to their guards. With FILE, a plan of plan --out, exactly that is done, and nothing is " +
			"asked; if a host, the inventory or the flake has changed since, nothing is.",
		examples: []string{"apply", "apply --stage dev --yes", "apply --stage prod --on web-1,@eu",
			"apply --stage prod --override-gate 'hotfix 4711' --yes", "apply release.plan"},
		own: func() []cli.Flag {
			return append(selectFlags(), yesFlag(), firstFlag(), acceptFlag(), overrideFlag(), parallelFlag(), lockWaitFlag())
		},
		run: runApply,
	}
}

func runApply(ctx context.Context, in *invocation) error {
	if len(in.args) > 0 {
		return applySaved(ctx, in)
	}
	if err := in.mustBeAbleToAsk("apply"); err != nil {
		return err
	}
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	if err := in.unsigned(inv); err != nil {
		return err
	}
	f, err := in.openFlake(ctx, inv)
	if err != nil {
		return err
	}
	in.rememberFlake(f)
	return (&change{invocation: in, command: "apply", inv: inv, hosts: hosts, flake: f}).run(ctx)
}
