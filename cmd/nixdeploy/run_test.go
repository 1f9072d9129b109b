package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestApplyOfTheWholeFleet(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	c.expect(t, 0, "apply", "--yes")
	contains(t, "stdout", c.stdout.String(), "exit 0, all good", "confirmed  3  dev-1 web-1 web-2", "Next: nixdeploy status\n")
	contains(t, "stderr", c.stderr.String(), "stage dev", "Plan: 2 to change", "web-1: confirmed")
	if strings.Contains(c.stdout.String(), "web-1: confirmed") || strings.Contains(c.stderr.String(), "exit 0") {
		t.Error("progress and result are on the wrong streams")
	}
}

func TestAStageBehindAFailedOneIsNotContacted(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateReturned}}
	c := newCall(t, d)
	c.expect(t, 5, "apply", "--yes")
	if diff := cmp.Diff([]string{"dev-1"}, d.read); diff != "" {
		t.Errorf("contacted (-want +got):\n%s", diff)
	}
	contains(t, "stdout", c.stdout.String(), "exit 5", "returned  1  dev-1", "skipped   2  web-1 web-2",
		"no connection was made", "Stage prod stays closed", "Next: nixdeploy apply --stage dev --on dev-1\n")
	contains(t, "stderr", c.stderr.String(), "│ error[health] dev-1: a health check failed")
}

func TestEachStageIsAskedAbout(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	c.Terminal.In = true
	c.stdin = "y\nn\n"
	c.expect(t, 5, "apply")
	if diff := cmp.Diff([]string{"dev-1"}, d.applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	contains(t, "stderr", c.stderr.String(), "Change 1 of 1 hosts of stage dev? [y/N]", "Change 2 of 2 hosts of stage prod? [y/N]")
	question := strings.Index(c.stderr.String(), "Change 1 of 1")
	if plan := strings.Index(c.stderr.String(), "Plan: 1 to change"); plan < 0 || plan > question {
		t.Error("the plan is not shown before the question")
	}
}

func TestWithoutAnAnswerNothingIsChanged(t *testing.T) {
	for _, answer := range []string{"", "\n", "n\n", "yess\n", "Y e s\n"} {
		d := &fakeDriver{}
		c := newCall(t, d)
		c.Terminal.In, c.stdin = true, answer
		c.expect(t, 4, "apply", "--stage", "dev")
		if len(d.applied) > 0 {
			t.Errorf("%q was taken for a yes", answer)
		}
	}
}

func TestNothingToChangeIsNotAskedAbout(t *testing.T) {
	same := deploy.HostPlan{Change: deploy.ChangeUnchanged, Observed: observation("dev-1")}
	d := &fakeDriver{
		plans:    map[string]deploy.HostPlan{"dev-1": same},
		outcomes: map[string]deploy.State{"dev-1": deploy.StateUnchanged},
	}
	c := newCall(t, d)
	c.Terminal.In = true
	c.expect(t, 0, "apply", "--stage", "dev")
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy apply --stage prod\n")
}

func TestApplyAsJSONIsLinesOfJSON(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateReturned}}
	c := newCall(t, d)
	c.expect(t, 5, "apply", "--yes", "--json")
	var types []string
	for line := range bytes.Lines(c.stdout.Bytes()) {
		var head struct{ Type string }
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatalf("not JSON: %v: %s", err, line)
		}
		types = append(types, head.Type)
	}
	if n := len(types); types[0] != "version" || types[1] != "event" || types[n-1] != "report" {
		t.Errorf("types: %v", types)
	}
}

// interruptible makes c interruptible through the channel that it returns.
func interruptible(c *call) <-chan chan<- Interruption {
	ready := make(chan chan<- Interruption, 1)
	c.Notify = func(ch chan<- Interruption) func() {
		ready <- ch
		return func() {}
	}
	return ready
}

func TestTheFirstInterruptionBeginsNoFurtherHost(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	ready := interruptible(c)
	d.applying = func(ctx context.Context, _ string) {
		(<-ready) <- Interruption{Name: "interrupt"}
		<-c.admitted(d) // the host in flight is not cut off: it ends by itself
		if ctx.Err() != nil {
			t.Error("the host in flight was cut off")
		}
	}
	c.expect(t, 130, "apply", "--yes")
	contains(t, "stderr", c.stderr.String(), "interrupt: no further host begins; those in flight finish or return")
	contains(t, "stdout", c.stdout.String(), "confirmed  1  dev-1", "skipped    2  web-1 web-2")
}

