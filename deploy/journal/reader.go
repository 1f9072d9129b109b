package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// ErrNotFound is in the chain when the state directory has no such run.
var ErrNotFound = errors.New("no such run")

// DamagedError is a journal that was changed by something else than a crash:
// what it says in other places cannot be relied on either. It is final; the
// hosts still know what happened.
type DamagedError struct {
	Path string
	Line int // from 1
	What string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s:%d: the journal is damaged: %s", e.Path, e.Line, e.What)
}

// VersionError is a journal that a newer nixdeploy wrote.
type VersionError struct {
	Path    string
	Version int
	Newest  int // that this program reads
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: the journal has version %d, this nixdeploy reads up to %d: use the nixdeploy that wrote it, or a newer one",
		e.Path, e.Version, e.Newest)
}

// Read gives the events of a run, also while its process still writes. A torn
// end, which a crash leaves, is dropped: nothing in it was promised to anyone.
// The error is a *DamagedError, a *VersionError, ErrNotFound or one of I/O.
func Read(dir, run string) ([]deploy.Event, error) {
	if err := checkRunFolder(dir, run); err != nil {
		return nil, fmt.Errorf("reading the journal of run %s: %w", run, err)
	}
	found, err := scanFile(dir, run)
	if err != nil {
		return nil, err
	}
	return found.events, nil
}

// scan is what a journal file holds.
type scan struct {
	events []deploy.Event
	good   int64 // bytes up to the end of the last whole record
}

func scanFile(dir, run string) (found scan, err error) {
	path := eventsPath(dir, run)
	f, err := openPrivate(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		// Create renames a whole folder into place: this is no crash.
		return scan{}, &DamagedError{Path: path, Line: 1, What: "the file is gone from the run's folder"}
	}
	if err != nil {
		return scan{}, fmt.Errorf("reading the journal of run %s: %w", run, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return scanRecords(f, path, run)
}

// scanRecords reads a journal from r. A line that is not whole ends it; if a
// whole one follows nevertheless, the damage is in the middle and no crash
// explains it.
func scanRecords(r io.Reader, path, run string) (scan, error) {
	var found scan
	var broken *DamagedError
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return scan{}, fmt.Errorf("reading %s: %w", path, err)
		}
		data, whole := payload(line.text)
		switch {
		case !whole || !line.ended:
			if n == 1 {
				return scan{}, &DamagedError{path, 1, "its first line, written before the run began, is not whole"}
			}
			if broken == nil {
				broken = &DamagedError{path, n, "its checksum does not fit, and whole records follow"}
			}
		case broken != nil:
			return scan{}, broken
		default:
			if err := found.add(data, path, run, n); err != nil {
				return scan{}, err
			}
			found.good += int64(len(line.text)) + 1
		}
	}
	if found.good == 0 {
		return scan{}, &DamagedError{path, 1, "the file is empty"}
	}
	return found, nil
}

// add takes in the whole record of line n.
func (s *scan) add(data []byte, path, run string, n int) error {
	if n == 1 {
		v, wrong := decodeHeader(data, run)
		if v > version {
			return &VersionError{Path: path, Version: v, Newest: version}
		}
		if wrong != "" {
			return &DamagedError{path, n, wrong}
		}
		return nil
	}
	e, wrong := decodeEvent(data, run, uint64(len(s.events))+1)
	if wrong != "" {
		return &DamagedError{path, n, wrong}
	}
	s.events = append(s.events, e)
	return nil
}

// line is one line of a file; ended says that its newline was there.
type line struct {
	text  []byte
	ended bool
}

// readLine gives the next line, or io.EOF when there is none. Of a line above
// maxRecord only that much is kept: it is no record in any case.
func readLine(r *bufio.Reader) (line, error) {
	var l line
	for {
		part, err := r.ReadSlice('\n')
		if room := maxRecord + 1 - len(l.text); len(part) > room {
			part = part[:max(room, 0)]
		} else if err == nil {
			part, l.ended = part[:len(part)-1], true
		}
		l.text = append(l.text, part...)
		switch {
		case err == nil:
			return l, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(l.text) > 0:
			return l, nil
		default:
			return line{}, err
		}
	}
}
