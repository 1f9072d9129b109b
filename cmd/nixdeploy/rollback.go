package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

func rollbackCommand() command {
	return command{
		name: "rollback", usage: "bring hosts back to the system that their newest confirmed run went away from",
		about: "Each host goes back by store path, guarded and checked like every other change. Hosts have to be chosen: " +
			"without --on or --stage it is refused.",
		examples: []string{"rollback --on web-1", "rollback --stage prod --yes"},
		own:      func() []cli.Flag { return append(selectFlags(), yesFlag(), parallelFlag(), lockWaitFlag()) },
		run:      runRollback,
	}
}

func runRollback(ctx context.Context, in *invocation) error {
	if len(in.on) == 0 && in.stage == "" {
		return &usageError{
			what: "rollback of the whole fleet has to be said", command: "rollback",
			hint: "choose hosts: --on NAMES or --stage STAGE; all of them: --on '*'",
		}
	}
	if err := in.mustBeAbleToAsk("rollback"); err != nil {
		return err
	}
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	return (&change{invocation: in, command: "rollback", inv: inv, hosts: hosts}).run(ctx)
}
