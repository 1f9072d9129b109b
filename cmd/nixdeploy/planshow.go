package main

import (
	"context"
	"fmt"
)

func planShowCommand() command {
	return command{
		name: "plan show", usage: "show a saved plan, as plan showed it",
		args: "FILE", maxArgs: 1, anyOrder: true,
		about:    "Contacts nothing and needs no inventory. FILE is one of plan --out; - is stdin.",
		examples: []string{"plan show release.plan", "plan show release.plan --json"},
		run:      runPlanShow,
	}
}

func runPlanShow(_ context.Context, in *invocation) error {
	if len(in.args) == 0 {
		return &usageError{what: "no file to show", command: "plan show"}
	}
	f, err := in.readPlanFile(in.args[0], "plan show")
	if err != nil {
		return err
	}
	in.outFile = f.name // what follows is its apply
	if !in.json {
		head := fmt.Sprintf("Saved plan %s, made %s by %s, nixdeploy %s", f.ID, f.Made.UTC().Format("2006-01-02 15:04 UTC"), f.By, f.Version)
		if f.First {
			head += "; takes in hosts that were never confirmed (--first)"
		}
		if f.Accept {
			head += "; takes systems that do not fit their hosts (--accept)"
		}
		if f.Override != "" { // a gate that was open when it was planned does not tell
			head += "; begins stages whose gate is closed (--override-gate: " + f.Override + ")"
		}
		if err := in.print(in.out.Clean(head) + "\n"); err != nil {
			return err
		}
	}
	return in.showPlans(f.Stages)
}

// planSaved is the file that a plan was saved to, or read from, for the command
// that comes next; "" for none that has a name.
func (in *invocation) planSaved() string {
	if in.outFile == "-" {
		return ""
	}
	return in.outFile
}