// admitted ends with the context of the first interruption.
func (c *call) admitted(d *fakeDriver) <-chan struct{} { return d.q.Admit.Done() }

func TestTheSecondInterruptionLeavesHostsToTheirGuards(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateInFlight}}
	c := newCall(t, d)
	ready := interruptible(c)
	d.applying = func(_ context.Context, _ string) {
		ch := <-ready
		ch <- Interruption{Name: "interrupt"}
		ch <- Interruption{Name: "hangup", Gone: true} // one closed terminal comes as several signals: not the second
		ch <- Interruption{Name: "terminated"}
		<-d.q.Detach.Done()
	}
	c.expect(t, 130, "apply", "--yes")
	contains(t, "stderr", c.stderr.String(), "terminated: the hosts in flight are left to their guards. Then: nixdeploy resume "+d.q.Run)
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy resume "+d.q.Run)
}

// closedPipe is a stream whose reader is gone.
type closedPipe struct{ err error }

func (p closedPipe) Write([]byte) (int, error) { return 0, p.err }

// Whoever closes the terminal, or the reader of a pipe, stops the run like the
// first interruption: never in mid-step, and never more than that.
func TestAnOutputThatNobodyReadsStopsTheRunBetweenHosts(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		stop bool
	}{
		"a pipe": {syscall.EPIPE, true}, "a terminal": {syscall.EIO, true}, "a full disk": {syscall.ENOSPC, false},
	} {
		d := &fakeDriver{}
		run := newCall(t, d)
		d.applying = func(ctx context.Context, _ string) {
			if c.stop {
				<-run.admitted(d)
			}
			if ctx.Err() != nil {
				t.Errorf("%s: the host in flight was cut off", name)
			}
		}
		kept := false
		app := run.App
		app.Stdin, app.Stdout, app.Stderr = strings.NewReader(""), &run.stdout, closedPipe{c.err}
		app.KeepWriting = func() { kept = true }
		code := app.Run(t.Context(), []string{"apply", "--yes"})
		want, most := 130, 1
		if !c.stop {
			want, most = 0, 3
		}
		// The first line is lost already; a host may have begun by then.
		if code != want || len(d.applied) > most || !c.stop && len(d.applied) != most || !kept {
			t.Errorf("%s: exit %d after %v, SIGPIPE kept away %v", name, code, d.applied, kept)
		}
	}
}

func TestAnInterruptedPlanSaysThatNothingChanges(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	ready := interruptible(c)
	connect := c.Connect
	c.Connect = func(a App, q Request) (Fleet, error) {
		(<-ready) <- Interruption{Name: "terminated"}
		<-q.Admit.Done()
		return connect(a, q)
	}
	c.expect(t, 130, "plan")
	contains(t, "stderr", c.stderr.String(), "terminated: stopping; nothing is being changed")
}

func TestPlanChangesNothing(t *testing.T) {
	blocked := deploy.HostPlan{Change: deploy.ChangeUnknown, Problem: &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}}
	d := &fakeDriver{}
	c := newCall(t, d)
	c.expect(t, 0, "plan", "--stage", "prod")
	if d.q.Run == "" {
		t.Error("a plan has no id, by which the hosts know its lease and its upload")
	}
	contains(t, "stdout", c.stdout.String(), "Gate: closed", "dev-1", "~  web-1", "Plan: 2 to change", "Next: nixdeploy apply --stage prod\n")
	contains(t, "stderr", c.stderr.String(), "contacting web-1 web-2\n")
	if diff := cmp.Diff([]string{"dev-1", "web-1", "web-2"}, sorted(d.read)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	c.expect(t, 10, "plan", "--exit-code")
	d.plans = map[string]deploy.HostPlan{"web-2": blocked}
	c.expect(t, 4, "plan", "--exit-code")
	contains(t, "stdout", c.stdout.String(), "?  web-2", "cannot say: timed out")
	if len(d.applied) > 0 {
		t.Errorf("a plan changed %v", d.applied)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "state", "runs")); err == nil {
		t.Error("a plan left a run behind")
	}
	c.expect(t, 4, "plan", "--json")
	var doc struct {
		Type  string
		Plans []deploy.Plan
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || doc.Type != "plan" || len(doc.Plans) != 2 {
		t.Errorf("%v: %s", err, &c.stdout)
	}
}

