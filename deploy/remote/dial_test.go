package remote

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// A host that is silent, or cuts, at each step of the protocol: Dial ends by a
// deadline of its own, with a Problem that names the step.
func TestDialFaults(t *testing.T) {
	tests := map[string]struct {
		fault simfleet.Fault
		says  string
	}{
		"silent at once":           {simfleet.Fault{Hang: simfleet.StepBanner}, "key exchange"},
		"silent in key exchange":   {simfleet.Fault{Hang: simfleet.StepKex}, "key exchange"},
		"silent in authentication": {simfleet.Fault{Hang: simfleet.StepAuth}, "authentication"},
		"drops at once":            {simfleet.Fault{Drop: simfleet.StepBanner}, ""},
		"drops in key exchange":    {simfleet.Fault{Drop: simfleet.StepKex}, "before the key exchange"},
		"drops in authentication":  {simfleet.Fault{Drop: simfleet.StepAuth}, "during authentication"},
		"cut after 10 bytes":       {simfleet.Fault{CutAfterWritten: 10}, "before the key exchange"},
		"cut after 300 bytes":      {simfleet.Fault{CutAfterWritten: 300}, "before the key exchange"},
		"refuses":                  {simfleet.Fault{Refuse: true}, "cannot connect"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			s := l.server(simfleet.ServerOptions{})
			must(t, s.SetFault(tt.fault))
			o := l.options()
			if tt.fault.Hang != "" {
				o.HandshakeTimeout = 300 * time.Millisecond
			}
			_, err := l.dialer(o).Dial(t.Context(), host(s))
			p := problem(t, err, deploy.CodeUnreachable)
			mustContain(t, p.What, tt.says)
			mustContain(t, p.What, s.Addr())
			mustContain(t, p.Next, "address and port")
		})
	}
}

// An address where nobody is: one deadline, no second try.
func TestDialToNowhere(t *testing.T) {
	l := newLab(t)
	o := l.options()
	o.ConnectTimeout = 50 * time.Millisecond
	d := l.dialer(o)
	var tries atomic.Int32
	d.dialTCP = func(ctx context.Context, _ string) (net.Conn, error) {
		tries.Add(1)
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	_, err := d.Dial(t.Context(), inventory.Host{Name: "gone", Address: "192.0.2.1", User: "u"})
	mustContain(t, problem(t, err, deploy.CodeUnreachable).What, "no connection to 192.0.2.1:22 within 50ms")
	if tries.Load() != 1 {
		t.Errorf("%d tries", tries.Load())
	}
}

// The caller's own deadline ends Dial as well.
func TestDialEndsWithContext(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{})
	must(t, s.SetFault(simfleet.Fault{Hang: simfleet.StepKex}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	o := l.options()
	o.HandshakeTimeout = time.Hour
	_, err := l.dialer(o).Dial(ctx, host(s))
	if p := problem(t, err, deploy.CodeUnreachable); !errors.Is(p, context.DeadlineExceeded) {
		t.Errorf("the cause is lost: %v", p)
	}
}

// counted makes a dialer that counts, and may fail, TCP connections.
func counted(d *Dialer, fail func(n int32) error) *atomic.Int32 {
	var n atomic.Int32
	dial := d.dialTCP
	d.dialTCP = func(ctx context.Context, addr string) (net.Conn, error) {
		if err := fail(n.Add(1)); err != nil {
			return nil, err
		}
		return dial(ctx, addr)
	}
	return &n
}

func TestDialRetries(t *testing.T) {
	never := func(int32) error { return nil }
	tests := map[string]struct {
		fault simfleet.Fault
		fail  func(n int32) error
		users []string
		tries int32
		code  deploy.Code
	}{
		"refused, then there":  {fail: func(n int32) error { return refusedIf(n == 1) }, tries: 2},
		"refused twice":        {fail: func(int32) error { return refusedIf(true) }, tries: 2, code: deploy.CodeUnreachable},
		"reset before the key": {fault: simfleet.Fault{Drop: simfleet.StepBanner}, fail: never, tries: 2, code: deploy.CodeUnreachable},
		"lost in auth":         {fault: simfleet.Fault{Drop: simfleet.StepAuth}, fail: never, tries: 1, code: deploy.CodeUnreachable},
		"auth refused":         {users: []string{"nobody"}, fail: never, tries: 1, code: deploy.CodeAuth},
		"no such name":         {fail: func(int32) error { return &net.DNSError{Err: "no such host"} }, tries: 1, code: deploy.CodeUnreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			s := l.server(simfleet.ServerOptions{Users: tt.users})
			must(t, s.SetFault(tt.fault))
			d := l.dialer(l.options())
			tries := counted(d, tt.fail)
			c, err := d.Dial(t.Context(), host(s))
			if tt.code == "" {
				must(t, err)
				must(t, c.Close())
			} else {
				failsAs(t, err, tt.code)
			}
			if got := tries.Load(); got != tt.tries {
				t.Errorf("%d connections, want %d", got, tt.tries)
			}
		})
	}
}

func refusedIf(yes bool) error {
	if !yes {
		return nil
	}
	_, err := net.Dial("tcp", "127.0.0.1:1")
	return err
}

func TestUnknownHostKeyIsNotRetried(t *testing.T) {
	l := newLab(t)
	s := l.stranger(simfleet.ServerOptions{})
	d := l.dialer(l.options())
	tries := counted(d, func(int32) error { return nil })
	_, err := d.Dial(t.Context(), host(s))
	failsAs(t, err, deploy.CodeHostKey)
	if tries.Load() != 1 {
		t.Errorf("%d connections", tries.Load())
	}
}

func TestBootstrapUser(t *testing.T) {
	tests := map[string]struct {
		users     []string
		bootstrap string
		want      string
		conns     int
		says      string
	}{
		"user is let in":    {[]string{"deploy", "root"}, "root", "deploy", 1, ""},
		"bootstrap":         {[]string{"root"}, "root", "root", 2, ""},
		"none to fall to":   {[]string{"root"}, "", "", 1, "user deploy"},
		"both refused":      {[]string{"x"}, "root", "", 2, "user root"},
		"the same, no loop": {[]string{"x"}, "deploy", "", 1, "user deploy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			s := l.server(simfleet.ServerOptions{Users: tt.users})
			h := host(s)
			h.BootstrapUser = tt.bootstrap
			c, err := l.dialer(l.options()).Dial(t.Context(), h)
			if tt.want == "" {
				p := problem(t, err, deploy.CodeAuth)
				mustContain(t, p.What, tt.says)
				mustContain(t, p.What, "user deploy")
				mustContain(t, strings.Join(p.Details, "\n"), ssh.FingerprintSHA256(l.key.PublicKey()))
			} else {
				must(t, err)
				if got := c.(*Conn).User(); got != tt.want {
					t.Errorf("let in as %q", got)
				}
				must(t, c.Close())
			}
			if got := s.Record().Connections; got != tt.conns {
				t.Errorf("%d connections, want %d", got, tt.conns)
			}
		})
	}
}

