package journal

import (
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := beDeployer(os.Getenv(childDir), os.Getenv(childRun), mode == modeAgain); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(childDir) != "" {
		beChild()
	}
	goleak.VerifyTestMain(m)
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func event(kind deploy.EventKind, host string) deploy.Event {
	return deploy.Event{Kind: kind, Host: host, Time: epoch}
}

// create makes a journal that the test closes at its end.
func create(t *testing.T) (j *Journal, dir, run string) {
	t.Helper()
	dir, run = t.TempDir(), NewRunID()
	j, err := Create(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, dir, run
}

func mustAppend(t *testing.T, j *Journal, events ...deploy.Event) {
	t.Helper()
	for _, e := range events {
		if err := j.Append(t.Context(), e); err != nil {
			t.Fatalf("Append(%s): %v", e.Kind, err)
		}
	}
}

func mustClose(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, dir, run string) []deploy.Event {
	t.Helper()
	events, err := Read(dir, run)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// written makes a closed journal of these events and gives its file's bytes.
func written(t *testing.T, events ...deploy.Event) (dir, run string, data []byte) {
	t.Helper()
	j, dir, run := create(t)
	mustAppend(t, j, events...)
	mustClose(t, j)
	data, err := os.ReadFile(eventsPath(dir, run))
	if err != nil {
		t.Fatal(err)
	}
	return dir, run, data
}

func overwrite(t *testing.T, dir, run string, data []byte) {
	t.Helper()
	if err := os.WriteFile(eventsPath(dir, run), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// disk is a file whose fsyncs take time by the test's clock and can fail.
type disk struct {
	mu       sync.Mutex
	syncs    int
	written  int
	slow     time.Duration
	writeErr error
	syncErr  error
	gate     chan struct{} // when set, an fsync waits for it
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writeErr != nil {
		return len(b) / 2, d.writeErr
	}
	d.written += len(b)
	return len(b), nil
}

func (d *disk) Sync() error {
	time.Sleep(d.slow) // in a bubble
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	return d.syncErr
}

func (d *disk) Close() error { return nil }

func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

type noLock struct{}

func (noLock) Close() error { return nil }
