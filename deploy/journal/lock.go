package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// ErrHeld is in the chain when a live process works on the run.
var ErrHeld = errors.New("a live process holds the run")

// A Held that looks at the lock takes it for an instant, so acquire tries
// again for that long before it believes that a run is alive.
const (
	acquireTries = 20
	acquireEvery = 10 * time.Millisecond
)

// acquire takes the lock at path until the returned file is closed, which the
// kernel does for a process that is killed.
func acquire(path string) (io.Closer, error) {
	f, err := openPrivate(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("taking the lock: %w", err)
	}
	for try := 1; ; try++ {
		err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("taking the lock %s: %w", path, err), f.Close())
		}
		if try == acquireTries {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrHeld), f.Close())
		}
		<-time.After(acquireEvery)
	}
}

// Held reports whether a live process, this one included, works on the run. A
// run whose lock cannot be looked at counts as held: a live run must not be
// taken for a dead one. One that does not exist is not.
func Held(dir, run string) bool {
	if err := checkRunFolder(dir, run); err != nil {
		return !errors.Is(err, ErrNotFound)
	}
	f, err := openPrivate(lockPath(dir, run), os.O_RDONLY)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	free := flock(f, syscall.LOCK_SH|syscall.LOCK_NB) == nil
	return f.Close() != nil || !free // closing releases what was taken
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Dead reports whether the run is of this state directory and its process is
// gone: only then may its traces on a host be taken over. A name that is no
// run's, whatever a host made of it, is not dead.
func Dead(dir, run string) bool {
	return checkRunFolder(dir, run) == nil && !Held(dir, run)
}
