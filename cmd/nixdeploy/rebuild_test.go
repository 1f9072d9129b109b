package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// heldBy is what a host of the fleet "home" answers about a run.
func heldBy(run, host, stage string, change func(*deploy.KeptRun)) deploy.KeptRun {
	l := observation(host).Links
	k := deploy.KeptRun{
		Run: run, Operator: "anna@ci", Since: 1772366400, Fleet: "home", Host: host, Stage: stage, FlakeHash: "d1", Goal: deploy.GoalFlake,
		Wanted: "/nix/store/new", Record: l, Links: l,
	}
	change(&k)
	return k
}

// damage flips a byte in the last third of a run's journal.
func damage(t *testing.T, c *call, run string) (path string, damaged []byte) {
	t.Helper()
	path = filepath.Join(journal.DirFor(filepath.Join(c.Dir, "state"), run), "events.jsonl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.IndexByte(string(data), '\n') + 1
	second := first + strings.IndexByte(string(data[first:]), '\n') + 1
	data[second+20] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

// flat is a text without its line breaks, and without the rule at its left.
func flat(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "│", "")), " ")
}

func TestADamagedJournalIsRefusedByNameAndRebuiltFromTheHosts(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := crashed(t, c)
	path, bad := damage(t, c, run)
	c.expect(t, 4, "resume", run)
	contains(t, "stderr", flat(c.stderr.String()), "error[journal]", "events.jsonl:3", "damaged",
		"nixdeploy resume --rebuild-from-hosts "+run)
	for _, args := range [][]string{{"resume"}, {"resume", "--json"}} { // of what can be read there is nothing: that is not all
		c.expect(t, 4, args...)
		contains(t, "stderr", flat(c.stderr.String()), "error[journal]", "nixdeploy resume --rebuild-from-hosts "+run)
		if strings.Contains(c.stdout.String(), "settled") {
			t.Errorf("what cannot be read is told settled:\n%s", &c.stdout)
		}
	}

	d.kept = map[string]deploy.KeptRun{
		"dev-1": heldBy(run, "dev-1", "dev", func(k *deploy.KeptRun) { k.Active = true }),
		"web-1": heldBy(run, "web-1", "prod", func(k *deploy.KeptRun) {
			k.Result = deploy.ResultConfirmed
			k.Links.Running, k.Links.Profile = k.Wanted, k.Wanted
		}),
		"web-2": heldBy(run, "web-2", "prod", func(k *deploy.KeptRun) { k.Result = deploy.ResultReturned }),
	}
	c.expect(t, 5, "resume", "--rebuild-from-hosts", run) // its process was of this machine: nobody has to be asked
	if diff := cmp.Diff([]string{"dev-1"}, d.applied); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
	contains(t, "stdout", c.stdout.String(), "returned   1  web-2", "confirmed  2  dev-1 web-1")
	if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != string(bad) {
		t.Errorf("the damaged journal was not kept: %v", err)
	}
	events, err := journal.Read(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	r := deploy.Fold(events)
	got := map[string]deploy.State{}
	for _, h := range r.Hosts {
		got[h.Host] = h.State
	}
	want := map[string]deploy.State{"dev-1": deploy.StateConfirmed, "web-1": deploy.StateConfirmed, "web-2": deploy.StateReturned}
	if diff := cmp.Diff(want, got); diff != "" || !r.Finished || r.Start.Command != "apply" {
		t.Errorf("%+v\n%s", r.Start, diff)
	}
	c.expect(t, 2, "resume", "--rebuild-from-hosts", run)
	contains(t, "stderr", c.stderr.String(), "is whole")
}

// Another run is settled beside a damaged one, which is not forgotten for it.
func TestResumeSettlesWhatItCanReadBesideADamagedJournal(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	bad := crashed(t, c)
	damage(t, c, bad)
	run := crashed(t, c)
	c.expect(t, 4, "resume")
	if d.q.Run != run || len(d.applied) != 1 {
		t.Errorf("settled %v of run %s, want dev-1 of %s", d.applied, d.q.Run, run)
	}
	contains(t, "stdout", c.stdout.String(), "confirmed  1  dev-1")
	contains(t, "stderr", flat(c.stderr.String()), "warning:", "nixdeploy resume --rebuild-from-hosts "+bad)
}

// From another machine: the hosts are all there is.
func TestARunOfAnotherMachineIsSettledFromTheHosts(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := journal.NewRunID()
	rebuild := func(code int, more ...string) {
		t.Helper()
		c.expect(t, code, append(append([]string{"resume", "--rebuild-from-hosts"}, more...), run)...)
	}
	rebuild(4)
	contains(t, "stderr", flat(c.stderr.String()), "none of dev-1 web-1 web-2 holds anything of run")

	lease := &deploy.Lease{Run: run, Operator: "anna@ci", Since: 1772366400, Seconds: 40}
	d.kept = map[string]deploy.KeptRun{"web-1": heldBy(run, "web-1", "prod", func(k *deploy.KeptRun) { k.Active, k.Lease = true, lease })}
	rebuild(3, "--yes")
	contains(t, "stderr", c.stderr.String(), "anna@ci holds it")

	d.kept["web-1"] = heldBy(run, "web-1", "prod", func(k *deploy.KeptRun) { k.Active = true })
	rebuild(2)
	contains(t, "stderr", c.stderr.String(), "no terminal to ask on", "make sure that the process of that run is gone, then give --yes")

	d.silent = map[string]error{"web-2": &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}}
	rebuild(4, "--yes")
	contains(t, "stderr", c.stderr.String(), "web-2: timed out", "--on dev-1,web-1")
	if len(d.applied) > 0 {
		t.Fatalf("it touched %v", d.applied)
	}

	c.Terminal.In, c.stdin = true, "n\n"
	c.run(t, "resume", "--rebuild-from-hosts", "--on", "web-1", run)
	if _, err := os.Stat(journal.DirFor(filepath.Join(c.Dir, "state"), run)); err == nil {
		t.Error("a journal was written against the answer")
	}
	c.stdin = "y\n"
	rebuild(0, "--on", "web-1")
	contains(t, "stderr", c.stderr.String(), "Is the process of run "+run+", by anna@ci, gone for good?")
	if diff := cmp.Diff([]string{"web-1"}, d.applied); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
}

