package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// Interruption is one wish to stop: SIGINT, SIGTERM or SIGHUP.
type Interruption struct{ Name string }

var errInterrupted = errors.New("interrupted")

// signals holds the two contexts of a run. The end of admit means: begin
// nothing further, what is in flight finishes or returns. The end of drain
// means: let go, the guards decide.
type signals struct {
	admit, drain context.Context //nolint:containedctx // the two are what this type is
	acting       atomic.Pointer[string]
}

// act says that hosts are being changed from here on by run, which decides
// what an interruption has to tell.
func (s *signals) act(run string) { s.acting.Store(&run) }

// interrupted reports whether the first interruption has come.
func (s *signals) interrupted() bool { return s.admit.Err() != nil }

// watch starts the goroutine that turns interruptions into the ends of
// contexts. stop ends it and waits for it.
func (a App) watch(parent context.Context) (*signals, func()) {
	s := &signals{}
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
		for _, end := range []context.CancelCauseFunc{endAdmit, endDrain} {
			select {
			case i := <-ch:
				a.tell(s.says(i))
				end(errInterrupted)
			case <-done:
				return
			}
		}
		unnotify() // a third one ends the process, as if this program did not listen
	}()
	return s, func() {
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

// notify is App.Notify for a process.
func notify(c chan<- Interruption) func() {
	sig, done, ended := make(chan os.Signal, 4), make(chan struct{}), make(chan struct{})
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-sig:
				select {
				case c <- Interruption{Name: s.String()}:
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
