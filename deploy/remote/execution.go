package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxNoise is how much a login shell may print before the script begins.
	maxNoise = 1 << 20
	// keepWords is how many lines are kept to explain why a script did not begin.
	keepWords = 20
)

// execution is one script under way in a session.
type execution struct {
	ch         ssh.Channel
	requests   <-chan *ssh.Request
	exec, head string
	stdin      io.Reader
	mark       string // the begin line
	cancel     context.CancelCauseFunc
	begin      *time.Timer

	reading sync.Mutex // held while stdin is read

	mu        sync.Mutex // held while a callback runs
	out, errs func(string)
	left      bool // Run returns: no callback and no read any more
	begun     bool
	noise     int
	words     []string // what was printed instead of the begin line
	complaint []string // the same on standard error
	drain     *time.Timer
	exited    bool
	exit      int
	signal    string
	payload   error
	unwanted  bool // the session is over: nobody reads the payload any more
}

// run sends everything, reads everything and returns when the session is over.
func (x *execution) run() {
	var wg sync.WaitGroup
	defer wg.Wait()
	over := make(chan struct{})
	wg.Go(func() {
		defer close(over)
		x.status()
	})
	// No reply is asked for: the begin line is the better proof, and the wait
	// would cost a round trip.
	if _, err := x.ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{x.exec})); err != nil {
		_ = x.ch.Close()
		return
	}
	sent := make(chan struct{})
	wg.Go(func() {
		defer close(sent)
		x.send()
	})
	wg.Go(func() { _ = readLines(x.ch.Stderr(), x.stderr) })
	_ = readLines(x.ch, x.stdout)
	<-over
	// A payload that nobody reads any more must not keep us waiting for its
	// producer.
	select {
	case <-sent:
	default:
		x.unwant()
	}
}

// send writes the program and the payload. Errors of writing show as the end of
// the session; an error of reading must not look like the payload's end.
func (x *execution) send() {
	if _, err := io.WriteString(x.ch, x.head); err != nil {
		return
	}
	if x.stdin != nil {
		in := &payload{x: x}
		_, err := io.Copy(x.ch, in)
		if in.err != nil {
			x.brokenPayload(in.err)
			return
		}
		if err != nil {
			return
		}
	}
	_ = x.ch.CloseWrite()
}

// payload reads standard input, until the session is left, and keeps the error
// of reading apart from that of writing.
type payload struct {
	x   *execution
	err error
}

// Read reads.
func (p *payload) Read(b []byte) (int, error) {
	p.x.reading.Lock()
	defer p.x.reading.Unlock()
	if p.x.gone() {
		return 0, io.ErrClosedPipe
	}
	n, err := p.x.stdin.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}

// brokenPayload ends the session: the script must not take what it got for all.
func (x *execution) brokenPayload(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.unwanted || x.left {
		return // we closed it ourselves
	}
	x.payload = err
	x.cancel(errPayload)
}

// unwant frees the sender from a reader that blocks, where it can be freed.
func (x *execution) unwant() {
	x.mu.Lock()
	x.unwanted = true
	x.mu.Unlock()
	if closer, ok := x.stdin.(io.Closer); ok {
		_ = closer.Close()
	}
}

// leave makes sure that nothing of the caller's is used from here on.
func (x *execution) leave() {
	x.begin.Stop()
	x.mu.Lock()
	x.left = true
	if x.drain != nil {
		x.drain.Stop()
	}
	x.mu.Unlock()
	if closer, ok := x.stdin.(io.Closer); ok {
		_ = closer.Close()
	}
	x.reading.Lock() // waits for a read under way
	defer x.reading.Unlock()
}

func (x *execution) gone() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.left
}

// late ends a script that gave no sign of life.
func (x *execution) late() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.begun {
		x.cancel(errNotBegun)
	}
}

// stdout takes one line of standard output: noise, the begin line, or output.
func (x *execution) stdout(line string) (more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.left {
		return false
	}
	x.touchDrain()
	if x.begun {
		x.out(line)
		return true
	}
	// A prompt or banner without newline may stand before the mark.
	if strings.HasSuffix(line, x.mark) {
		x.begun = true
		x.begin.Stop()
		return true
	}
	x.words = keep(x.words, line)
	if x.noise += len(line) + 1; x.noise > maxNoise {
		x.cancel(errNoise)
		return false
	}
	return true
}

// stderr takes one line of standard error.
func (x *execution) stderr(line string) (more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.left {
		return false
	}
	x.touchDrain()
	if !x.begun {
		x.complaint = keep(x.complaint, line)
	}
	x.errs(line)
	return true
}

func keep(lines []string, line string) []string {
	if len(lines) < keepWords && strings.TrimSpace(line) != "" {
		lines = append(lines, line[:min(len(line), 500)])
	}
	return lines
}

// status takes the session's requests: how the command ended.
func (x *execution) status() {
	for r := range x.requests {
		switch r.Type {
		case "exit-status":
			if len(r.Payload) >= 4 {
				x.setExit(int(binary.BigEndian.Uint32(r.Payload)))
			}
		case "exit-signal":
			var s struct {
				Signal string
				Rest   []byte `ssh:"rest"`
			}
			if err := ssh.Unmarshal(r.Payload, &s); err == nil {
				x.mu.Lock()
				x.signal = s.Signal
				x.mu.Unlock()
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

func (x *execution) setExit(code int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.exited || x.left {
		return
	}
	x.exited, x.exit = true, code
	x.drain = time.AfterFunc(drainQuiet, func() { x.cancel(errDrained) })
}

// touchDrain puts off the end of a session whose output still flows.
func (x *execution) touchDrain() {
	if x.drain != nil {
		x.drain.Reset(drainQuiet)
	}
}

// tell copies what is known into end.
func (x *execution) tell(end *ending, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	end.begun, end.exited, end.signal = x.begun, x.exited, x.signal
	if x.exited {
		end.exit = x.exit
	}
	end.payload, end.cause = x.payload, cause
	end.words, end.complaint = x.words, x.complaint
}
