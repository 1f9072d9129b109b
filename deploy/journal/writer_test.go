package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// A fleet appends from a thousand goroutines; the clock is the bubble's, so
// the numbers are exact and no machine is slow.
func TestAThousandHostsShareTheirFsyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hosts = 1000
		d := &disk{slow: 600 * time.Microsecond}
		j := start(NewRunID(), d, 0, noLock{})
		kinds := []deploy.EventKind{
			deploy.EventStepStarted, deploy.EventStepFinished, deploy.EventStepStarted,
			deploy.EventStepFinished, deploy.EventStepIntent, deploy.EventHostState,
		}
		var all sync.WaitGroup
		for h := range hosts {
			all.Go(func() {
				time.Sleep(time.Duration(h) * time.Millisecond) // a host a millisecond
				for _, k := range kinds {
					began := time.Now()
					if err := j.Append(t.Context(), event(k, fmt.Sprint(h))); err != nil {
						t.Error(err)
					}
					if took := time.Since(began); took > 5*time.Millisecond {
						t.Errorf("%s was delayed by %v", k, took)
					}
				}
			})
		}
		all.Wait()
		mustClose(t, j)
		if most := hosts * len(kinds) / 20; d.syncs > most {
			t.Errorf("%d fsyncs for %d events, want at most %d", d.syncs, hosts*len(kinds), most)
		}
	})
}

func TestALoneAppendDoesNotWaitForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		j := start(NewRunID(), d, 0, noLock{})
		for range 3 {
			time.Sleep(time.Second)
			began := time.Now()
			mustAppend(t, j, event(deploy.EventStepIntent, "a"))
			if took := time.Since(began); took != 0 {
				t.Errorf("waited %v", took)
			}
		}
		if d.syncs != 3 {
			t.Errorf("%d fsyncs, want one for each", d.syncs)
		}
		mustClose(t, j)
	})
}

func TestOnlyTheKindsThatResumeNeedsWaitForTheDisk(t *testing.T) {
	waits := map[deploy.EventKind]bool{
		deploy.EventRunStarted: true, deploy.EventStepIntent: true, deploy.EventHostState: true, deploy.EventRunFinished: true,
		deploy.EventStageApproved: true,
		deploy.EventStageStarted:  false, deploy.EventWaveStarted: false, deploy.EventStepStarted: false,
		deploy.EventStepFinished: false, deploy.EventStepFailed: false, deploy.EventOutput: false,
		deploy.EventSoakStarted: false, deploy.EventSoakFinished: false, deploy.EventStageFinished: false,
	}
	for kind, want := range waits {
		synctest.Test(t, func(t *testing.T) {
			d := &disk{gate: make(chan struct{})}
			j := start(NewRunID(), d, 0, noLock{})
			shown := make(chan deploy.Event, 1)
			j.Watch(func(e deploy.Event) { shown <- e })
			answered := make(chan error, 1)
			go func() { answered <- j.Append(t.Context(), event(kind, "a")) }()
			synctest.Wait() // all that can happen before the fsync ends has happened
			if got := len(answered) == 0; got != want {
				t.Errorf("%s waits for the fsync: %v, want %v", kind, got, want)
			}
			if got := len(shown) == 0; got != want {
				t.Errorf("%s is shown only after the fsync: %v, want %v", kind, got, want)
			}
			close(d.gate)
			if err := <-answered; err != nil {
				t.Error(err)
			}
			mustClose(t, j)
			if written := kind != deploy.EventOutput; (d.syncs > 0) != written {
				t.Errorf("%s: %d fsyncs by the end of Close", kind, d.syncs)
			}
		})
	}
}

func TestAnAppendEndsWithItsContextThoughTheDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		j := start(NewRunID(), d, 0, noLock{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := j.Append(ctx, event(deploy.EventStepIntent, "a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Append: %v", err)
		}
		close(d.gate)
		mustClose(t, j)
	})
}

func TestAFailedDiskIsFinal(t *testing.T) {
	for name, breakIt := range map[string]func(*disk){
		"full at a write":  func(d *disk) { d.writeErr = syscall.ENOSPC },
		"full at an fsync": func(d *disk) { d.syncErr = syscall.ENOSPC },
	} {
		t.Run(name, func(t *testing.T) {
			d := &disk{}
			j := start(NewRunID(), d, 0, noLock{})
			var seen []deploy.Event
			j.Watch(func(e deploy.Event) { seen = append(seen, e) })
			mustAppend(t, j, event(deploy.EventStepIntent, "before"))
			d.set(func() { breakIt(d) })
			for _, host := range []string{"a", "b"} {
				err := j.Append(t.Context(), event(deploy.EventStepIntent, host))
				if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Append: %v", err)
				}
			}
			d.set(func() { d.writeErr, d.syncErr = nil, nil }) // space again: too late
			if err := j.Append(t.Context(), event(deploy.EventStepStarted, "c")); !errors.Is(err, ErrFailed) {
				t.Errorf("Append after the disk came back: %v", err)
			}
			mustAppend(t, j, event(deploy.EventOutput, "c")) // people still see what hosts print
			if err := j.Close(); !errors.Is(err, ErrFailed) {
				t.Errorf("Close: %v", err)
			}
			if len(seen) != 2 || seen[0].Host != "before" || seen[1].Kind != deploy.EventOutput {
				t.Errorf("shown: %v", seen)
			}
		})
	}
}

func TestEveryoneWaitingLearnsOfAFailedFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{}), syncErr: syscall.EIO}
		j := start(NewRunID(), d, 0, noLock{})
		var hosts sync.WaitGroup
		for h := range 50 {
			hosts.Go(func() {
				if err := j.Append(t.Context(), event(deploy.EventHostState, fmt.Sprint(h))); !errors.Is(err, syscall.EIO) {
					t.Errorf("host %d: %v", h, err)
				}
			})
		}
		synctest.Wait()
		close(d.gate)
		hosts.Wait()
		if err := j.Close(); !errors.Is(err, ErrFailed) {
			t.Errorf("Close: %v", err)
		}
	})
}

// Who reads a fold that Watch feeds, after an Append that had to be durable,
// reads that event too: resume counts its exit code from one.
func TestWhatHadToBeDurableIsShownBeforeItsAppendReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := start(NewRunID(), &disk{}, 0, noLock{})
		shown := make(chan deploy.EventKind, 3)
		j.Watch(func(e deploy.Event) {
			time.Sleep(time.Second) // a terminal that takes its time
			shown <- e.Kind
		})
		mustAppend(t, j, event(deploy.EventStepStarted, "a"), event(deploy.EventHostState, "a"))
		if n := len(shown); n != 2 {
			t.Errorf("%d of 2 events were shown", n)
		}
		mustClose(t, j)
	})
}
