package remote

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

const (
	// closeGrace is how long a host has to agree that a session is over. sshd
	// does not while the command runs, so it is short.
	closeGrace = 250 * time.Millisecond
	// drainQuiet ends a session whose script has exited while something that it
	// left behind still holds its output open and prints nothing.
	drainQuiet = 10 * time.Second
)

// What ends a script besides itself and the caller.
var (
	errNotBegun = errors.New("no sign of the script in time")
	errNoise    = errors.New("endless output before the script began")
	errDrained  = errors.New("the script has exited")
	errPayload  = errors.New("the payload could not be read")
	errClosed   = errors.New("the connection is closed")
)

// Run runs cmd on the host and hands on what it prints; out and errs are never
// called at the same time, nor after Run has returned. When one of them blocks,
// the host is made to wait. A line over 64 KiB loses the rest.
//
// cmd.Stdin is streamed while output is read, and not read after Run has
// returned. When it is an io.Closer it is closed once nothing more will be read
// from it, so that its producer ends too; any other reader must not block for
// ever, since Run waits for a read under way.
//
// The error is a *deploy.Problem without a step: unreachable (the connection
// was lost or ctx ended; the script may live on), interrupted (ctx was
// cancelled), elevate (sudo or doas refused, in its own words), protocol (the
// host ran something else), upload (the payload could not be read). When ctx
// ends, Run leaves the session; the connection stays good for another Run.
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
	defer cancel(nil)
	x := &execution{
		ch: ch, requests: requests, exec: exec, head: head, stdin: cmd.Stdin,
		mark: beginMark + nonce, out: out, errs: errs, cancel: cancel,
	}
	x.begin = time.AfterFunc(c.dialer.opts.BeginTimeout, x.late)
	c.perform(ctx, x)
	x.leave()
	x.tell(&end, context.Cause(ctx))
	return end.judge()
}

// perform runs x until its session is over, or ctx is and the host was told. A
// session that the host does not end is left to the connection, whose Close
// waits for it: what it still prints is dropped.
func (c *Conn) perform(ctx context.Context, x *execution) {
	over := make(chan struct{})
	if !c.spawn(func() {
		defer close(over)
		x.run()
	}) {
		_ = x.ch.Close()
		x.cancel(errClosed)
		return
	}
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	c.spawn(func() { _ = x.ch.Close() }) // blocks while the line does
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-over:
	case <-grace.C:
	}
}
