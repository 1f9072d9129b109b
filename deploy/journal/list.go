package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// RunInfo is what can be told of a run without reading its whole journal.
type RunInfo struct {
	Run      string
	Began    time.Time // by its name until run-started is written
	Command  string
	Operator string
	Fleet    string
	Flake    string // digest, "" for none
	Hosts    []string
	Stages   []string
	Finished bool // the newest record is run-finished
	Exit     int  // when Finished
	// Through says that it finished right after its last stage: nothing was resumed
	// since.
	Through bool
	Held    bool  // a live process works on it
	Err     error // why the journal could not be read: then only Run, Began and Held hold
}

// List tells of all runs in the state directory, the newest first. It reads
// the two ends of each journal, so damage in the middle stays for Read to
// find. A journal that cannot be read is in the list, with its error.
func List(dir string) ([]RunInfo, error) {
	err := checkFolder(runsDir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	folders, err := os.ReadDir(runsDir(dir))
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	var runs []RunInfo
	for _, f := range folders {
		if validRun(f.Name()) == nil {
			runs = append(runs, summary(dir, f.Name()))
		}
	}
	slices.SortFunc(runs, func(a, b RunInfo) int { return strings.Compare(b.Run, a.Run) })
	return runs, nil
}

func summary(dir, run string) RunInfo {
	info := RunInfo{Run: run, Held: Held(dir, run)}
	if id, err := ulid.ParseStrict(run); err == nil {
		info.Began = ulid.Time(id.Time())
	}
	first, last, err := ends(dir, run) // last: the newest first
	if err != nil {
		info.Err = err
		return info
	}
	if first != nil && first.Kind == deploy.EventRunStarted {
		info.Began = first.Time
		if s := first.Start; s != nil {
			info.Command, info.Operator, info.Fleet, info.Stages = s.Command, s.Operator, s.Fleet, s.Stages
			info.Flake, info.Hosts = s.Flake, s.Hosts
		}
	}
	if len(last) > 0 && last[0].Kind == deploy.EventRunFinished {
		info.Finished = true
		if last[0].Exit != nil {
			info.Exit = *last[0].Exit
		}
		info.Through = len(last) > 1 && last[1].Kind == deploy.EventStageFinished
	}
	return info
}

// ends reads the first event of a journal, nil for none, and its newest.
func ends(dir, run string) (first *deploy.Event, last []deploy.Event, err error) {
	if err := checkRunFolder(dir, run); err != nil {
		return nil, nil, err
	}
	path := eventsPath(dir, run)
	f, err := openPrivate(path, os.O_RDONLY)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the journal of run %s: %w", run, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if first, err = firstEvent(f, path, run); err != nil || first == nil {
		return nil, nil, err
	}
	if last, err = lastEvents(f); err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return first, last, nil
}

// firstEvent reads no further than the header and one record.
func firstEvent(f io.Reader, path, run string) (*deploy.Event, error) {
	lines := bufio.NewReader(f)
	var start bytes.Buffer
	for range 2 {
		l, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		start.Write(l.text)
		if l.ended {
			start.WriteByte('\n')
		}
	}
	found, err := scanRecords(&start, path, run)
	if err != nil || len(found.events) == 0 {
		return nil, err
	}
	return &found.events[0], nil
}

// fromTheEnd is how many of the newest events lastEvents reads.
const fromTheEnd = 2

// lastEvents looks for the newest whole records from the end, through a window
// that grows until they are in it. The newest is the first.
func lastEvents(f *os.File) ([]deploy.Event, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := stat.Size()
	for window := min(int64(64<<10), size); ; window = min(2*window, size) {
		b := make([]byte, window)
		if _, err := f.ReadAt(b, size-window); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if events := lastIn(b); len(events) == fromTheEnd || window == size {
			return events, nil
		}
	}
}

// lastIn gives the last whole events in b, which may begin inside a line.
func lastIn(b []byte) (events []deploy.Event) {
	for len(events) < fromTheEnd {
		end := bytes.LastIndexByte(b, '\n')
		if end < 0 {
			break
		}
		b = b[:end]
		text := b[bytes.LastIndexByte(b, '\n')+1:]
		data, whole := payload(text)
		if !whole {
			continue
		}
		var e deploy.Event
		if json.Unmarshal(data, &e) == nil && e.Seq > 0 { // the header has none
			events = append(events, e)
		}
	}
	return events
}
