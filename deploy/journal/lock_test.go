package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The test binary starts itself as another nixdeploy: it appends without end
// and prints the number of each event that Append has accepted.
const (
	childDir = "JOURNAL_TEST_DIR"
	childRun = "JOURNAL_TEST_RUN"
)

func beChild() {
	j, err := Create(os.Getenv(childDir), os.Getenv(childRun))
	for n := 1; err == nil; n++ {
		kind := deploy.EventStepStarted
		if n%3 == 0 {
			kind = deploy.EventStepIntent
		}
		err = j.Append(context.Background(), deploy.Event{Kind: kind, Host: "a", Message: strings.Repeat("x", n%500)})
		os.Stdout.WriteString(strconv.Itoa(n) + "\n")
	}
	os.Stderr.WriteString(err.Error())
	os.Exit(1)
}

// Rows 16-24 of the fault catalogue: SIGKILL while the journal is written.
func TestAKilledRunLosesNothingThatWasAccepted(t *testing.T) {
	dir, run := t.TempDir(), NewRunID()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir, childRun+"="+run)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	accepted := 0
	for lines.Scan() && accepted < 200 {
		accepted++
		if accepted == 100 {
			if !Held(dir, run) {
				t.Error("a live run is not held")
			}
			if _, _, err := Open(dir, run); !errors.Is(err, ErrHeld) {
				t.Errorf("Open of a live run: %v", err)
			}
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what it had printed before it died
		accepted++
	}
	_ = child.Wait()

	if Held(dir, run) {
		t.Error("a dead run is held")
	}
	if got := mustRead(t, dir, run); len(got) < accepted {
		t.Errorf("%d events are left of %d accepted", len(got), accepted)
	}
	j, events, err := Open(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, event(deploy.EventHostState, "a"))
	mustClose(t, j)
	if got := mustRead(t, dir, run); len(got) != len(events)+1 {
		t.Errorf("after resuming: %d events, want %d", len(got), len(events)+1)
	}
}

func TestLookingAtALockDoesNotKeepAnyoneOut(t *testing.T) {
	dir, run, _ := written(t, event(deploy.EventRunStarted, ""))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				Held(dir, run)
			}
		}
	}()
	for n := range 50 {
		j, _, err := Open(dir, run)
		if err != nil {
			t.Error(fmt.Errorf("open %d: %w", n, err))
			break
		}
		mustClose(t, j)
	}
	close(stop)
	<-stopped
}

// A host's lock names a run; what is not a run of ours is not ours to take over.
func TestOnlyAKnownRunWithoutAProcessIsDead(t *testing.T) {
	dir, gone, _ := written(t, event(deploy.EventRunStarted, ""))
	live := startRun(t, dir, NewRunID())
	for run, want := range map[string]bool{
		gone: true, live.run: false, NewRunID(): false, "": false, ".": false, "..": false, "../runs/" + gone: false,
	} {
		if got := Dead(dir, run); got != want {
			t.Errorf("Dead(%q) = %v", run, got)
		}
	}
}
