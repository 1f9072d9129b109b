package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/oklog/ulid/v2"
)

var errSymlink = errors.New("it is a symbolic link, which nixdeploy does not follow here")

// StateDir is where the journals of this user are: $NIXDEPLOY_STATE_DIR, else
// $XDG_STATE_HOME/nixdeploy, else ~/.local/state/nixdeploy. It need not exist.
// As the XDG base directory specification asks, a relative XDG_STATE_HOME does
// not count.
func StateDir() (string, error) {
	if dir := os.Getenv("NIXDEPLOY_STATE_DIR"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("finding the state directory: %w", err)
		}
		return abs, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "nixdeploy"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the state directory (set NIXDEPLOY_STATE_DIR): %w", err)
	}
	return filepath.Join(home, ".local", "state", "nixdeploy"), nil
}

// NewRunID returns the name of a new run: a ULID, so names sort by time, those of
// one process within a millisecond too, and two operators on two machines do not
// meet.
func NewRunID() string {
	// rand.Reader never fails, and 80 bits of it are not counted to their end.
	return ulid.MustNew(ulid.Now(), entropy).String()
}

var entropy = &ulid.LockedMonotonicReader{MonotonicReader: ulid.Monotonic(rand.Reader, 0)}

// DirFor is the folder of a run in the state directory dir.
func DirFor(dir, run string) string { return filepath.Join(runsDir(dir), run) }

func runsDir(dir string) string         { return filepath.Join(dir, "runs") }
func eventsPath(dir, run string) string { return filepath.Join(DirFor(dir, run), "events.jsonl") }
func lockPath(dir, run string) string   { return filepath.Join(DirFor(dir, run), "lock") }

// ValidRun reports whether a text has the form of a run's name.
func ValidRun(run string) bool { return validRun(run) == nil }

// validRun keeps everything but a ULID in its one spelling out of a path.
func validRun(run string) error {
	id, err := ulid.ParseStrict(run)
	if err != nil || id.String() != run {
		return fmt.Errorf("%w: %q is not the name of a run (a ULID)", ErrNotFound, run)
	}
	return nil
}

// createFolder makes the whole folder of a run under a name that nobody looks
// at and then renames it, so that a crash leaves all of it or nothing. It
// returns with the lock held.
func createFolder(dir, run string) (lock io.Closer, err error) {
	if err := validRun(run); err != nil {
		return nil, err
	}
	runs := runsDir(dir)
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return nil, err
	}
	if err := checkFolder(runs); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(DirFor(dir, run)); err == nil {
		return nil, fmt.Errorf("%s: %w", DirFor(dir, run), fs.ErrExist)
	}
	temp, err := os.MkdirTemp(runs, ".new-") // 0700
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := writeHeader(filepath.Join(temp, "events.jsonl"), run); err != nil {
		return nil, err
	}
	held, err := acquire(filepath.Join(temp, "lock"))
	if err != nil {
		return nil, err
	}
	if err := publish(temp, DirFor(dir, run)); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

// publish renames temp to final, durably.
func publish(temp, final string) error {
	if err := syncDir(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, final); err != nil {
		return err
	}
	runs := filepath.Dir(final)
	if err := syncDir(runs); err != nil {
		return err
	}
	return syncDir(filepath.Dir(runs)) // runs itself may be new
}

func writeHeader(path, run string) (err error) {
	b, err := appendRecord(nil, header{Version: version, Run: run})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(path string) (err error) {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}

// checkRunFolder refuses a run that is not there, or not ours.
func checkRunFolder(dir, run string) error {
	if err := validRun(run); err != nil {
		return err
	}
	for _, path := range []string{runsDir(dir), DirFor(dir, run)} {
		err := checkFolder(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w in %s", ErrNotFound, dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFolder refuses a folder that somebody else could have put there or can
// write to. The state directory itself may be reached over symbolic links:
// people move it to another disk.
func checkFolder(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s: %w", path, errSymlink)
	case !info.IsDir():
		return fmt.Errorf("%s: it is not a folder", path)
	}
	return checkOwner(path, info)
}

func checkFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: it is not a regular file", f.Name())
	}
	return checkOwner(f.Name(), info)
}

func checkOwner(path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: it belongs to user %d, not to you", path, st.Uid)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s: others may write to it (mode %04o): chmod go-w it", path, info.Mode().Perm())
	}
	return nil
}
