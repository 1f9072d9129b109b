package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

const (
	// mostUnread is how much of what is told waits for a reader that stands still:
	// one that merely reads slower than ten thousand hosts tell misses nothing.
	mostUnread = 1 << 20
	// lastWait is for how long a reader may stand still once there is nothing else
	// left to wait for.
	lastWait = 3 * time.Second
)

// stream is an output whose reader may stand still: a terminal after Ctrl-S, a
// pager on its first page. Hosts must not wait for it, so what is told waits in a
// queue, of which the oldest is left out when it grows too long meanwhile; a result waits
// for its reader, as that of any program does. The order is kept.
//
// It owns one goroutine, which ends with close, unless a write stands still: no
// other goroutine can end one in the kernel. The process ends that one.
type stream struct {
	w      io.Writer
	lost   func(error)            // told of what cannot be written; does not block
	gap    func(lines int) string // what is written where lines were left out
	before *stream                // what was told there comes before a result of here
	letGo  func() <-chan struct{} // from its end on a result waits no longer for its reader

	mu    sync.Mutex
	queue []text
	size  int // bytes in the queue
	left  int // lines left out at its head
	busy  bool
	began time.Time // the write under way, if busy
	over  bool
	moved chan struct{} // closed, and made anew, when something was queued, written or closed
	ended chan struct{} // closed when the goroutine is gone
}

// text is one write on its way. done, which holds one answer, is nil for what may
// be left out.
type text struct {
	bytes []byte
	done  chan error
}

func newStream(w io.Writer, lost func(error), gap func(int) string) *stream {
	s := &stream{w: w, lost: lost, gap: gap, moved: make(chan struct{}), ended: make(chan struct{})}
	go s.loop()
	return s
}

// aside is a stream as a writer that never waits, result one that does.
type (
	aside  struct{ *stream }
	result struct{ *stream }
)

func (a aside) Write(p []byte) (int, error) {
	a.add(text{bytes: bytes.Clone(p)})
	return len(p), nil
}

func (r result) Write(p []byte) (int, error) {
	if r.before != nil {
		r.before.flush()
	}
	done := make(chan error, 1)
	r.add(text{bytes: bytes.Clone(p), done: done})
	var err error
	select {
	case err = <-done:
	case <-r.letGo():
		select {
		case err = <-done:
		case <-time.After(lastWait):
			err = fmt.Errorf("nobody reads the output: %w", errInterrupted)
		}
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *stream) add(t text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, t)
	s.size += len(t.bytes)
	stands := s.busy && time.Since(s.began) > lastWait
	for stands && s.size > mostUnread && len(s.queue) > 1 && s.queue[0].done == nil {
		s.left += bytes.Count(s.queue[0].bytes, []byte("\n"))
		s.pop()
	}
	s.move()
}

func (s *stream) pop() text {
	t := s.queue[0]
	s.queue[0] = text{}
	s.queue, s.size = s.queue[1:], s.size-len(t.bytes)
	return t
}

func (s *stream) move() {
	close(s.moved)
	s.moved = make(chan struct{})
}

func (s *stream) loop() {
	defer close(s.ended)
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			over, moved := s.over, s.moved
			s.mu.Unlock()
			if over {
				return
			}
			<-moved
			continue
		}
		t := text{}
		if s.left > 0 {
			t.bytes, s.left = []byte(s.gap(s.left)), 0
		} else {
			t = s.pop()
		}
		s.busy, s.began = true, time.Now()
		s.mu.Unlock()
		_, err := s.w.Write(t.bytes)
		if err != nil {
			s.lost(err)
		}
		if t.done != nil {
			t.done <- err
		}
		s.mu.Lock()
		s.busy = false
		s.move()
		s.mu.Unlock()
	}
}

// flush waits until all is written, for as long as a reader reads.
func (s *stream) flush() {
	for {
		s.mu.Lock()
		still, moved := s.busy || len(s.queue) > 0, s.moved
		s.mu.Unlock()
		if !still {
			return
		}
		select {
		case <-moved:
		case <-time.After(lastWait):
			return
		}
	}
}

// close flushes, and ends the goroutine where it can.
func (s *stream) close() {
	s.flush()
	s.mu.Lock()
	s.over = true
	s.move()
	still := s.busy || len(s.queue) > 0
	s.mu.Unlock()
	if !still {
		<-s.ended
	}
}

// streams puts queues before the outputs; end writes what still waits there.
func (a *App) streams(s *signals) (end func()) {
	told := newStream(a.Stderr, s.outputLost, func(lines int) string {
		return fmt.Sprintf("nixdeploy: %d lines are left out here: nobody read the output\n", lines)
	})
	results := newStream(a.Stdout, s.outputLost, func(lines int) string { return string(view.JSONLeftOut(lines)) })
	results.before, results.letGo = told, func() <-chan struct{} { return s.drain.Done() }
	a.Stderr, a.Stdout = aside{told}, result{results}
	return func() {
		told.close()
		results.close()
	}
}

// pass writes one of many lines to stdout, which a run does not wait for.
func (a App) pass(line []byte) {
	out := a.Stdout
	if r, ok := out.(result); ok {
		out = aside(r)
	}
	_, _ = out.Write(line)
}
