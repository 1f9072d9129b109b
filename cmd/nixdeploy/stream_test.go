package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// stalled is a stream whose reader stands still after so many writes: a terminal
// after Ctrl-S, a pager on its first page. It goes on once released.
type stalled struct {
	after    int
	released chan struct{}

	mu  sync.Mutex
	n   int
	out bytes.Buffer
}

func newStalled(after int) *stalled { return &stalled{after: after, released: make(chan struct{})} }

func (s *stalled) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.n++
	stands := s.n > s.after
	s.mu.Unlock()
	if stands {
		<-s.released
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *stalled) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// A reader that stands still holds up neither hosts nor interruptions: the run
// ends, its journal is whole, and the result is told.
func TestAReaderThatStandsStillHoldsUpNoHost(t *testing.T) {
	for _, args := range [][]string{{"apply", "--yes"}, {"apply", "--yes", "--json"}} {
		synctest.Test(t, func(t *testing.T) {
			d := &fakeDriver{}
			c := newCall(t, d)
			stuck := newStalled(1)
			app := c.App
			app.Stdin, app.Stdout, app.Stderr = strings.NewReader(""), &c.stdout, stuck
			asJSON := len(args) == 3
			if asJSON {
				app.Stdout, app.Stderr = stuck, &c.stderr
			}
			ended := make(chan int, 1)
			go func() { ended <- app.Run(context.Background(), args) }()
			if asJSON { // the result waits for its reader
				time.Sleep(time.Hour)
				synctest.Wait()
				if len(d.applied) != 3 {
					t.Errorf("%v: applied to %v", args, d.applied)
				}
				close(stuck.released)
			}
			if code := <-ended; code != 0 || len(d.applied) != 3 {
				t.Errorf("%v: exit %d after %v", args, code, d.applied)
			}
			if !asJSON {
				contains(t, "stdout", c.stdout.String(), "confirmed  3")
				close(stuck.released)
			} else {
				contains(t, "stdout", stuck.String(), `"type":"report"`)
			}
			synctest.Wait()
		})
	}
}

// Neither the first nor the second interruption waits for a reader.
func TestInterruptionsDoNotWaitForAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDriver{outcomes: map[string]deploy.State{"dev-1": deploy.StateInFlight}}
		c := newCall(t, d)
		ready := interruptible(c)
		stuck := newStalled(0)
		d.applying = func(context.Context, string) {
			ch := <-ready
			ch <- Interruption{Name: "interrupt"}
			<-c.admitted(d)
			ch <- Interruption{Name: "interrupt"}
			<-d.q.Detach.Done()
		}
		app := c.App
		app.Stdin, app.Stdout, app.Stderr = strings.NewReader(""), stuck, stuck // both, as below 2>&1
		if code := app.Run(t.Context(), []string{"apply", "--yes"}); code != 130 {
			t.Errorf("exit %d", code)
		}
		close(stuck.released)
		synctest.Wait()
	})
}

// What waits for a reader is bounded: the oldest goes, and how much of it is told
// in its place.
func TestWhatNobodyReadsIsLeftOutInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := newStalled(1)
		s := newStream(stuck, func(error) {}, func(lines int) string { return fmt.Sprintf("[%d]\n", lines) })
		line := strings.Repeat("x", 1023) + "\n"
		tell := func(text string) { _, _ = aside{s}.Write([]byte(text)) }
		tell("first\n")
		synctest.Wait()
		tell("second\n")
		for range 10 * mostUnread / len(line) { // a reader that is slow, and reads
			tell(line)
		}
		s.mu.Lock()
		if s.left > 0 {
			t.Errorf("%d lines are left out for a reader that reads", s.left)
		}
		s.mu.Unlock()
		time.Sleep(lastWait + time.Second) // and then stands still
		for range 10 * mostUnread / len(line) {
			tell(line)
		}
		tell("last\n")
		s.mu.Lock()
		if s.size > mostUnread {
			t.Errorf("%d bytes wait", s.size)
		}
		s.mu.Unlock()
		close(stuck.released)
		s.close()
		lines := strings.SplitAfter(stuck.String(), "\n")
		kept := len(lines) - 5 // without first, second, the note, last, and what is behind the last newline
		want := []string{"first\n", "second\n", fmt.Sprintf("[%d]\n", 20*mostUnread/len(line)-kept), line}
		for i, w := range want {
			if lines[i] != w {
				t.Errorf("line %d is %.20q, want %.20q", i, lines[i], w)
			}
		}
		if lines[len(lines)-2] != "last\n" {
			t.Errorf("ends with %.20q", lines[len(lines)-2])
		}
	})
}
