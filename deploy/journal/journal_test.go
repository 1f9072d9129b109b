package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestWhatIsAppendedIsRead(t *testing.T) {
	j, dir, run := create(t)
	exit := 5
	events := []deploy.Event{
		{Kind: deploy.EventRunStarted, Time: epoch, Start: &deploy.RunStart{Command: "apply", Hosts: []string{"a", "b"}}},
		{Kind: deploy.EventStageStarted, Time: epoch, Stage: "dev", Plan: &deploy.Plan{Fleet: "home", Waves: [][]string{{"a"}, {"b"}}}},
		{Kind: deploy.EventStepFailed, Time: epoch, Host: "a", Step: deploy.StepUpload, Message: "two\nlines \u2028 <&> \x00"},
		{Kind: deploy.EventHostState, Time: epoch, Host: "a", State: deploy.StateUntouched, After: &deploy.Links{Running: "/nix/store/x"}},
		{Kind: deploy.EventRunFinished, Time: epoch, Exit: &exit},
	}
	mustAppend(t, j, events...)
	got := mustRead(t, dir, run) // while it is open: a second terminal looks on
	for i := range events {
		events[i].Seq, events[i].Run = uint64(i)+1, run
	}
	if diff := cmp.Diff(events, got); diff != "" {
		t.Errorf("read differs (-appended +read):\n%s", diff)
	}
	mustClose(t, j)
	if err := j.Append(t.Context(), events[0]); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestTheTextOfAProblemsCauseIsKept(t *testing.T) {
	cause := errors.New("connection reset")
	p := &deploy.Problem{Code: deploy.CodeUnreachable, Host: "a", Step: deploy.StepUpload, What: "the upload broke off", Err: cause}
	j, dir, run := create(t)
	mustAppend(t, j, deploy.Event{Kind: deploy.EventStepFailed, Host: "a", Problem: p})
	got := mustRead(t, dir, run)[0].Problem
	if got.Error() != p.Error() {
		t.Errorf("read back: %q, was: %q", got.Error(), p.Error())
	}
	if !errors.Is(p, cause) || p.What != "the upload broke off" {
		t.Error("writing a problem changed it")
	}
}

func TestOutputOfHostsNeverGetsIn(t *testing.T) {
	j, dir, run := create(t)
	mustAppend(t, j, event(deploy.EventStepStarted, "a"),
		deploy.Event{Kind: deploy.EventOutput, Host: "a", Message: "password: hunter2"},
		event(deploy.EventStepFinished, "a"))
	mustClose(t, j)
	data, err := os.ReadFile(eventsPath(dir, run))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("hunter2")) {
		t.Error("output is in the journal")
	}
	if n := len(mustRead(t, dir, run)); n != 2 {
		t.Errorf("%d events, want 2 without a gap in their numbers", n)
	}
}

