// Package journal is the memory of a run: an append-only file of events, from
// which report, history and resume are folded after the process that wrote it
// is gone, however it went.
//
// A run has one folder, <state>/runs/<ULID>/, with events.jsonl and a lock
// that the process holds as long as it lives. This room knows nothing of what
// the events mean, beyond which of them must survive a power cut before the
// run goes on. No host is contacted from here, no decision is taken, and what
// hosts print (deploy.EventOutput) never gets in.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/nixdeploy/nixdeploy/deploy"
)

var (
	// ErrClosed is returned by Append after Close.
	ErrClosed = errors.New("the journal is closed")
	// ErrFailed is in the chain of every error of a journal whose disk
	// refused a write or an fsync. It is final: after a failed fsync nobody
	// can say what is on the disk, so nothing more is promised.
	ErrFailed = errors.New("the journal can no longer be written")
)

// Journal appends the events of one run. It implements deploy.Journal and is
// safe for concurrent use. Close it: it owns a goroutine and a lock.
type Journal struct {
	run  string
	lock io.Closer

	mu     sync.Mutex
	queue  []entry
	closed bool
	show   func(deploy.Event)

	wake    chan struct{} // holds one token while there may be work
	stopped chan struct{} // closed when the writer is gone
	writer  *writer
}

// entry is one event on its way to the disk.
type entry struct {
	event deploy.Event
	done  chan error // holds one answer
}

var _ deploy.Journal = (*Journal)(nil)

// Create starts the journal of a new run in the state directory dir, makes it
// durable and takes its lock. It is an error when the run exists.
func Create(dir, run string) (*Journal, error) {
	lock, err := createFolder(dir, run)
	if err != nil {
		return nil, fmt.Errorf("creating the journal of run %s: %w", run, err)
	}
	j, err := openForAppend(dir, run, 0, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

// Open continues the journal of an existing run and gives the events it holds.
// The lock comes first, so a live run is ErrHeld and its file stays as it is;
// a torn tail is cut off before the first Append.
func Open(dir, run string) (*Journal, []deploy.Event, error) {
	if err := checkRunFolder(dir, run); err != nil {
		return nil, nil, fmt.Errorf("opening the journal of run %s: %w", run, err)
	}
	lock, err := acquire(lockPath(dir, run))
	if err != nil {
		return nil, nil, fmt.Errorf("opening the journal of run %s: %w", run, err)
	}
	found, err := scanFile(dir, run)
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	if err := cutTail(eventsPath(dir, run), found.good); err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	j, err := openForAppend(dir, run, uint64(len(found.events)), lock)
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return j, found.events, nil
}

func openForAppend(dir, run string, seq uint64, lock io.Closer) (*Journal, error) {
	f, err := openPrivate(eventsPath(dir, run), os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, fmt.Errorf("opening the journal of run %s: %w", run, err)
	}
	return start(run, f, seq, lock), nil
}

// start begins the one goroutine of a journal; Close waits for it.
func start(run string, f file, seq uint64, lock io.Closer) *Journal {
	j := &Journal{
		run:     run,
		lock:    lock,
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
		writer:  &writer{file: f, seq: seq},
	}
	go j.loop()
	return j
}

// Watch has show called with every event once it is in the journal (durable,
// where its kind must be), with its number, in the order of the journal and by
// one goroutine at a time; output events pass by in their place, unnumbered.
// An Append whose event must be durable returns after it was shown.
// Call it before the first Append. A show that blocks holds up all Appends,
// and one that calls Append never returns.
func (j *Journal) Watch(show func(deploy.Event)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.show = show
}

// Append numbers e and writes it. For step-intent, run-started, host-state and
// run-finished it returns once e, and with it all that was appended before, is
// on the disk; for other kinds once the operating system has it, which a power
// cut can still lose but a kill cannot. The caller waits at most a few
// milliseconds for others to share its fsync.
//
// An output event is not written. What e points to must not change any more.
// When ctx ends first, whether e got into the journal is unknown. An error
// with ErrFailed in it is final; others concern only this event.
func (j *Journal) Append(ctx context.Context, e deploy.Event) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("journal: %s was not written: %w", e.Kind, err)
	}
	if e.Run == "" {
		e.Run = j.run
	}
	if e.Run != j.run {
		return fmt.Errorf("journal of run %s: the event is of run %s", j.run, e.Run)
	}
	done, err := j.enqueue(e)
	if err != nil {
		return fmt.Errorf("journal of run %s: %w", j.run, err)
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		return fmt.Errorf("journal of run %s: waiting for the disk, %s may or may not be written: %w", j.run, e.Kind, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("journal of run %s: %w", j.run, err)
	}
	return nil
}

func (j *Journal) enqueue(e deploy.Event) (<-chan error, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, ErrClosed
	}
	done := make(chan error, 1)
	j.queue = append(j.queue, entry{event: e, done: done})
	j.rouse()
	return done, nil
}

// rouse tells the writer that there may be work. It never blocks.
func (j *Journal) rouse() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Close makes everything durable, ends the writer and releases the lock. Its
// error is the one that made the journal fail, if any. Later calls do nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	first := !j.closed
	j.closed = true
	j.rouse()
	j.mu.Unlock()
	<-j.stopped
	if !first {
		return nil
	}
	err := errors.Join(j.writer.err, j.writer.file.Close(), j.lock.Close())
	if err != nil {
		return fmt.Errorf("closing the journal of run %s: %w", j.run, err)
	}
	return nil
}

// cutTail removes what a crash left behind the last whole record.
func cutTail(path string, size int64) (err error) {
	f, err := openPrivate(path, os.O_WRONLY)
	if err != nil {
		return fmt.Errorf("cutting the torn end of a journal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cutting the torn end of a journal: %w", err)
	}
	if info.Size() == size {
		return nil
	}
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("cutting the torn end of a journal: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cutting the torn end of a journal: %w", err)
	}
	return nil
}

// openPrivate opens a file of ours: regular, not through a symbolic link.
func openPrivate(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s: %w", path, errSymlink)
	}
	if err != nil {
		return nil, err
	}
	if err := checkFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