func TestDialAs(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{Users: []string{"root"}})
	h := host(s)
	h.BootstrapUser = "root"
	d := l.dialer(l.options())
	if _, err := d.DialAs(t.Context(), h, "deploy"); err == nil {
		t.Error("DialAs fell back to another user")
	}
	c, err := d.DialAs(t.Context(), h, "root")
	must(t, err)
	must(t, c.Close())
}

// Names that are options or code to somebody are refused before any use.
func TestHostileDestinations(t *testing.T) {
	l := newLab(t)
	d := l.dialer(l.options())
	tries := counted(d, func(int32) error { return errors.New("reached the network") })
	for _, h := range []inventory.Host{
		{Address: "-oProxyCommand=x"}, {Address: "a;b"}, {Address: "$(x)"}, {Address: "h\n"}, {Address: ""}, {Address: "a b"},
		{Address: "ok", User: "-l x"}, {Address: "ok", User: "a b"}, {Address: "ok", User: "$(x)"}, {Address: "хост"},
		{Address: "ok", User: "u", Jump: []string{"-oProxyCommand=x"}}, {Address: "ok", User: "u", Jump: []string{"u@h:x"}},
		{Address: "ok", User: "u", Jump: []string{""}},
	} {
		h.Name = "h"
		if _, err := d.Dial(t.Context(), h); err == nil {
			t.Errorf("%+v was dialed", h)
		}
	}
	if tries.Load() != 0 {
		t.Errorf("the network was reached %d times", tries.Load())
	}
}

func TestParseHop(t *testing.T) {
	for in, want := range map[string]query{
		"h":                  {host: "h"},
		"u@h":                {host: "h", user: "u"},
		"u@h:2222":           {host: "h", user: "u", port: "2222"},
		"u@[fe80::1]:22":     {host: "fe80::1", user: "u", port: "22"},
		"fe80::1":            {host: "fe80::1"},
		"[fe80::1]":          {host: "fe80::1"},
		"ssh://u@h:22":       {host: "h", user: "u", port: "22"},
		"u@dom@h":            {host: "h", user: "u@dom"},
		"-oProxyCommand=x@h": {host: "h", user: "-oProxyCommand=x"}, // refused by safe
	} {
		if got := parseHop(in); got != want {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func TestCloseIsIdempotentAndEndsRun(t *testing.T) {
	l := newLab(t)
	c := l.conn(l.server(simfleet.ServerOptions{}))
	_, err := c.Run(t.Context(), deploy.Command{Name: "long.sh", Script: "echo up; sleep 1000"},
		func(string) { go func() { _ = c.Close() }() }, func(string) {})
	p := problem(t, err, deploy.CodeUnreachable)
	mustContain(t, p.What, "connection lost during long.sh")
	must(t, c.Close())
	must(t, c.Close())
}

func TestClosedDialer(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{})
	d := l.dialer(l.options())
	must(t, d.Close())
	must(t, d.Close())
	if _, err := d.Dial(t.Context(), host(s)); !errors.Is(err, errDialerClosed) {
		t.Errorf("dialed after Close: %v", err)
	}
}
