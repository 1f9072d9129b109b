package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// Interruption is one wish to stop.
type Interruption struct {
	Name string
	// Gone says that nobody is there any more, rather than that somebody asks:
	// SIGHUP, or an output that nobody reads. It never counts as the second
	// interruption, since one closed terminal comes as several of these.
	Gone bool
}

var errInterrupted = errors.New("interrupted")

// signals holds the two contexts of a run. The end of admit means: begin
// nothing further, what is in flight finishes or returns. The end of drain
// means: let go, the guards decide.
type signals struct {
	admit, drain context.Context //nolint:containedctx // the two are what this type is
	acting       atomic.Pointer[string]
	lost         chan error // holds the first failure of an output
}

func newSignals() *signals { return &signals{lost: make(chan error, 1)} }

// outputLost says that a stream's reader or terminal is gone. It never blocks.
func (s *signals) outputLost(err error) {
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.EIO) {
		return // a full disk below a log is no reason to stop
	}
	select {
	case s.lost <- err:
	default:
	}
}

// act says that hosts are being changed from here on by run, which decides
// what an interruption has to tell.
func (s *signals) act(run string) { s.acting.Store(&run) }

// interrupted reports whether the first interruption has come.
func (s *signals) interrupted() bool { return s.admit.Err() != nil }

// watch starts the goroutine that turns interruptions into the ends of
// contexts. stop ends it and waits for it.
func (a App) watch(parent context.Context, s *signals) func() {
	admit, endAdmit := context.WithCancelCause(parent)
	drain, endDrain := context.WithCancelCause(parent)
	s.admit, s.drain = admit, drain
	ch := make(chan Interruption, 4)
	unnotify := func() {}
	if a.Notify != nil {
		unnotify = a.Notify(ch)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for let := false; !let; {
			var i Interruption
			select {
			case i = <-ch:
			case err := <-s.lost:
				i = Interruption{Name: "nobody reads the output: " + err.Error(), Gone: true}
			case <-done:
				return
			}
			if !s.interrupted() {
				text := s.says(i)
				endAdmit(errInterrupted) // first: what is told may have no reader
				a.tell(text)
			} else if !i.Gone {
				text := s.says(i)
				endDrain(errInterrupted)
				a.tell(text)
				let = true
			}
		}
		unnotify() // a third one ends the process, as if this program did not listen
	}()
	return func() {
		close(done)
		<-ended
		unnotify()
		endAdmit(nil)
		endDrain(nil)
	}
}

// says is what a person is told at once.
func (s *signals) says(i Interruption) string {
	run := s.acting.Load()
	switch {
	case run == nil:
		return "\nnixdeploy: " + i.Name + ": stopping; nothing is being changed\n"
	case !s.interrupted():
		return "\nnixdeploy: " + i.Name + ": no further host begins; those in flight finish or return. Again: leave them to their guards\n"
	}
	return "\nnixdeploy: " + i.Name + ": the hosts in flight are left to their guards. Then: nixdeploy resume " + *run + "\n"
}

// keepWriting is App.KeepWriting for a process: a write to a pipe that nobody
// reads fails, where it would end the process in the middle of a switch. The
// channel is full at once, and nobody looks into it; to ignore the signal would
// be handed down to the programs that are started.
func keepWriting() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// notify is App.Notify for a process. What was ignored when the process began
// stays so: nohup, or a shell that runs it in the background, asked for that.
func notify(c chan<- Interruption) func() {
	sig, done, ended := make(chan os.Signal, 4), make(chan struct{}), make(chan struct{})
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(sig, s)
		}
	}
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-sig:
				select {
				case c <- Interruption{Name: s.String(), Gone: s == syscall.SIGHUP}:
				case <-done:
				}
			case <-done:
				return
			}
		}
	}()
	var stopped atomic.Bool
	return func() {
		if stopped.CompareAndSwap(false, true) {
			signal.Stop(sig)
			close(done)
			<-ended
		}
	}
}
