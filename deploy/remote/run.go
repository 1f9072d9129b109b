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

	"github.com/nixdeploy/nixdeploy/deploy"
)

const (
	// closeGrace is how long a host has to agree that a session is over before
	// the connection is cut.
	closeGrace = 2 * time.Second
	// drainQuiet ends a session whose script has exited while something that it
	// left behind still holds its output open and prints nothing.
	drainQuiet = 10 * time.Second
	// maxNoise is how much a login shell may print before the script begins.
	maxNoise = 1 << 20
	// keepWords is how many lines are kept to explain why a script did not begin.
	keepWords = 20
)

// What ends a script besides itself and the caller.
var (
	errNotBegun = errors.New("no sign of the script in time")
	errNoise    = errors.New("endless output before the script began")
	errDrained  = errors.New("the script has exited")
	errPayload  = errors.New("the payload could not be read")
)

// Run runs cmd on the host and hands on what it prints; out and errs are never
// called at the same time, nor after Run has returned. When one of them blocks,
// the host is made to wait. A line over 64 KiB loses the rest.
//
// cmd.Stdin is streamed while output is read; when it is an io.Closer it is
// closed once nothing more will be read from it, so that its producer ends too.
//
// The error is a *deploy.Problem without a step: unreachable (the connection
// was lost or ctx ended; the script may live on), elevate (sudo or doas
// refused, in its own words), protocol (the host ran something else), upload
// (the payload could not be read). When ctx ends, so does the session; the
// connection survives if the host agrees within two seconds.
func (c *Conn) Run(ctx context.Context, cmd deploy.Command, out, errs func(line string)) (int, error) {
	if closer, ok := cmd.Stdin.(io.Closer); ok {
		defer func() { _ = closer.Close() }()
	}
	elevate := c.elevate
	if cmd.Unprivileged {
		elevate = elevateNone
	}
	end := ending{host: c.host, user: c.user, script: cmd.Name, elevate: elevate, exit: -1}
	exec, err := execString(elevate)
	if err != nil {
		return -1, &deploy.Problem{Code: deploy.CodeInternal, Host: c.host, What: "cannot run " + cmd.Name, Err: err}
	}
	nonce := newNonce()
	head, err := frame(nonce, cmd)
	if err != nil {
		return -1, &deploy.Problem{Code: deploy.CodeInternal, Host: c.host, What: "cannot send " + cmd.Name, Err: err}
	}
	ch, requests, err := c.session(ctx)
	if err != nil {
		end.cause = err
		return end.noSession()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	x := &execution{ch: ch, mark: beginMark + nonce, out: out, errs: errs, cancel: cancel}
	x.begin = time.AfterFunc(c.dialer.opts.BeginTimeout, x.late)
	unwatch := x.closeWith(ctx, func() { _ = c.ssh.Close() })
	x.run(exec, head, cmd.Stdin, requests)
	x.begin.Stop()
	x.stopDrain()
	_ = ch.Close()
	cause := context.Cause(ctx)
	unwatch()
	cancel(nil)
	x.finish(&end, cause)
	return end.judge()
}

// execution is one script under way.
type execution struct {
	ch     ssh.Channel
	mark   string // the begin line
	cancel context.CancelCauseFunc
	begin  *time.Timer

	mu        sync.Mutex // held while a callback runs
	out, errs func(string)
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
func (x *execution) run(exec, head string, stdin io.Reader, requests <-chan *ssh.Request) {
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		defer close(over)
		x.status(requests)
	})
	// No reply is asked for: the begin line is the better proof, and the wait
	// would cost a round trip.
	if _, err := x.ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{exec})); err != nil {
		_ = x.ch.Close()
		wg.Wait()
		return
	}
	sent := make(chan struct{})
	wg.Go(func() {
		defer close(sent)
		x.send(head, stdin)
	})
	wg.Go(func() { _ = readLines(x.ch.Stderr(), x.stderr) })
	_ = readLines(x.ch, x.stdout)
	<-over
	// A payload that nobody reads any more must not keep us waiting for its
	// producer.
	x.unsend(sent, stdin)
	wg.Wait()
}

// send writes the program and the payload. Errors of writing show as the end of
// the session; an error of reading must not look like the payload's end.
func (x *execution) send(head string, stdin io.Reader) {
	if _, err := io.WriteString(x.ch, head); err != nil {
		return
	}
	if stdin != nil {
		in := &readError{r: stdin}
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

// brokenPayload ends the session: the script must not take what it got for all.
func (x *execution) brokenPayload(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.unwanted {
		return // we closed it ourselves
	}
	x.payload = err
	x.cancel(errPayload)
}

// unsend frees the sender from a reader that blocks, where it can be freed.
func (x *execution) unsend(sent <-chan struct{}, stdin io.Reader) {
	select {
	case <-sent:
		return
	default:
	}
	x.mu.Lock()
	x.unwanted = true
	x.mu.Unlock()
	if closer, ok := stdin.(io.Closer); ok {
		_ = closer.Close()
	}
}

// readError keeps the error of reading apart from that of writing.
type readError struct {
	r   io.Reader
	err error
}

// Read reads.
func (e *readError) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
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
func (x *execution) status(requests <-chan *ssh.Request) {
	for r := range requests {
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
	if x.exited {
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

func (x *execution) stopDrain() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.drain != nil {
		x.drain.Stop()
	}
}

// closeWith closes the session when ctx ends, and cuts the connection when that
// does not help. The returned function ends the watch and waits for it.
func (x *execution) closeWith(ctx context.Context, cut func()) (unwatch func()) {
	done := make(chan struct{})
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		var wg sync.WaitGroup
		wg.Go(func() { _ = x.ch.Close() }) // blocks while the line does
		grace := time.NewTimer(closeGrace)
		defer grace.Stop()
		select {
		case <-over:
		case <-grace.C:
			cut()
		}
		wg.Wait()
	})
	return func() {
		close(over)
		if !stop() {
			<-done
		}
	}
}

// finish copies what is known into end.
func (x *execution) finish(end *ending, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	end.begun, end.exited, end.signal = x.begun, x.exited, x.signal
	if x.exited {
		end.exit = x.exit
	}
	end.payload, end.cause = x.payload, cause
	end.words, end.complaint = x.words, x.complaint
}
