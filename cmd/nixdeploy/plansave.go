package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// savePlans writes plans to --out, and shows them as `plan` does. With --out - the
// document is the answer, and what people read goes to stderr.
func (in *invocation) savePlans(inv *inventory.Inventory, f *flake.Flake, hosts []inventory.Host, plans []deploy.Plan) error {
	shown := in.showPlans
	if in.outFile == "-" {
		shown = in.tellPlans
	}
	if problems := savedplan.Unsavable(plans); len(problems) > 0 {
		in.outFile = "" // what comes next is not its apply
		err := shown(plans)
		in.tell(in.notSaved(problems))
		if err != nil {
			return err
		}
		return exitError(problemExit(problems))
	}
	data, err := savedplan.Encode(in.document(inv, f, hosts, plans))
	if err != nil {
		return err
	}
	if in.outFile == "-" {
		if err := in.print(string(data)); err != nil {
			return err
		}
		return shown(plans)
	}
	if err := replaceFile(absolute(in.App, in.outFile), data, 0o600); err != nil {
		return fmt.Errorf("the plan was made, and could not be saved: %w", err)
	}
	in.tell("saved to " + in.err.Clean(in.outFile) + "\n")
	return shown(plans)
}

// document is what is saved.
func (in *invocation) document(inv *inventory.Inventory, f *flake.Flake, hosts []inventory.Host, plans []deploy.Plan) *savedplan.Document {
	return &savedplan.Document{
		Format: savedplan.Format, Version: versionNumber(), ID: journal.NewRunID(), Made: time.Now().UTC().Truncate(time.Second),
		By: operator(in.App), Fleet: inv.Fleet, First: in.first, Accept: in.accept, Override: in.override,
		Inventory: savedplan.InventoryOf(inv, absolute(in.App, inv.Path), hosts), Flake: savedplan.FlakeOf(f), Stages: plans,
	}
}

// tellPlans shows plans on stderr.
func (in *invocation) tellPlans(plans []deploy.Plan) error {
	for i, p := range plans {
		if i > 0 {
			in.tell("\n")
		}
		in.tell(in.err.Plan(p, ""))
	}
	return planExit(plans, in.exitCode)
}

// notSaved says why a plan is not saved, and how one without the hosts in
// question would be. Problems that the plan itself shows are not shown again.
func (in *invocation) notSaved(problems []*deploy.Problem) string {
	var names []string
	var unseen []deploy.Problem
	for _, p := range problems {
		if !slices.Contains(names, p.Host) {
			names = append(names, p.Host)
		}
		if p.Code == deploy.CodeEvaluation && p.Next != "" && strings.Contains(p.Next, "--quick") {
			unseen = append(unseen, *p)
		}
	}
	text := in.err.Problems(unseen) + "not saved: a saved plan does exactly what it says on every host that it names\n"
	if len(names) > maxNamed {
		return text
	}
	words := []string{"plan"}
	if in.stage != "" {
		words = append(words, "--stage", in.stage)
	}
	on := in.on
	for _, name := range names {
		on = append(slices.Clip(on), "!"+name)
	}
	words = append(words, "--on", strings.Join(on, ","), "--out", "FILE")
	return text + "without " + in.err.Clean(strings.Join(names, ", ")) + ": " + in.recommend(words...) + "\n"
}