func TestAnotherMachineBehindTheAddressRebuildsNothing(t *testing.T) {
	run := journal.NewRunID()
	d := &fakeDriver{kept: map[string]deploy.KeptRun{"web-1": heldBy(run, "db-1", "prod", func(k *deploy.KeptRun) { k.Active = true })}}
	c := newCall(t, d)
	c.expect(t, 7, "resume", "--rebuild-from-hosts", "--yes", run)
	contains(t, "stderr", flat(c.stderr.String()), "error[identity]", "is db-1 of fleet home")
}

// An apply that went back after its soak arms a host a second time.
func TestWhatHostsTellBecomesTheEventsOfTheRun(t *testing.T) {
	back := func(k *deploy.KeptRun) { // it was on its way from new to old
		k.Goal, k.Wanted, k.Record.Profile, k.Record.Running = deploy.GoalSystem, "/nix/store/old", "/nix/store/new", "/nix/store/new"
		k.Links.Running = "/nix/store/old"
	}
	for name, c := range map[string]struct {
		command string
		change  func(*deploy.KeptRun)
		state   deploy.State
		open    bool
		leaving string
	}{
		"armed":             {"apply", func(k *deploy.KeptRun) { k.Active = true }, deploy.StateInFlight, true, ""},
		"confirmed":         {"apply", func(k *deploy.KeptRun) { k.Result = deploy.ResultConfirmed }, deploy.StateConfirmed, false, ""},
		"returned":          {"apply", func(k *deploy.KeptRun) { k.Result = deploy.ResultReturned }, deploy.StateReturned, false, ""},
		"stranded":          {"apply", func(k *deploy.KeptRun) { k.Active, k.Result = true, deploy.ResultStranded }, deploy.StateInFlight, true, ""},
		"on its way back":   {"apply", func(k *deploy.KeptRun) { back(k); k.Active = true }, deploy.StateInFlight, true, "/nix/store/new"},
		"went back":         {"apply", func(k *deploy.KeptRun) { back(k); k.Result = deploy.ResultConfirmed }, deploy.StateReturned, false, ""},
		"did not go back":   {"apply", func(k *deploy.KeptRun) { back(k); k.Result = deploy.ResultReturned }, deploy.StateInFlight, true, "/nix/store/new"},
		"a rollback's goal": {"rollback", func(k *deploy.KeptRun) { back(k); k.Result = deploy.ResultConfirmed }, deploy.StateConfirmed, false, ""},
	} {
		k := keptRun{KeptRun: heldBy("R1", "web-1", "prod", c.change)}
		k.host.Name = "web-1"
		inv := &inventory.Inventory{Stages: []inventory.Stage{{Name: "prod", Soak: time.Hour}}}
		events := rebuilt(inv, deploy.Report{}, deploy.RunStart{Command: c.command, Stages: []string{"prod"}}, []keptRun{k})
		if owed := rollout.Owed(events, time.Now())["web-1"]; (owed == time.Hour) != (c.state == deploy.StateConfirmed || c.leaving != "") {
			t.Errorf("%s: a soak of %s is owed", name, owed)
		}
		r := deploy.Fold(events)
		h := r.Hosts[0]
		if h.State != c.state || h.Unresolved != c.open || h.Leaving != c.leaving || !h.Changed || h.Stage != "prod" || r.Began.Unix() != k.Since {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

func TestFlagsOfResumeThatGoTogether(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	c.expect(t, 2, "resume", "--rebuild-from-hosts")
	contains(t, "stderr", c.stderr.String(), "needs the name of the run")
	c.expect(t, 2, "resume", "--on", "web-1")
	contains(t, "stderr", c.stderr.String(), "go with --rebuild-from-hosts")
}
