package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

// known is what hosts told of a run.
func known() []deploy.Event {
	return []deploy.Event{
		{Kind: deploy.EventRunStarted, Time: time.Unix(7, 0).UTC(), Start: &deploy.RunStart{Command: "apply", Hosts: []string{"web-1"}}},
		{Kind: deploy.EventStepIntent, Time: time.Unix(8, 0).UTC(), Host: "web-1", Step: deploy.StepArm},
	}
}

// written makes the journal of a run with a few events and returns its file.
func written(t *testing.T, dir, run string) string {
	t.Helper()
	j, err := journal.Create(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := j.Append(t.Context(), deploy.Event{Kind: deploy.EventStepStarted, Host: "web-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(journal.DirFor(dir, run), "events.jsonl")
}

func flip(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestADamagedJournalIsReplacedAndKept(t *testing.T) {
	dir, run := t.TempDir(), journal.NewRunID()
	path := written(t, dir, run)
	for round, kept := range []string{path + ".damaged", path + ".damaged.2"} {
		damaged := flip(t, path)
		if before := journal.Salvage(dir, run); len(before) > 2 {
			t.Errorf("%d events were taken from a damaged journal of 3", len(before))
		}
		j, err := journal.Rebuild(dir, run, known())
		if err != nil {
			t.Fatal(err)
		}
		if !journal.Held(dir, run) {
			t.Error("it is not held while it is open")
		}
		if err := errors.Join(j.Append(t.Context(), deploy.Event{Kind: deploy.EventHostState, Host: "web-1", State: deploy.StateReturned}), j.Close()); err != nil {
			t.Fatal(err)
		}
		events, err := journal.Read(dir, run)
		if err != nil {
			t.Fatal(err)
		}
		want := known()
		for i := range want {
			want[i].Run, want[i].Seq = run, uint64(i)+1
		}
		if diff := cmp.Diff(want, events[:2]); diff != "" || len(events) != 3 || events[2].Seq != 3 {
			t.Errorf("round %d, %d events: %s", round, len(events), diff)
		}
		if got, err := os.ReadFile(kept); err != nil || string(got) != string(damaged) {
			t.Errorf("%s: %v", kept, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
}

func TestAMissingJournalIsMade(t *testing.T) {
	dir, run := t.TempDir(), journal.NewRunID()
	j, err := journal.Rebuild(dir, run, known())
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if events, err := journal.Read(dir, run); err != nil || len(events) != 2 {
		t.Errorf("%d events, %v", len(events), err)
	}
	// The folder is there, the file is gone.
	if err := os.Remove(filepath.Join(journal.DirFor(dir, run), "events.jsonl")); err != nil {
		t.Fatal(err)
	}
	if j, err = journal.Rebuild(dir, run, known()); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAWholeOrALiveJournalIsNotReplaced(t *testing.T) {
	dir, run := t.TempDir(), journal.NewRunID()
	path := written(t, dir, run)
	if _, err := journal.Rebuild(dir, run, known()); !errors.Is(err, journal.ErrWhole) {
		t.Errorf("a whole one: %v", err)
	}
	j, _, err := journal.Open(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, path)
	if _, err := journal.Rebuild(dir, run, known()); !errors.Is(err, journal.ErrHeld) {
		t.Errorf("a live one: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Rebuild(dir, "../x", nil); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("no run: %v", err)
	}
}
