package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// ErrWhole is in the chain when there is nothing to rebuild.
var ErrWhole = errors.New("the journal is whole")

// Rebuild gives a run a fresh journal with events, which are numbered anew, in
// place of a damaged or a missing one, and opens it. A damaged file stays beside
// it, as events.jsonl.damaged (.damaged.2, ...). A crash leaves the old journal
// or the new one. A run whose journal can be read is ErrWhole, a live one ErrHeld.
func Rebuild(dir, run string, events []deploy.Event) (*Journal, error) {
	lock, err := createFolder(dir, run)
	if errors.Is(err, fs.ErrExist) {
		lock, err = takeDamaged(dir, run)
	}
	if err != nil {
		return nil, fmt.Errorf("rebuilding the journal of run %s: %w", run, err)
	}
	if err := replaceEvents(dir, run, events); err != nil {
		return nil, errors.Join(fmt.Errorf("rebuilding the journal of run %s: %w", run, err), lock.Close())
	}
	j, err := openForAppend(dir, run, uint64(len(events)), lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

// takeDamaged locks a run that exists, and makes sure that its journal is not
// one that can be gone on with.
func takeDamaged(dir, run string) (io.Closer, error) {
	if err := checkRunFolder(dir, run); err != nil {
		return nil, err
	}
	lock, err := acquire(lockPath(dir, run))
	if err != nil {
		return nil, err
	}
	_, err = scanFile(dir, run)
	if _, damaged := errors.AsType[*DamagedError](err); damaged {
		return lock, nil
	}
	if err == nil {
		err = ErrWhole
	}
	return nil, errors.Join(err, lock.Close())
}

func replaceEvents(dir, run string, events []deploy.Event) error {
	path := eventsPath(dir, run)
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeHeader(fresh, run); err != nil {
		return err
	}
	if err := appendAll(fresh, run, events); err != nil {
		return err
	}
	if err := keepDamaged(path); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func appendAll(path, run string, events []deploy.Event) (err error) {
	var b []byte
	for i, e := range events {
		e.Run, e.Seq = run, uint64(i)+1
		if b, err = appendRecord(b, e); err != nil {
			return err
		}
	}
	f, err := openPrivate(path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// keepDamaged gives the old file a second name. The folder is synced after the
// rename that follows.
func keepDamaged(path string) error {
	name := path + ".damaged"
	for n := 2; ; n++ {
		err := os.Link(path, name)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if same(path, name) { // a crash came between the two names
			return nil
		}
		name = fmt.Sprintf("%s.damaged.%d", path, n)
	}
}

func same(a, b string) bool {
	x, errX := os.Lstat(a)
	y, errY := os.Lstat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// Salvage gives the events of a journal up to the first damage: for people, and
// for who started the run. Nothing may be decided from them, since what follows
// is not known.
func Salvage(dir, run string) []deploy.Event {
	if checkRunFolder(dir, run) != nil {
		return nil
	}
	f, err := openPrivate(eventsPath(dir, run), os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	return salvage(f, run)
}

func salvage(r io.Reader, run string) []deploy.Event {
	var found scan
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		l, err := readLine(lines)
		data, whole := payload(l.text)
		if err != nil || !whole || !l.ended || found.add(data, "", run, n) != nil {
			return found.events
		}
	}
}