func TestRollbackGoesWhereTheHostSays(t *testing.T) {
	before := observation("web-1")
	before.Previous = &deploy.Previous{Run: "01J", ProfileLink: "system-6-link", Profile: "/nix/store/old"}
	d := &fakeDriver{plans: map[string]deploy.HostPlan{"web-1": {Observed: before}}}
	c := newCall(t, d)
	c.expect(t, 0, "rollback", "--on", "web-1", "--yes")
	if diff := cmp.Diff([]string{"web-1 to /nix/store/old system-6-link"}, d.applied); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	contains(t, "stderr", c.stderr.String(), "goes back to system-6-link")
	c.expect(t, 4, "rollback", "--on", "web-2", "--yes")
	contains(t, "stderr", c.stderr.String(), "no earlier system is recorded on this host")
}

// crashed writes the journal of a run that died with dev-1 armed; more is what
// it still wrote.
func crashed(t *testing.T, c *call, more ...deploy.Event) string {
	t.Helper()
	run := journal.NewRunID()
	j, err := journal.Create(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	events := []deploy.Event{
		{Kind: deploy.EventRunStarted, Start: &deploy.RunStart{
			Command: "apply", Fleet: "home", Inventory: filepath.Join(c.Dir, "hosts.toml"), Stages: []string{"dev", "prod"},
			Hosts: []string{"dev-1", "web-1", "web-2"},
		}},
		{Kind: deploy.EventStageStarted, Stage: "dev"},
		{Kind: deploy.EventStepIntent, Stage: "dev", Host: "dev-1", Step: deploy.StepSwitch},
	}
	for _, e := range append(events, more...) {
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

func TestResumeSettlesWhatACrashLeft(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := crashed(t, c)
	c.expect(t, 0, "resume")
	if diff := cmp.Diff([]string{"dev-1"}, d.applied); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
	if d.q.Run != run {
		t.Errorf("resumed %s, want %s", d.q.Run, run)
	}
	contains(t, "stdout", c.stdout.String(), "confirmed  1  dev-1", "Next: nixdeploy apply --stage prod")
	for _, args := range [][]string{{"resume"}, {"resume", run}, {"resume", "last"}, {"resume", "--json"}} {
		c.expect(t, 0, args...)
		contains(t, "stdout", c.stdout.String(), "settled", "nixdeploy status")
	}
	if len(d.applied) != 1 {
		t.Errorf("with nothing to settle it went to %v", d.applied)
	}
}

// A resume whose journal can no longer be written tells how the hosts are, and that
// this is nowhere written down.
func TestResumeOnAFullDisk(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	crashed(t, c)
	connect := c.Connect
	c.Connect = func(a App, q Request) (Fleet, error) {
		if err := q.Journal.(*journal.Journal).Close(); err != nil { //nolint:forcetypeassert // resume has no other
			t.Error(err)
		}
		return connect(a, q)
	}
	c.expect(t, 1, "resume") // as an apply whose last event cannot be written
	contains(t, "stderr", c.stderr.String(), "warning: ", "journal")
	contains(t, "stdout", c.stdout.String(), "confirmed  1  dev-1")
}

// A bug, or a refusal of another host, gives a run an exit code that says nothing
// of the host that it left.
func TestResumeFindsTheHostBehindAnotherExitCode(t *testing.T) {
	for _, code := range []int{1, 7} {
		d := &fakeDriver{}
		c := newCall(t, d)
		stranded := deploy.Event{Kind: deploy.EventHostState, Stage: "dev", Host: "dev-1", State: deploy.StateStranded}
		finished := deploy.Event{Kind: deploy.EventRunFinished, Exit: &code}
		run := crashed(t, c, stranded, finished)
		c.expect(t, 0, "resume")
		if d.q.Run != run || len(d.applied) != 1 {
			t.Errorf("behind exit code %d: run %s, settled %v", code, d.q.Run, d.applied)
		}
		c.expect(t, 0, "resume")
	}
}

func TestResumeLeavesALiveRunAlone(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := crashed(t, c)
	j, _, err := journal.Open(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	c.expect(t, 3, "resume", run)
	contains(t, "stderr", c.stderr.String(), "still being worked on", "--lock-wait")
	c.expect(t, 3, "resume") // no "every host is settled" while one is in flight
	contains(t, "stderr", flat(c.stderr.String()), "run "+run+" is still being worked on", "--lock-wait")
	if len(d.applied) > 0 {
		t.Errorf("it touched %v", d.applied)
	}
	c.expect(t, 2, "resume", journal.NewRunID())
	contains(t, "stderr", c.stderr.String(), "--rebuild-from-hosts")
	c.expect(t, 2, "resume", "../../etc")
}

// The process of the run ends when resume says that it waits for it.
func TestResumeWaitsForALiveRunThatItWasNotTold(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	run := crashed(t, c)
	j, _, err := journal.Open(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	app := c.App
	app.Stdout, app.Stderr = io.Discard, writerFunc(func(p []byte) (int, error) {
		if said.Write(p); strings.Contains(string(p), "waiting, up to") {
			return len(p), j.Close()
		}
		return len(p), nil
	})
	if code := app.Run(t.Context(), []string{"resume", "--lock-wait", "10m"}); code != 0 || len(d.applied) != 1 {
		t.Errorf("exit code %d, settled %v:\n%s", code, d.applied, said.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A run that was resumed, and killed again in that, is unresolved again.
func TestAResumeThatWasKilledIsFoundAgain(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateStranded}}
	c := newCall(t, d)
	run := crashed(t, c)
	c.expect(t, 6, "resume")
	j, _, err := journal.Open(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	e := deploy.Event{Kind: deploy.EventStepIntent, Run: run, Time: time.Now(), Stage: "dev", Host: "dev-1", Step: deploy.StepReturn}
	if err := errors.Join(j.Append(t.Context(), e), j.Close()); err != nil {
		t.Fatal(err)
	}
	d.outcomes["dev-1"] = deploy.StateConfirmed
	c.expect(t, 0, "resume")
	if diff := cmp.Diff([]string{"dev-1", "dev-1"}, d.applied); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
}

// What other rooms recommend names the inventory that this call had to name.
func TestWhatIsRecommendedNamesTheInventory(t *testing.T) {
	d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateReturned}}
	c := newCall(t, d)
	if err := os.Rename(filepath.Join(c.Dir, "hosts.toml"), filepath.Join(c.Dir, "my fleet.toml")); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 5, "apply", "--yes", "-f", "my fleet.toml")
	contains(t, "stderr", c.stderr.String(), "nixdeploy status --file 'my fleet.toml' --on dev-1")
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy apply --file 'my fleet.toml' --stage dev --on dev-1")
	if err := os.Remove(filepath.Join(c.Dir, "flake.lock")); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 2, "plan", "-f", "my fleet.toml")
	contains(t, "stderr", c.stderr.String(), "nixdeploy lock --file 'my fleet.toml'")
}

// Without --first, a host that was never confirmed is refused.
func TestWhatIsRecommendedAfterAFailureHasTheSameTerms(t *testing.T) {
	c := newCall(t, &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateReturned}})
	c.expect(t, 5, "apply", "--yes", "--first", "--accept")
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy apply --stage dev --on dev-1 --first --accept\n")
}

// A flake's refusal is worded by a room that does not know the inventory's name.
func TestARefusedFlakeRecommendsWithTheInventory(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	put(t, filepath.Join(c.Dir, "sub", "my fleet.toml"), strings.ReplaceAll(testInventory, `"container"`, `"hetzner"`))
	put(t, filepath.Join(c.Dir, "sub", "flake.lock"), testLock)
	c.expect(t, 2, "render", "-f", "sub/my fleet.toml", "-o", "out")
	contains(t, "stderr", c.stderr.String(), "nixdeploy adopt --file 'sub/my fleet.toml' ")
}

func TestResumeWantsTheHostsThatItHasToSettle(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	crashed(t, c)
	without := strings.Replace(testInventory, "hosts.dev-1", "hosts.dev-2", 1)
	if err := os.WriteFile(filepath.Join(c.Dir, "hosts.toml"), []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 2, "resume")
	contains(t, "stderr", c.stderr.String(), `"dev-1"`, "put it back")
}

func TestARunThatCannotBeWrittenDownContactsNothing(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	if err := os.WriteFile(filepath.Join(c.Dir, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 4, "apply", "--yes")
	contains(t, "stderr", c.stderr.String(), "error[journal]", "so nothing begins")
	if len(d.read) > 0 {
		t.Errorf("contacted %v", d.read)
	}
	c = newCall(t, d)
	c.Connect = func(_ App, q Request) (Fleet, error) { // its folder could be made, and no event fits any more
		d.q = q
		return Fleet{Driver: d}, q.Journal.(*journal.Journal).Close()
	}
	c.expect(t, 4, "apply", "--yes")
	contains(t, "stderr", c.stderr.String(), "error[journal]", "so nothing begins")
	if len(d.read) > 0 {
		t.Errorf("contacted %v", d.read)
	}
}

// TestASoakThatWasCutShortIsMadeUpFor: dev-1 was confirmed, and its run died in
// the soak.
func TestASoakThatWasCutShortIsMadeUpFor(t *testing.T) {
	same := deploy.HostPlan{Change: deploy.ChangeUnchanged, Observed: observation("dev-1")}
	d := &fakeDriver{
		plans:    map[string]deploy.HostPlan{"dev-1": same},
		outcomes: map[string]deploy.State{"dev-1": deploy.StateUnchanged},
	}
	c := newCall(t, d)
	c.expect(t, 0, "apply", "--stage", "dev", "--yes")
	if len(d.checked) > 0 {
		t.Fatal("nothing is owed yet")
	}
	run := journal.NewRunID()
	j, err := journal.Create(filepath.Join(c.Dir, "state"), run)
	if err != nil {
		t.Fatal(err)
	}
	plan := &deploy.Plan{Policy: inventory.Stage{Name: "dev", Soak: time.Minute}}
	for _, e := range []deploy.Event{
		{Kind: deploy.EventRunStarted, Start: &deploy.RunStart{Command: "apply", Fleet: "home", Flake: d.q.Flake.Digest()}},
		{Kind: deploy.EventStageStarted, Stage: "dev", Plan: plan},
		{Kind: deploy.EventHostState, Stage: "dev", Wave: 1, Host: "dev-1", State: deploy.StateConfirmed},
		{Kind: deploy.EventSoakStarted, Stage: "dev", Wave: 1, Duration: time.Minute},
	} {
		e.Run, e.Time = run, time.Now().Add(-time.Hour)
		if err := j.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	d.plans["dev-1"] = deploy.HostPlan{Change: deploy.ChangeUnknown, Problem: &deploy.Problem{Code: deploy.CodeUnreachable}}
	c.expect(t, 4, "apply", "--stage", "dev", "--yes") // pays nothing
	d.plans["dev-1"] = same
	c.expect(t, 0, "resume", run) // all of its hosts are settled: that is no soak
	c.expect(t, 0, "apply", "--stage", "dev", "--yes")
	if diff := cmp.Diff([]string{"dev-1"}, d.checked); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
	c.expect(t, 0, "apply", "--stage", "dev", "--yes")
	if len(d.checked) != 1 {
		t.Error("a soak that was paid is asked for again")
	}
}

func TestHowMuchAPlanAsks(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	for _, x := range []struct {
		flag []string
		want deploy.PlanLevel
	}{{nil, deploy.PlanDryBuild}, {[]string{"--quick"}, deploy.PlanQuick}, {[]string{"--full"}, deploy.PlanFull}} {
		d.levels = nil
		c.expect(t, 0, append([]string{"plan", "--on", "web-1"}, x.flag...)...)
		if len(d.levels) != 1 || d.levels[0] != x.want {
			t.Errorf("plan %v asked at %v", x.flag, d.levels)
		}
	}
	d.levels, d.q = nil, Request{}
	c.expect(t, 2, "plan", "--quick", "--full")
	if d.q.Run != "" || len(d.levels) != 0 {
		t.Error("a mistake in the command line was sent to hosts")
	}
}

// Who has yet to evaluate may change: that must not read as "nothing to do".
func TestAHostThatHasYetToEvaluateIsSomethingToDo(t *testing.T) {
	d := &fakeDriver{plans: map[string]deploy.HostPlan{"web-1": {Change: deploy.ChangeEvaluate}}}
	c := newCall(t, d)
	c.expect(t, 10, "plan", "--quick", "--exit-code", "--on", "web-1")
	d.plans["web-1"] = deploy.HostPlan{Change: deploy.ChangeUnchanged}
	c.expect(t, 0, "plan", "--quick", "--exit-code", "--on", "web-1")
}
