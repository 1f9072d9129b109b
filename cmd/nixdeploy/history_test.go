package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

func TestHistoryListsWhatRanHere(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	c.expect(t, 0, "history")
	contains(t, "stderr", c.stderr.String(), "no runs in state")

	c.expect(t, 0, "apply", "--yes", "--stage", "dev")
	first := d.q.Run
	d.outcomes = map[string]deploy.State{"web-1": deploy.StateReturned}
	c.expect(t, 5, "apply", "--yes", "--stage", "prod", "--on", "web-1", "--override-gate", "hotfix")
	second := d.q.Run
	c.Environ = append(c.Environ, "TZ=UTC")
	before := len(d.read)
	c.expect(t, 0, "history")
	contains(t, "stdout", flat(c.stdout.String()), "exit 5 after", "exit 0 after", "UTC", "apply in stage dev, flake", "1 host: 1 confirmed",
		"1 host: 1 returned; failed;", "Next: nixdeploy show "+second)
	for args, want := range map[string]string{"--host dev-1": first, "--stage prod": second, "-n 1": second, "--limit 1": second} {
		c.expect(t, 0, append([]string{"history", "--json"}, strings.Fields(args)...)...)
		if got := runsIn(t, c); !cmp.Equal(got, []string{want}) {
			t.Errorf("history %s lists %v, want %s", args, got, want)
		}
	}
	c.expect(t, 0, "history", "--json")
	if got := runsIn(t, c); !cmp.Equal(got, []string{second, first}) {
		t.Errorf("the newest is not first: %v of %s, %s", got, first, second)
	}
	c.expect(t, 0, "history", "--host", "nobody", "--json")
	if got := runsIn(t, c); len(got) != 0 {
		t.Errorf("%v", got)
	}
	c.expect(t, 0, "history", "--host", "nobody")
	contains(t, "stderr", c.stderr.String(), "none of 2 runs in state")
	if len(d.read) != before {
		t.Errorf("history contacted hosts: %v", d.read)
	}
}

// That the runs cannot be read is no internal error.
func TestRunsThatCannotBeRead(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	put(t, filepath.Join(c.Dir, "state"), "")
	for _, args := range [][]string{{"history"}, {"show", "last"}, {"resume"}, {"resume", "last"}} {
		c.expect(t, 4, args...)
		contains(t, "stderr", c.stderr.String(), "error[journal]: the runs of this machine cannot be read", "NIXDEPLOY_STATE_DIR")
	}
	c.Environ = nil
	t.Setenv("HOME", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("NIXDEPLOY_STATE_DIR", "")
	for _, args := range [][]string{{"history"}, {"resume"}, {"apply", "--yes"}} {
		c.expect(t, 4, args...)
		contains(t, "stderr", c.stderr.String(), "error[journal]: there is no folder for the runs of this machine")
	}
	if len(c.driver.read) > 0 {
		t.Errorf("contacted %v", c.driver.read)
	}
}

func runsIn(t *testing.T, c *call) []string {
	t.Helper()
	var doc struct{ Runs []struct{ Run string } }
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %s", err, &c.stdout)
	}
	var runs []string
	for _, r := range doc.Runs {
		runs = append(runs, r.Run)
	}
	return runs
}

// What cannot be read does not hide the rest.
func TestHistoryListsDamagedAndForeignJournals(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	c.expect(t, 0, "apply", "--yes")
	whole := c.driver.q.Run
	bad := crashed(t, c)
	damage(t, c, bad)
	newer := journal.NewRunID()
	dir := journal.DirFor(filepath.Join(c.Dir, "state"), newer)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "events.jsonl")); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 0, "history")
	contains(t, "stdout", flat(c.stdout.String()), "damaged", "unreadable", "it is a symbolic link", "events.jsonl:3: the journal is damaged", "exit 0 after",
		"Next: nixdeploy resume --rebuild-from-hosts "+bad)
	c.expect(t, 4, "show", bad)
	contains(t, "stderr", flat(c.stderr.String()), "error[journal]", "--rebuild-from-hosts")
	c.expect(t, 0, "show", whole)
	for _, args := range [][]string{{"show", newer}, {"rollback", "--run", newer, "--yes"}, {"resume", newer}, {"resume", "--rebuild-from-hosts", newer}} {
		c.expect(t, 4, args...)
		contains(t, "stderr", flat(c.stderr.String()), "error[journal]", "cannot be read")
	}
}

func TestShowTellsOneRun(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateReturned}}
	c := newCall(t, d)
	c.expect(t, 5, "apply", "--yes")
	run := d.q.Run
	for _, name := range []string{run, run[:20], strings.ToLower(run[:20]), "last"} {
		c.expect(t, 0, "show", name)
		contains(t, "stdout", flat(c.stdout.String()), "Run "+run+": apply in stages dev prod", "exit 5", "↩ dev-1 1 returned 7",
			"error[health] dev-1: a health check failed", "Next: nixdeploy apply --stage dev --on dev-1")
	}
	c.expect(t, 0, "show", "--events", "last")
	events := strings.Split(strings.TrimSpace(c.stdout.String()), "\n")
	var first, last deploy.Event
	if err := json.Unmarshal([]byte(events[0]), &first); err != nil || first.Kind != deploy.EventRunStarted || first.Seq != 1 {
		t.Errorf("%v: %s", err, events[0])
	}
	if err := json.Unmarshal([]byte(events[len(events)-1]), &last); err != nil || last.Kind != deploy.EventRunFinished || last.Seq != uint64(len(events)) {
		t.Errorf("%v: %s", err, events[len(events)-1])
	}
	c.expect(t, 0, "show", "--json", "last")
	var doc struct {
		Type, Next string
		Run        struct{ Outcome string }
		Report     deploy.Report
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || doc.Type != "run" || doc.Run.Outcome != "ended" ||
		doc.Report.Exit != 5 || doc.Report.Hosts[0].Before == nil && doc.Report.Hosts[0].After == nil || doc.Next == "" {
		t.Errorf("%v: %s", err, &c.stdout)
	}

	// After a later run of the fleet its advice is old.
	d.outcomes = nil
	c.expect(t, 0, "apply", "--yes")
	c.expect(t, 0, "show", run)
	contains(t, "stdout", c.stdout.String(), "A later run of this fleet", "Next: nixdeploy show "+d.q.Run)
	if strings.Contains(c.stdout.String(), "--on dev-1") {
		t.Errorf("old advice is given again:\n%s", &c.stdout)
	}
}

func TestShowOfAnUnfinishedRunLeadsToResume(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	run := crashed(t, c)
	c.expect(t, 0, "show", "last")
	contains(t, "stdout", c.stdout.String(), "it did not; the last that is written down", "Next: nixdeploy resume "+run)
	c.expect(t, 0, "history")
	contains(t, "stdout", c.stdout.String(), "unfinished", "Next: nixdeploy resume "+run)
}

func TestARunIsNamedByItsBeginning(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	one, two := crashed(t, c), crashed(t, c)
	c.expect(t, 2, "show", one[:3])
	contains(t, "stderr", c.stderr.String(), "2 runs begin with", one, two)
	slip := one[:25] + strings.Trim("012", one[25:]+two[25:])[:1] // neither
	c.expect(t, 2, "show", slip[:25]+"U")                         // no ULID has a U
	contains(t, "stderr", c.stderr.String(), "there is no run", "did you mean "+one+"?")
	c.expect(t, 2, "show", slip)
	c.expect(t, 2, "show", "")
}
