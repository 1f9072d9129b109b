package journal

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/oklog/ulid/v2"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// runAt is the name of a run that began so many hours after the epoch.
func runAt(t *testing.T, hours int) string {
	t.Helper()
	id, err := ulid.New(ulid.Timestamp(epoch.Add(time.Duration(hours)*time.Hour)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func startRun(t *testing.T, dir, run string, events ...deploy.Event) *Journal {
	t.Helper()
	j, err := Create(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	mustAppend(t, j, events...)
	return j
}

func TestListTellsOfEveryRunNewestFirst(t *testing.T) {
	dir := t.TempDir()
	finished, killed, live, damaged, fresh := runAt(t, 1), runAt(t, 2), runAt(t, 3), runAt(t, 4), runAt(t, 5)
	through, resumed := runAt(t, 6), runAt(t, 7)
	began := deploy.Event{Kind: deploy.EventRunStarted, Time: epoch, Start: &deploy.RunStart{
		Command: "apply", Operator: "ann@desk", Fleet: "home", Stages: []string{"dev"},
	}}
	exit := 5
	mustClose(t, startRun(t, dir, finished, began, event(deploy.EventStepStarted, "a"),
		deploy.Event{Kind: deploy.EventRunFinished, Exit: &exit}))
	mustClose(t, startRun(t, dir, killed, began, event(deploy.EventStepIntent, "a")))
	ended := []deploy.Event{began, event(deploy.EventStageFinished, ""), {Kind: deploy.EventRunFinished, Exit: &exit}}
	mustClose(t, startRun(t, dir, through, ended...))
	mustClose(t, startRun(t, dir, resumed, append(ended, event(deploy.EventHostState, "a"), deploy.Event{Kind: deploy.EventRunFinished, Exit: &exit})...))
	startRun(t, dir, live, began)
	mustClose(t, startRun(t, dir, damaged, began))
	mustClose(t, startRun(t, dir, fresh))
	overwrite(t, dir, damaged, nil)
	if err := os.Mkdir(runsDir(dir)+"/notes", 0o700); err != nil {
		t.Fatal(err)
	}
	torn, err := os.OpenFile(eventsPath(dir, finished), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := torn.WriteString("00000000 {\"se"); err != nil {
		t.Fatal(err)
	}
	if err := torn.Close(); err != nil {
		t.Fatal(err)
	}

	got, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	full := RunInfo{Began: epoch, Command: "apply", Operator: "ann@desk", Fleet: "home", Stages: []string{"dev"}}
	by := func(run string, change func(*RunInfo)) RunInfo {
		i := full
		i.Run = run
		change(&i)
		return i
	}
	want := []RunInfo{
		by(resumed, func(i *RunInfo) { i.Finished, i.Exit = true, 5 }),
		by(through, func(i *RunInfo) { i.Finished, i.Exit, i.Through = true, 5, true }),
		{Run: fresh, Began: epoch.Add(5 * time.Hour).Truncate(time.Millisecond)},
		{Run: damaged, Began: epoch.Add(4 * time.Hour).Truncate(time.Millisecond), Err: cmpopts.AnyError},
		by(live, func(i *RunInfo) { i.Held = true }),
		by(killed, func(*RunInfo) {}),
		by(finished, func(i *RunInfo) { i.Finished, i.Exit = true, 5 }),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

func TestListOfNoRuns(t *testing.T) {
	if runs, err := List(t.TempDir() + "/nothing"); err != nil || len(runs) != 0 {
		t.Errorf("List of a state directory that is not there: %v, %v", runs, err)
	}
}
