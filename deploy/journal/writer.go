package journal

import (
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// syncPace is the least time from the start of one fsync to the start of the
// next. A lone append never waits for it; in a burst of a thousand hosts it
// makes them share: at most 250 fsyncs a second, none delayed by more than
// this and one fsync.
const syncPace = 4 * time.Millisecond

// keepBuffer is the buffer kept from batch to batch; a plan of ten thousand
// hosts makes one larger, once.
const keepBuffer = 1 << 20

// file is what the writer needs of an *os.File.
type file interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// writer belongs to the journal's goroutine alone; Close reads it after that
// goroutine has ended.
type writer struct {
	file     file
	seq      uint64 // of the newest record
	buf      []byte
	unsynced []entry        // written, waiting for the fsync that covers them
	synced   []entry        // on the disk, answered once they were shown
	unshown  []deploy.Event // in order, waiting until all before them are durable
	dirty    bool           // written since the last fsync
	lastSync time.Time      // when it began
	err      error          // sticky
}

// durable reports whether an event must be on the disk before the run goes on:
// those from which resume learns which hosts it has to settle.
func durable(k deploy.EventKind) bool {
	switch k {
	case deploy.EventRunStarted, deploy.EventStepIntent, deploy.EventHostState, deploy.EventRunFinished, deploy.EventStageApproved:
		return true
	}
	return false
}

// loop writes what is queued and syncs when it is due, until Close.
func (j *Journal) loop() {
	defer close(j.stopped)
	w := j.writer
	var due <-chan time.Time
	for {
		select {
		case <-j.wake:
		case <-due:
			due = nil
		}
		batch, closing, show := j.take()
		w.write(batch)
		if wait := syncPace - time.Since(w.lastSync); len(w.unsynced) == 0 {
			due = nil
		} else if wait <= 0 {
			w.sync()
			due = nil
		} else if due == nil {
			due = time.After(wait)
		}
		if closing && w.dirty {
			w.sync()
		}
		if len(w.unsynced) == 0 {
			w.flushShown(show)
			w.answer()
		}
		if closing {
			return
		}
	}
}

// take empties the queue. Once it has reported closing, nothing is queued any
// more.
func (j *Journal) take() (batch []entry, closing bool, show func(deploy.Event)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	batch, j.queue = j.queue, nil
	return batch, j.closed, j.show
}

// write hands a batch to the operating system in one call and answers those
// who need no more than that.
func (w *writer) write(batch []entry) {
	w.buf = w.buf[:0]
	written := batch[:0]
	for _, e := range batch {
		if e.event.Kind == deploy.EventOutput {
			w.unshown = append(w.unshown, e.event)
			e.done <- nil
			continue
		}
		if w.err != nil {
			e.done <- w.err
			continue
		}
		e.event.Seq = w.seq + 1
		line, err := appendRecord(w.buf, e.event)
		if err != nil {
			e.done <- err
			continue
		}
		w.buf, w.seq = line, w.seq+1
		written = append(written, e)
	}
	if len(written) == 0 {
		return
	}
	if _, err := w.file.Write(w.buf); err != nil {
		w.fail("writing", err, written)
		return
	}
	if cap(w.buf) > keepBuffer {
		w.buf = nil
	}
	w.dirty = true
	for _, e := range written {
		w.unshown = append(w.unshown, e.event)
		if durable(e.event.Kind) {
			w.unsynced = append(w.unsynced, e)
			continue
		}
		e.done <- nil
	}
}

// sync makes all that was written durable.
func (w *writer) sync() {
	if w.err != nil {
		return
	}
	w.lastSync = time.Now()
	if err := w.file.Sync(); err != nil {
		w.fail("fsync", err, nil)
		return
	}
	w.dirty = false
	w.synced, w.unsynced = append(w.synced, w.unsynced...), w.unsynced[:0]
}

// answer answers those who waited for the disk. Their events have been shown by
// then: whoever reads what Watch feeds, after that, reads them too.
func (w *writer) answer() {
	for _, e := range w.synced {
		e.done <- nil
	}
	clear(w.synced) // events point to plans: let them go
	w.synced = w.synced[:0]
}

// fail makes the journal refuse everything from here on: neither a short write
// nor a failed fsync can be repeated safely. What was not yet durable is
// neither acknowledged nor shown.
func (w *writer) fail(doing string, err error, also []entry) {
	w.err = fmt.Errorf("%w: %s: %w", ErrFailed, doing, err)
	for _, e := range append(w.unsynced, also...) {
		e.done <- w.err
	}
	w.unsynced, w.unshown, w.dirty = nil, nil, false
}

func (w *writer) flushShown(show func(deploy.Event)) {
	if show != nil {
		for _, e := range w.unshown {
			show(e)
		}
	}
	clear(w.unshown) // events point to plans: let them go
	w.unshown = w.unshown[:0]
}
