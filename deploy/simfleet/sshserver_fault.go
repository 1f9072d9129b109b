package simfleet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Step is a point of the protocol at which a fault can strike.
type Step string

// The steps, in the order in which a connection reaches them.
const (
	StepNone    Step = ""
	StepBanner  Step = "banner"  // TCP is open, nothing was said
	StepKex     Step = "kex"     // the version line was sent, nothing after it
	StepAuth    Step = "auth"    // the first authentication request came in
	StepChannel Step = "channel" // a channel is asked for
	StepExec    Step = "exec"    // a command is asked for; it does not run
	StepOutput  Step = "output"  // the command runs and has printed Fault.Output bytes
	StepExit    Step = "exit"    // the command has run; its exit status is not sent
)

// Fault is what is wrong with a server. The zero value is a healthy one. Faults
// apply to running connections too, from the next step that they reach.
type Fault struct {
	// Refuse refuses connections. With its own listener a server stops
	// listening; on a Board a connection is reset right after it opened.
	Refuse bool
	// Hang goes silent at that step: what comes in is swallowed, nothing goes
	// out, the connection stays open.
	Hang Step
	// Drop resets the connection at that step.
	Drop Step
	// Output is how many bytes of a command's standard output pass before
	// StepOutput is reached.
	Output int64
	// CutAfterRead and CutAfterWritten reset a connection after so many bytes
	// on the wire, counted from its beginning. 0 means never.
	CutAfterRead, CutAfterWritten int64
	// ExecDelay waits before each command runs.
	ExecDelay time.Duration
}

// SetFault replaces the fault. The error is that of listening again at the old
// address after a refusing fault.
func (s *Server) SetFault(f Fault) error {
	s.mu.Lock()
	s.fault = f
	l, addr := s.listener, s.addr
	relisten := !f.Refuse && l == nil && s.opts.Board == nil && !s.closed
	if f.Refuse && l != nil {
		s.listener = nil
	}
	s.mu.Unlock()
	if f.Refuse && l != nil {
		if err := l.Close(); err != nil {
			return fmt.Errorf("stop listening: %w", err)
		}
	}
	if relisten {
		return s.listen(addr)
	}
	return nil
}

// Fault is the current fault.
func (s *Server) Fault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// CutAll resets all open connections.
func (s *Server) CutAll() {
	for _, c := range s.open() {
		c.reset()
	}
}

// FreezeAll makes all open connections go silent: half-open, as after a cable
// was cut.
func (s *Server) FreezeAll() {
	for _, c := range s.open() {
		c.freeze()
	}
}

// Open is how many connections are open.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) open() []*faultConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*faultConn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// errCut is what the server's side of a cut connection sees.
var errCut = errors.New("simulated cut")

// faultConn is a network connection that can be cut and frozen.
type faultConn struct {
	net.Conn
	server *Server
	client *connection // after the handshake; guarded by server.mu

	mu            sync.Mutex
	read, written int64
	writes        int
	frozen, dead  bool
}

// at lets a fault strike at a step. It reports whether one did.
func (c *faultConn) at(step Step) bool {
	f := c.server.Fault()
	switch step {
	case f.Drop:
		c.reset()
	case f.Hang:
		c.freeze()
	default:
		return false
	}
	return true
}

func (c *faultConn) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = true
}

// reset closes with RST where the connection can.
func (c *faultConn) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.shut()
}

func (c *faultConn) shut() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	_ = c.Conn.Close()
}

// Read swallows what comes in while frozen; it still sees the other side close.
func (c *faultConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		c.mu.Lock()
		frozen := c.frozen
		c.read += int64(n)
		read := c.read
		c.mu.Unlock()
		if limit := c.server.Fault().CutAfterRead; limit > 0 && read > limit {
			c.reset()
			return 0, errCut
		}
		if !frozen || err != nil {
			return n, err
		}
	}
}

// Write counts, and cuts in the middle of p when the limit lies there. The
// first write of a server is its version line, the second begins the key
// exchange.
func (c *faultConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.writes++
	n := c.writes
	c.mu.Unlock()
	switch n {
	case 1:
		c.at(StepBanner)
	case 2:
		c.at(StepKex)
	}
	limit := c.server.Fault().CutAfterWritten
	c.mu.Lock()
	before, frozen, dead := c.written, c.frozen, c.dead
	c.written += int64(len(p))
	c.mu.Unlock()
	switch {
	case dead:
		return 0, errCut
	case frozen:
		return len(p), nil
	case limit > 0 && before+int64(len(p)) > limit:
		if keep := limit - before; keep > 0 {
			_, _ = c.Conn.Write(p[:keep])
		}
		c.shut() // without RST, so that the bytes before the cut arrive
		return 0, errCut
	}
	return c.Conn.Write(p)
}

// outputWriter counts a command's standard output for StepOutput.
type outputWriter struct {
	io.Writer
	conn    *faultConn
	passed  int64
	reached bool
}

func (w *outputWriter) Write(p []byte) (int, error) {
	f := w.conn.server.Fault()
	if (f.Drop != StepOutput && f.Hang != StepOutput) || w.reached || w.passed+int64(len(p)) < f.Output {
		n, err := w.Writer.Write(p)
		w.passed += int64(n)
		return n, err
	}
	w.reached = true
	keep := f.Output - w.passed
	n, err := w.Writer.Write(p[:keep])
	w.passed += int64(n)
	if err != nil {
		return n, err
	}
	w.conn.at(StepOutput)
	m, err := w.Writer.Write(p[keep:])
	return n + m, err
}

// OpenOnClients asks every client for a channel, as a hostile host would, and
// returns the first refusal.
func (s *Server) OpenOnClients(kind string) error {
	s.mu.Lock()
	var clients []*connection
	for c := range s.conns {
		if c.client != nil {
			clients = append(clients, c.client)
		}
	}
	s.mu.Unlock()
	for _, c := range clients {
		if err := c.open(kind); err != nil {
			return fmt.Errorf("ask for a channel: %w", err)
		}
	}
	return nil
}

// open asks for a channel until the connection is over: golang.org/x/crypto/ssh
// waits for ever for the answer to what it asks for just then, so that what it
// does is left behind in that case.
func (c *connection) open(kind string) error {
	refusal := make(chan error, 1)
	go func() {
		ch, requests, err := c.ssh.OpenChannel(kind, nil)
		if err == nil {
			_ = ch.Close()
			ssh.DiscardRequests(requests)
		}
		refusal <- err
	}()
	select {
	case err := <-refusal:
		return err
	case <-c.ctx.Done():
		return net.ErrClosed
	}
}
