package journal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/internal/pagecache"
)

// sentFile stands for what a deployer does once an Append has returned: it makes
// a file of that name, as if a command were sent to a host then.
const sentFile = "sent"

// What the test binary does as a deployer.
const (
	childMode = "JOURNAL_TEST_MODE"
	modeNew   = "a new run"
	modeAgain = "a run taken up"
)

// beDeployer is a deployer of which nothing is left out but the hosts: it begins
// a run, tells what it intends and does it, or takes up the run that is there.
func beDeployer(dir, run string, again bool) error {
	var j *Journal
	var err error
	if again {
		j, _, err = Open(dir, run)
	} else {
		j, err = Create(dir, run)
	}
	if err != nil {
		return err
	}
	for i, kind := range []deploy.EventKind{deploy.EventRunStarted, deploy.EventStepStarted, deploy.EventStepIntent, deploy.EventHostState, deploy.EventRunFinished} {
		if err := j.Append(context.Background(), deploy.Event{Kind: kind, Host: "a"}); err != nil {
			return err
		}
		if err := os.WriteFile(fmt.Sprintf("%s/%s-%d-%s", dir, sentFile, i, kind), nil, 0o600); err != nil {
			return err
		}
	}
	return j.Close()
}

// traced runs a deployer and gives its steps.
func traced(t *testing.T, dir, run, mode string) []pagecache.Step {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRun+"="+run, childMode+"="+mode)
	return pagecache.Trace(t, cmd, dir)
}

// ofJournal leaves out what is not the journal's: the marks of what was sent.
func ofJournal(unsynced []string) []string {
	return slices.DeleteFunc(slices.Clone(unsynced), func(path string) bool { return path == "./" || strings.HasPrefix(path, sentFile) })
}

// What was to be on the disk before a host is asked for anything is there: a
// power cut at that moment would lose nothing of it. A record that may be lost is
// the one exception, and shows that the test can tell.
func TestNothingIsSentBeforeItIsOnTheDisk(t *testing.T) {
	dir, run := t.TempDir(), NewRunID()
	events := "runs/" + run + "/events.jsonl"
	steps := traced(t, dir, run, modeNew)
	for _, mode := range []string{modeNew, modeAgain} {
		if mode == modeAgain {
			steps = traced(t, dir, run, mode)
		}
		for i, kind := range []deploy.EventKind{deploy.EventRunStarted, deploy.EventStepStarted, deploy.EventStepIntent, deploy.EventHostState, deploy.EventRunFinished} {
			sent := "make "
			if mode == modeAgain {
				sent = "write " // the file is there from the first time
			}
			sent = fmt.Sprintf("%s%s-%d-%s", sent, sentFile, i, kind)
			var want []string
			if !durable(kind) {
				want = []string{events}
			}
			if got := ofJournal(pagecache.At(t, steps, sent).Unsynced); !slices.Equal(got, want) {
				t.Errorf("%s, before what follows on %s: a power cut loses %q, want %q", mode, kind, got, want)
			}
			if kind == deploy.EventStepIntent {
				pagecache.At(t, steps, "write "+events, "sync "+events, sent)
			}
		}
	}
}

// The folder of a run appears whole: what is in it is on the disk before it has
// its name, and the name before Create returns.
func TestTheFolderOfARunAppearsWhole(t *testing.T) {
	dir, run := t.TempDir(), NewRunID()
	steps := traced(t, dir, run, modeNew)
	renamed := pagecache.At(t, steps, "make runs", "make runs/.new-", "write runs/.new-", "sync runs/.new-", "rename runs/.new-")
	if !strings.HasSuffix(renamed.What, " runs/"+run) {
		t.Fatalf("renamed is %q", renamed.What)
	}
	// Where runs is new its name is not durable yet, nor that of the folder in it.
	if lost := renamed.Unsynced; !slices.Equal(lost, []string{"./", "runs/"}) {
		t.Errorf("before %q a power cut loses %q", renamed.What, lost)
	}
	first := pagecache.At(t, steps, "rename runs/.new-", "sync runs", "write runs/"+run+"/events.jsonl")
	if lost := first.Unsynced; len(lost) > 0 {
		t.Errorf("before the first record a power cut loses %q", lost)
	}
}
