package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

const (
	oldSystem   = "/nix/store/11111111111111111111111111111111-nixos-system-old"
	newSystem   = "/nix/store/22222222222222222222222222222222-nixos-system-new"
	otherSystem = "/nix/store/33333333333333333333333333333333-nixos-system-other"
)

// runsOn is a host on a system, whose newest confirmed run went from old to new.
func runsOn(host, system, run string) deploy.HostPlan {
	o := observation(host)
	o.Profile, o.Running, o.NextBoot, o.ProfileLink = system, system, system, "system-8-link"
	o.Previous = &deploy.Previous{Run: run, ProfileLink: "system-7-link", Profile: oldSystem, Wanted: newSystem}
	o.Generations = []int{6, 7, 8}
	return deploy.HostPlan{Change: deploy.ChangeSwitch, Observed: o}
}

// confirmedRun writes the journal of an apply that brought these hosts from old
// to new.
func confirmedRun(t *testing.T, c *call, hosts ...string) string {
	t.Helper()
	run := journal.NewRunID()
	j, err := journal.Create(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	exit := 0
	events := []deploy.Event{{Kind: deploy.EventRunStarted, Start: &deploy.RunStart{Command: "apply", Fleet: "home", Stages: []string{"dev", "prod"}, Hosts: hosts}}}
	for _, h := range hosts {
		stage := "prod"
		if strings.HasPrefix(h, "dev") {
			stage = "dev"
		}
		e := deploy.Event{Stage: stage, Wave: 1, Host: h, Wanted: newSystem, Before: &deploy.Links{ProfileLink: "system-7-link", Profile: oldSystem, Running: oldSystem}}
		e.Kind, e.Step = deploy.EventStepIntent, deploy.StepSwitch
		events = append(events, e)
		e.Kind, e.Step, e.State, e.After = deploy.EventHostState, "", deploy.StateConfirmed, &deploy.Links{ProfileLink: "system-8-link", Profile: newSystem, Running: newSystem}
		events = append(events, e)
	}
	for _, e := range append(events, deploy.Event{Kind: deploy.EventRunFinished, Exit: &exit}) {
		e.Run, e.Time = run, time.Now()
		if err := j.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return run
}

// fleetOn is the whole fleet on a system, that it came to by run.
func fleetOn(system, run string) *fakeDriver {
	d := &fakeDriver{plans: map[string]deploy.HostPlan{}, kept: map[string]deploy.KeptRun{}}
	for _, h := range []string{"dev-1", "web-1", "web-2"} {
		d.plans[h] = runsOn(h, system, run)
		d.kept[h] = deploy.KeptRun{
			Run: run, Fleet: "home", Host: h, Goal: deploy.GoalFlake, Wanted: newSystem, Result: deploy.ResultConfirmed,
			Record: deploy.Links{ProfileLink: "system-7-link", Profile: oldSystem, Running: oldSystem},
		}
	}
	return d
}

func TestARunIsRolledBackTheLastStageFirst(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := confirmedRun(t, c, "dev-1", "web-1")
	*d = *fleetOn(newSystem, run)
	c.expect(t, 0, "rollback", "--run", run[:18], "--yes")
	want := []string{"web-1 to " + oldSystem + " system-7-link", "dev-1 to " + oldSystem + " system-7-link"}
	if diff := cmp.Diff(want, d.applied); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	contains(t, "stderr", flat(c.stderr.String()), "goes back to system-7-link, what run "+run+" went away from")
	c.expect(t, 0, "show", "--json", "last")
	var doc struct {
		Run struct{ Command, Undoes string }
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || doc.Run.Command != "rollback" || doc.Run.Undoes != run {
		t.Errorf("it is not written down what was undone: %+v, %v", doc, err)
	}
	if strings.Contains(c.stdout.String(), "stays closed") {
		t.Error("a rollback closes no gate")
	}
}

// A host of prod that stays as it is keeps dev from going back, too.
func TestARollbackStopsAtAStageThatDidNotGoBack(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := confirmedRun(t, c, "dev-1", "web-1", "web-2")
	*d = *fleetOn(newSystem, run)
	d.outcomes = map[string]deploy.State{"web-1": deploy.StateReturned, "web-2": deploy.StateReturned}
	c.expect(t, 5, "rollback", "--run", run, "--yes")
	for _, a := range d.applied {
		if strings.HasPrefix(a, "dev-1") {
			t.Errorf("dev went back although prod did not: %v", d.applied)
		}
	}
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy rollback --run "+run+" --stage prod --on web-1,web-2")
	contains(t, "stderr", flat(c.stderr.String()), "stage dev is not begun: a stage before it did not go back")
	if strings.Contains(c.stdout.String(), "stays closed for flake") {
		t.Error("a rollback has no flake")
	}
}

func TestARollbackOfSomebodyElsesWorkIsRefused(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := confirmedRun(t, c, "web-1")
	*d = *fleetOn(newSystem, run)
	d.plans["web-1"] = runsOn("web-1", otherSystem, "01JDXK9AAAM8Z9V6B2T4R5W0AX")
	for _, args := range [][]string{{"--run", run}, {"--on", "web-1"}} {
		c.expect(t, 4, append(append([]string{"rollback"}, args...), "--yes")...)
		contains(t, "stderr", flat(c.stderr.String()), "error[foreign]", "web-1: it is not on what run", otherSystem, "--accept-foreign")
	}
	contains(t, "stderr", flat(c.stderr.String()), "01JDXK9AAAM8Z9V6B2T4R5W0AX")
	if len(d.applied) > 0 {
		t.Fatalf("it went on: %v", d.applied)
	}
	c.expect(t, 0, "rollback", "--run", run, "--accept-foreign", "--yes")
	if len(d.applied) != 1 {
		t.Errorf("%v", d.applied)
	}
	// Back already: nobody's work is undone, and nothing is to do.
	d.plans["web-1"] = runsOn("web-1", oldSystem, run)
	d.outcomes = map[string]deploy.State{"web-1": deploy.StateUnchanged}
	c.expect(t, 0, "rollback", "--run", run, "--yes")
}

// What a dead run of one's own brought is nobody else's work: it is settled, and
// not undone unseen. A rollback that was killed itself is taken up.
func TestARollbackOfAHostWithADeadRun(t *testing.T) {
	const dead = "01JDXK9AAAM8Z9V6B2T4R5W0AX"
	d := &fakeDriver{}
	c := newCall(t, d)
	run := confirmedRun(t, c, "web-1")
	for _, x := range []struct {
		runs, wanted string
		args         []string
		exit         int
	}{
		{otherSystem, otherSystem, []string{"--on", "web-1"}, 4},
		{otherSystem, otherSystem, []string{"--run", run}, 4},
		{newSystem, otherSystem, []string{"--on", "web-1"}, 4}, // it has not switched yet
		{oldSystem, oldSystem, []string{"--on", "web-1"}, 0},
		{otherSystem, otherSystem, []string{"--on", "web-1", "--to", oldSystem}, 0},
	} {
		*d = *fleetOn(x.runs, run)
		d.systems = map[string]string{oldSystem: "system-7-link"}
		d.plans["web-1"].Observed.Active = &deploy.ActiveRun{Run: dead, Wanted: x.wanted}
		c.expect(t, x.exit, append(append([]string{"rollback"}, x.args...), "--yes")...)
		if x.exit == 0 {
			continue
		}
		contains(t, "stderr", flat(c.stderr.String()), "run "+dead+" is not settled here", "nixdeploy resume "+dead)
		if len(d.applied) > 0 || strings.Contains(c.stderr.String(), "--accept-foreign") {
			t.Errorf("%v: %v\n%s", x, d.applied, &c.stderr)
		}
	}
}

// The host keeps its newest runs only: then the journal has to tell, and the
// system to be there.
func TestARunThatTheHostForgotIsRolledBackByTheJournal(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := confirmedRun(t, c, "web-1")
	*d = *fleetOn(newSystem, "another")
	d.kept = nil
	c.expect(t, 4, "rollback", "--run", run, "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "is not in the store of this host any more", "--to N")
	d.systems = map[string]string{oldSystem: ""}
	c.expect(t, 0, "rollback", "--run", run, "--yes")
	if diff := cmp.Diff([]string{"web-1 to " + oldSystem + " system-7-link"}, d.applied); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Without a journal the hosts tell who was part of the run.
func TestARunWithoutAJournalIsRolledBackByTheHosts(t *testing.T) {
	run := journal.NewRunID()
	d := fleetOn(newSystem, run)
	delete(d.kept, "dev-1")
	back := d.kept["web-2"]
	back.Result = deploy.ResultReturned
	d.kept["web-2"] = back
	c := newCall(t, d)
	c.expect(t, 0, "rollback", "--run", run, "--yes")
	if diff := cmp.Diff([]string{"web-1 to " + oldSystem + " system-7-link"}, d.applied); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d.silent = map[string]error{"web-2": &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}}
	c.expect(t, 4, "rollback", "--run", run, "--yes")
	contains(t, "stderr", c.stderr.String(), "--on dev-1,web-1")
	d.silent, d.kept = nil, nil
	c.expect(t, 4, "rollback", "--run", run, "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "holds anything of run")
}

func TestAnUndecidedOrForeignRunIsNotRolledBack(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := crashed(t, c)
	c.expect(t, 4, "rollback", "--run", run, "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "left it undecided", "nixdeploy resume "+run)
	d.kept = map[string]deploy.KeptRun{"web-1": {Run: "01JDXK9AAAM8Z9V6B2T4R5W0AX", Fleet: "home", Host: "web-1", Active: true}}
	c.expect(t, 4, "rollback", "--run", "01JDXK9AAAM8Z9V6B2T4R5W0AX", "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "is not settled here", "nixdeploy resume 01JDXK9AAAM8Z9V6B2T4R5W0AX")
	ended := confirmedRun(t, c, "web-1")
	other := strings.Replace(testInventory, `"home"`, `"work"`, 1)
	if err := os.WriteFile(filepath.Join(c.Dir, "hosts.toml"), []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 2, "rollback", "--run", ended, "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "was of fleet home, and this inventory is of fleet work")
	if len(d.applied) > 0 {
		t.Errorf("%v", d.applied)
	}
}

// A host that runs what it goes back to, and boots another, is changed: that is
// asked about.
func TestARollbackOfWhatAHostBootsIsAskedAbout(t *testing.T) {
	d := fleetOn(oldSystem, "01JDXK7QJ3M8Z9V6B2T4R5W0AX")
	d.plans["web-1"].Observed.NextBoot = newSystem
	c := newCall(t, d)
	c.Terminal.In, c.stdin = true, "n\n"
	c.expect(t, 4, "rollback", "--on", "web-1")
	contains(t, "stderr", c.stderr.String(), "Go back on 1 of 1 hosts of stage prod? [y/N]")
	if len(d.applied) > 0 {
		t.Errorf("it was changed unasked: %v", d.applied)
	}
}

func TestARunThatChangedNothingIsNothingToRollBack(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateReturned}}
	c := newCall(t, d)
	c.expect(t, 5, "apply", "--yes")
	c.expect(t, 0, "rollback", "--run", "last", "--yes")
	contains(t, "stdout", c.stdout.String(), "Nothing to roll back")
	c.expect(t, 0, "rollback", "--run", "last", "--yes", "--json")
	if len(d.applied) != 1 {
		t.Errorf("%v", d.applied)
	}
}

func TestARollbackToANamedSystem(t *testing.T) {
	d := fleetOn(newSystem, "01J")
	d.systems = map[string]string{"6": "system-6-link", otherSystem: ""}
	c := newCall(t, d)
	c.expect(t, 0, "rollback", "--on", "web-1", "--to", "6", "--yes")
	c.expect(t, 0, "rollback", "--stage", "prod", "--to", otherSystem, "--yes")
	c.expect(t, 0, "rollback", "--on", "dev-1", "--to", "previous", "--yes")
	want := []string{
		"dev-1 to " + oldSystem + " system-7-link", "web-1 to /nix/store/" + otherSystem + " ", "web-1 to /nix/store/6 system-6-link",
		"web-2 to /nix/store/" + otherSystem + " ",
	}
	if diff := cmp.Diff(want, sorted(d.applied)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.expect(t, 4, "rollback", "--on", "web-1", "--to", "5", "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "generation 5 is not on this host", "generations 6 7 8")
	d.silent = map[string]error{"web-1": errors.New("no answer")}
	c.expect(t, 1, "rollback", "--on", "web-1", "--to", "6", "--yes")
	c.expect(t, 2, "rollback", "--stage", "prod", "--to", "6", "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "generation 6 is another system on each of web-1 web-2")
}

// A rollback takes no host in, so it does not ask for a flag that it has not.
func TestARollbackOfANewHost(t *testing.T) {
	unknown := &deploy.Problem{Code: deploy.CodeUnadopted, What: "never confirmed", Next: "if that is the machine you mean, add --first"}
	c := newCall(t, &fakeDriver{plans: map[string]deploy.HostPlan{"dev-1": {Change: deploy.ChangeBlocked, Problem: unknown}}})
	c.expect(t, 7, "rollback", "--on", "dev-1", "--yes")
	contains(t, "stderr", flat(c.stderr.String()), "error[no-marker] dev-1", "to take the host in: nixdeploy plan --first --on dev-1")
	if strings.Contains(c.stderr.String(), "add --first") {
		t.Error(c.stderr.String())
	}
}

// A no at the prompt leads to the same command again, on the same terms.
func TestNoAtThePromptLeadsToTheSameCommand(t *testing.T) {
	run := "01JDXK7QJ3M8Z9V6B2T4R5W0AX"
	for next, args := range map[string][]string{
		"Next: nixdeploy apply --stage dev --on dev-1 --first\n": {"apply", "--stage", "dev", "--first"},
		"Next: nixdeploy rollback --stage dev --on dev-1\n":      {"rollback", "--on", "dev-1"},
	} {
		c := newCall(t, fleetOn(newSystem, run))
		c.Terminal.In, c.stdin = true, "n\n"
		c.expect(t, 4, args...)
		contains(t, "stdout", c.stdout.String(), next)
		if len(c.driver.applied) > 0 {
			t.Errorf("%v", c.driver.applied)
		}
	}
}
