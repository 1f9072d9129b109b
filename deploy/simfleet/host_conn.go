package simfleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Dial opens a connection to the host without a network between: scripts reach
// the model as they are. It fails as a real connection does while the host
// cannot be reached, and is lost when the host goes down or off the network.
func (h *Host) Dial(ctx context.Context) (deploy.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	if err := ctx.Err(); err != nil || !h.reachable() {
		return nil, &deploy.Problem{Code: deploy.CodeUnreachable, Host: h.hostname, Step: deploy.StepConnect, What: "the host does not answer", Err: err}
	}
	return &hostConn{host: h, outages: h.outages}, nil
}

// hostConn is a connection of Dial.
type hostConn struct {
	host    *Host
	outages int // of the host when it was opened
	closed  bool
}

// Run answers c from the model, as root unless c says otherwise.
func (c *hostConn) Run(ctx context.Context, cmd deploy.Command, out, errs func(line string)) (int, error) {
	h := c.host
	h.mu.Lock()
	h.advance()
	lost := c.closed || h.outages != c.outages
	h.mu.Unlock()
	if lost {
		return -1, c.problem(cmd, "the host opened no session for %s", nil)
	}
	stdout, stderr := &lineWriter{line: out}, &lineWriter{line: errs}
	q := &request{ctx: ctx, host: h, payload: cmd.Stdin, root: !cmd.Unprivileged, out: stdout, errs: stderr}
	exit := q.run(scriptName(cmd.Script), cmd.Args)
	stdout.end()
	stderr.end()
	switch err := ctx.Err(); {
	case errors.Is(err, context.Canceled):
		p := c.problem(cmd, "%s was interrupted", err)
		p.Code = deploy.CodeInterrupted
		return -1, p
	case err != nil:
		return -1, c.problem(cmd, "%s did not end in time", err)
	case exit == killed:
		return -1, c.problem(cmd, "connection lost during %s", nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.outages != c.outages {
		return -1, c.problem(cmd, "connection lost during %s", nil)
	}
	return exit, nil
}

// Close ends the connection.
func (c *hostConn) Close() error {
	c.closed = true
	return nil
}

func (c *hostConn) problem(cmd deploy.Command, format string, cause error) *deploy.Problem {
	return &deploy.Problem{Code: deploy.CodeUnreachable, Host: c.host.hostname, What: fmt.Sprintf(format, cmd.Name), Err: cause}
}

// lineWriter hands what is written on, line by line.
type lineWriter struct {
	line func(string)
	rest []byte
}

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		w.line(string(w.rest[:i]))
		w.rest = w.rest[i+1:]
	}
}

// end hands on a last line without newline.
func (w *lineWriter) end() {
	if len(w.rest) > 0 {
		w.line(string(w.rest))
		w.rest = nil
	}
}