func TestAForeignOrUnencodableEventHurtsOnlyItself(t *testing.T) {
	j, dir, run := create(t)
	foreign := event(deploy.EventStepStarted, "a")
	foreign.Run = NewRunID()
	if err := j.Append(t.Context(), foreign); err == nil {
		t.Error("an event of another run was taken")
	}
	odd := event(deploy.EventStepStarted, "a")
	odd.Time = odd.Time.AddDate(20000, 0, 0) // JSON knows years up to 9999
	if err := j.Append(t.Context(), odd); err == nil || errors.Is(err, ErrFailed) {
		t.Errorf("an event that cannot be encoded: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Append(ended, event(deploy.EventStepIntent, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	mustAppend(t, j, event(deploy.EventStepIntent, "b"))
	if got := mustRead(t, dir, run); len(got) != 1 || got[0].Host != "b" || got[0].Seq != 1 {
		t.Errorf("journal holds %v", got)
	}
}

func TestOpenContinuesTheNumbers(t *testing.T) {
	j, dir, run := create(t)
	mustAppend(t, j, event(deploy.EventRunStarted, ""), event(deploy.EventStepIntent, "a"))
	if _, _, err := Open(dir, run); !errors.Is(err, ErrHeld) {
		t.Fatalf("Open of a live run: %v", err)
	}
	mustClose(t, j)

	again, events, err := Open(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || !Held(dir, run) {
		t.Errorf("Open gave %d events, held %v", len(events), Held(dir, run))
	}
	mustAppend(t, again, event(deploy.EventHostState, "a"))
	mustClose(t, again)
	got := mustRead(t, dir, run)
	if len(got) != 3 || got[2].Seq != 3 {
		t.Errorf("after Open the journal holds %v", got)
	}
}

func TestWatchSeesTheJournalInItsOrder(t *testing.T) {
	j, dir, run := create(t)
	var seen []deploy.Event // by the writer alone; read after Close
	j.Watch(func(e deploy.Event) { seen = append(seen, e) })
	var hosts sync.WaitGroup
	for h := range 20 {
		hosts.Go(func() {
			name := fmt.Sprintf("h%d", h)
			for _, k := range []deploy.EventKind{deploy.EventStepStarted, deploy.EventOutput, deploy.EventStepIntent, deploy.EventHostState} {
				if err := j.Append(t.Context(), event(k, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	hosts.Wait()
	mustClose(t, j)
	var outputs int
	kept := seen[:0:0]
	for _, e := range seen {
		if e.Kind == deploy.EventOutput {
			outputs++
			continue
		}
		kept = append(kept, e)
	}
	if outputs != 20 {
		t.Errorf("%d output events passed by, want 20", outputs)
	}
	if diff := cmp.Diff(mustRead(t, dir, run), kept); diff != "" {
		t.Errorf("seen differs from the journal (-read +seen):\n%s", diff)
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	_, dir, run := create(t)
	for path, want := range map[string]fs.FileMode{
		runsDir(dir): 0o700, DirFor(dir, run): 0o700, eventsPath(dir, run): 0o600, lockPath(dir, run): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
	}
	left, err := os.ReadDir(runsDir(dir))
	if err != nil || len(left) != 1 {
		t.Errorf("runs holds %v, %v", left, err)
	}
}

func TestPlantedFilesAreRefused(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, dir, run string){
		"events.jsonl is a symbolic link": func(t *testing.T, dir, run string) { relink(t, eventsPath(dir, run)) },
		"lock is a symbolic link":         func(t *testing.T, dir, run string) { relink(t, lockPath(dir, run)) },
		"the run is a symbolic link":      func(t *testing.T, dir, run string) { relink(t, DirFor(dir, run)) },
		"runs is a symbolic link":         func(t *testing.T, dir, _ string) { relink(t, runsDir(dir)) },
		"others can write to the run":     func(t *testing.T, dir, run string) { chmod(t, DirFor(dir, run), 0o777) },
		"others can write to the events":  func(t *testing.T, dir, run string) { chmod(t, eventsPath(dir, run), 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, run, _ := written(t, event(deploy.EventRunStarted, ""))
			plant(t, dir, run)
			if j, _, err := Open(dir, run); err == nil {
				t.Error("Open went through", j.Close())
			}
			if name == "lock is a symbolic link" {
				if !Held(dir, run) {
					t.Error("a lock that cannot be looked at counts as free")
				}
				return
			}
			if _, err := Read(dir, run); err == nil {
				t.Error("Read went through")
			}
		})
	}
}

func relink(t *testing.T, path string) {
	t.Helper()
	if err := os.Rename(path, path+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".real", path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Within a millisecond, too: in a bubble no time passes.
func TestNamesOfRunsSort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := NewRunID()
		for range 100 {
			run := NewRunID()
			if run <= before {
				t.Errorf("%s is not after %s", run, before)
			}
			before = run
		}
	})
}

func TestNamesThatAreNoRunsStayOutOfPaths(t *testing.T) {
	dir := t.TempDir()
	for _, run := range []string{"", ".", "..", "../" + NewRunID(), "01ARZ3NDEKTSV4RRFFQ69G5FA/", strings.ToLower(NewRunID()), "80000000000000000000000000"} {
		if j, err := Create(dir, run); err == nil {
			t.Errorf("Create(%q) went through: %v", run, j.Close())
		}
		if _, err := Read(dir, run); !errors.Is(err, ErrNotFound) {
			t.Errorf("Read(%q): %v", run, err)
		}
		if Held(dir, run) {
			t.Errorf("%q is held", run)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestARunIsCreatedOnce(t *testing.T) {
	dir, run, data := written(t, event(deploy.EventRunStarted, ""))
	if j, err := Create(dir, run); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create of an existing run: %v, %v", j, err)
	}
	if now, err := os.ReadFile(eventsPath(dir, run)); err != nil || !bytes.Equal(now, data) {
		t.Errorf("it was changed: %v", err)
	}
	if _, err := Read(dir, NewRunID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Read of an unknown run: %v", err)
	}
}

func TestStateDir(t *testing.T) {
	home := t.TempDir()
	for _, tt := range []struct{ name, own, xdg, want string }{
		{"own variable first", "/srv/nd", "/xdg", "/srv/nd"},
		{"then XDG", "", "/xdg", "/xdg/nixdeploy"},
		{"a relative XDG does not count", "", "xdg", filepath.Join(home, ".local/state/nixdeploy")},
		{"then the home", "", "", filepath.Join(home, ".local/state/nixdeploy")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("HOME", home)
			t.Setenv("NIXDEPLOY_STATE_DIR", tt.own)
			t.Setenv("XDG_STATE_HOME", tt.xdg)
			if got, err := StateDir(); err != nil || got != tt.want {
				t.Errorf("StateDir() = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
