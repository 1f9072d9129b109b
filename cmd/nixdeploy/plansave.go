package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
		file := in.outFile
		in.outFile = ""     // what comes next is not its apply
		in.exitCode = false // "something to change" is no word for a plan that is not there
		err := shown(plans)
		in.tell(in.notSaved(problems, len(hosts), file))
		if err != nil {
			return err
		}
		return exitError(problemExit(problems))
	}
	data, err := savedplan.Encode(in.document(inv, f, hosts, plans))
	if damage, ok := errors.AsType[*savedplan.Damage](err); ok {
		return in.unsaved(shown, plans, err, damage.Hint)
	}
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
		return in.unsaved(shown, plans, err, "mend that, then run the same command again")
	}
	in.tell("saved to " + in.err.Clean(in.outFile) + "\n")
	return shown(plans)
}

// unsaved shows plans that could not be saved, since they are what took the time,
// and says so.
func (in *invocation) unsaved(shown func([]deploy.Plan) error, plans []deploy.Plan, err error, next string) error {
	in.outFile = "" // what comes next is not its apply
	_ = shown(plans)
	return &deploy.Problem{
		Code: deploy.CodeFile, What: "the plan was made, and could not be saved", State: "nothing was switched", Err: err, Next: next,
	}
}

// canSave refuses, before a host is asked for anything, a path of --out where no
// plan can be saved, and one where saving would put a file in place of what is no
// file: a device, or a link.
func (in *invocation) canSave() error {
	if in.outFile == "" || in.outFile == "-" {
		return nil
	}
	path := absolute(in.App, in.outFile)
	refused := func(what, hint string) error {
		return &usageError{what: "--out " + quoted(in.outFile) + ": " + what, hint: hint, command: "plan"}
	}
	switch info, err := os.Lstat(path); {
	case err == nil && info.IsDir():
		return refused("it is a folder", "name a file in it")
	case err == nil && !info.Mode().IsRegular():
		return refused("it is not a file, and a plan would replace it", "name a file; --out - is stdout")
	}
	probe, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // as it will be saved
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err // the probe's own name says nothing
	}
	if err != nil {
		return refused("no file can be made there: "+err.Error(), "")
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return refused(err.Error(), "")
	}
	return nil
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
func (in *invocation) notSaved(problems []*deploy.Problem, planned int, file string) string {
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
	if len(names) > maxNamed || len(names) == planned {
		return text
	}
	on := in.on
	for _, name := range names {
		on = append(slices.Clip(on), "!"+name)
	}
	words := append([]string{"plan"}, in.chosen(on)...)
	switch in.level {
	case deploy.PlanQuick:
		words = append(words, "--quick")
	case deploy.PlanFull:
		words = append(words, "--full")
	case deploy.PlanDryBuild:
	}
	words = append(words, "--out", file)
	return text + "without " + in.err.Clean(strings.Join(names, ", ")) + ": " + in.recommend(words...) + "\n"
}
