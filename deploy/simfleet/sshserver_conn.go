package simfleet

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// connection is one client of a Server after its handshake.
type connection struct {
	server *Server
	nc     *faultConn
	ssh    *ssh.ServerConn
	ctx    context.Context //nolint:containedctx // ends with the connection
	wg     sync.WaitGroup
}

// serve speaks SSH on nc until the connection is over.
func (s *Server) serve(nc net.Conn) {
	fc := &faultConn{Conn: nc, server: s}
	defer func() { _ = fc.Close() }()
	if !s.admit(fc) {
		return
	}
	defer s.forget(fc)
	config := s.config(fc)
	sc, channels, requests, err := ssh.NewServerConn(fc, config)
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	c := &connection{server: s, nc: fc, ssh: sc, ctx: ctx}
	s.mu.Lock()
	fc.client = c
	s.mu.Unlock()
	c.wg.Go(func() {
		for r := range requests {
			s.note(func(rec *Record) { rec.add(&rec.Globals, r.Type) })
			if s.opts.OnGlobal != nil {
				s.opts.OnGlobal(r.Type)
			}
			_ = r.Reply(false, nil)
		}
	})
	for ch := range channels {
		c.channel(ch)
	}
	cancel()
	_ = sc.Close()
	c.wg.Wait()
}

// admit counts the connection, or resets it while connections are refused.
func (s *Server) admit(fc *faultConn) bool {
	s.mu.Lock()
	refuse := s.fault.Refuse || s.closed
	if !refuse {
		s.record.Connections++
		s.conns[fc] = struct{}{}
	}
	s.mu.Unlock()
	if refuse {
		fc.reset()
	}
	return !refuse
}

func (s *Server) forget(fc *faultConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, fc)
}

// config is made per connection: it closes over fc, and thousands of idle
// servers should not keep one each.
func (s *Server) config(fc *faultConn) *ssh.ServerConfig {
	var first sync.Once
	c := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-simfleet",
		MaxAuthTries:  6,
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !s.authorized(meta.User(), key) {
				s.note(func(rec *Record) { rec.addAuth(meta.User(), "publickey", key, false) })
				return nil, errors.New("key not authorized")
			}
			s.note(func(rec *Record) { rec.addAuth(meta.User(), "publickey", key, true) })
			return nil, nil
		},
		AuthLogCallback: func(meta ssh.ConnMetadata, method string, _ error) {
			if method != "publickey" {
				s.note(func(rec *Record) { rec.addAuth(meta.User(), method, nil, false) })
			}
			first.Do(func() { fc.at(StepAuth) })
		},
	}
	if s.opts.Banner != "" {
		c.BannerCallback = func(ssh.ConnMetadata) string { return s.opts.Banner }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		c.AddHostKey(k)
	}
	return c
}

func (s *Server) authorized(user string, key ssh.PublicKey) bool {
	if s.opts.Authorize != nil {
		return s.opts.Authorize(user, key)
	}
	if s.opts.Users != nil && !slices.Contains(s.opts.Users, user) {
		return false
	}
	return slices.ContainsFunc(s.opts.AuthorizedKeys, func(k ssh.PublicKey) bool {
		return string(k.Marshal()) == string(key.Marshal())
	})
}

// channel serves a session, forwards where that is allowed, refuses the rest.
func (c *connection) channel(nch ssh.NewChannel) {
	kind := nch.ChannelType()
	c.server.note(func(rec *Record) { rec.add(&rec.Channels, kind) })
	if c.nc.at(StepChannel) {
		return
	}
	switch {
	case kind == "session":
		ch, requests, err := nch.Accept()
		if err != nil {
			return
		}
		c.wg.Go(func() { c.session(ch, requests) })
	case kind == "direct-tcpip" && c.server.opts.Forward:
		c.wg.Go(func() { c.forward(nch) })
	default:
		_ = nch.Reject(ssh.UnknownChannelType, "only sessions here")
	}
}

// session serves the requests of one session channel: one command, nothing else.
func (c *connection) session(ch ssh.Channel, requests <-chan *ssh.Request) {
	var started bool
	for r := range requests {
		c.server.note(func(rec *Record) { rec.add(&rec.Requests, r.Type) })
		var payload struct{ Command string }
		if r.Type != "exec" || started || ssh.Unmarshal(r.Payload, &payload) != nil {
			_ = r.Reply(false, nil)
			if r.Type == "shell" || r.Type == "subsystem" {
				_ = ch.Close()
			}
			continue
		}
		if c.nc.at(StepExec) {
			continue
		}
		started = true
		_ = r.Reply(true, nil)
		c.server.note(func(rec *Record) { rec.add(&rec.Commands, payload.Command) })
		c.wg.Go(func() { c.exec(ch, payload.Command) })
	}
	if !started {
		_ = ch.Close()
	}
}

// exec runs one command and reports how it ended.
func (c *connection) exec(ch ssh.Channel, command string) {
	defer func() { _ = ch.Close() }()
	if !c.pause(c.server.Fault().ExecDelay) {
		return
	}
	exit := 127
	if h := c.server.opts.Handler; h != nil {
		exit = h.Exec(c.ctx, Request{
			Command: command,
			User:    c.ssh.User(),
			Stdin:   ch,
			Stdout:  &outputWriter{Writer: ch, conn: c.nc},
			Stderr:  ch.Stderr(),
		})
	}
	if c.nc.at(StepExit) {
		return
	}
	_ = ch.CloseWrite()
	if exit < 0 {
		_, _ = ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal     string
			CoreDumped bool
			Message    string
			Language   string
		}{Signal: "KILL"}))
		return
	}
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(exit & 0xff)}))
}

// pause waits for d, and reports false when the connection ended before.
func (c *connection) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// forward joins a direct-tcpip channel to a loopback address.
func (c *connection) forward(nch ssh.NewChannel) {
	var target struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(nch.ExtraData(), &target); err != nil {
		_ = nch.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	if ip := net.ParseIP(target.Host); ip == nil || !ip.IsLoopback() {
		_ = nch.Reject(ssh.Prohibited, "only loopback addresses here")
		return
	}
	var d net.Dialer
	nc, err := d.DialContext(c.ctx, "tcp", net.JoinHostPort(target.Host, strconv.Itoa(int(target.Port))))
	if err != nil {
		_ = nch.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer func() { _ = nc.Close() }()
	ch, requests, err := nch.Accept()
	if err != nil {
		return
	}
	c.wg.Go(func() { ssh.DiscardRequests(requests) })
	// Either end closing closes the other, so that neither copy outlives it.
	stop := context.AfterFunc(c.ctx, func() { _ = nc.Close() })
	defer stop()
	c.wg.Go(func() {
		_, _ = io.Copy(nc, ch)
		_ = nc.Close()
	})
	_, _ = io.Copy(ch, nc)
	_ = ch.Close()
}
