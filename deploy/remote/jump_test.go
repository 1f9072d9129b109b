package remote

import (
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

func jumpTo(servers ...*simfleet.Server) []string {
	var chain []string
	for _, s := range servers {
		chain = append(chain, "hop@"+s.Addr())
	}
	return chain
}

// Many hosts at once behind a chain of two: one connection to each hop.
func TestJumpChainIsShared(t *testing.T) {
	l := newLab(t)
	first := l.server(simfleet.ServerOptions{Forward: true, Users: []string{"hop"}})
	second := l.server(simfleet.ServerOptions{Forward: true, Users: []string{"hop"}})
	const n = 8
	servers := make([]*simfleet.Server, n)
	for i := range servers {
		servers[i] = l.server(simfleet.ServerOptions{Users: []string{"deploy"}})
	}
	d := l.dialer(l.options())
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			h := host(s)
			h.Jump = jumpTo(first, second)
			c, err := d.Dial(t.Context(), h)
			if err != nil {
				t.Error(err)
				return
			}
			if got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "echo hi"}); got.err != nil || len(got.out) != 1 {
				t.Errorf("%+v", got)
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	if a, b := first.Record().Connections, second.Record().Connections; a != 1 || b != 1 {
		t.Errorf("%d connections to the first hop, %d to the second", a, b)
	}
	for _, ch := range first.Record().Channels {
		if ch != "direct-tcpip" {
			t.Errorf("the jump host was asked for %q", ch)
		}
	}
	must(t, d.Close())
	if first.Open() > 0 && second.Open() > 0 {
		_ = first.Close() // waits for the connections that Close has cut
	}
}

// Each hop's own host key is checked, and nothing behind it is contacted.
func TestJumpHostKey(t *testing.T) {
	l := newLab(t)
	hop := l.stranger(simfleet.ServerOptions{Forward: true})
	s := l.server(simfleet.ServerOptions{})
	h := host(s)
	h.Jump = jumpTo(hop)
	_, err := l.dialer(l.options()).Dial(t.Context(), h)
	p := problem(t, err, deploy.CodeHostKey)
	mustContain(t, p.What, "jump host hop@"+hop.Addr())
	if len(hop.Record().Auth) > 0 || s.Record().Connections > 0 {
		t.Error("something was sent")
	}
}

// The host's key is checked through a jump host as well.
func TestHostKeyBehindJump(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true})
	s := l.stranger(simfleet.ServerOptions{})
	h := host(s)
	h.Jump = jumpTo(hop)
	_, err := l.dialer(l.options()).Dial(t.Context(), h)
	failsAs(t, err, deploy.CodeHostKey)
	if len(s.Record().Auth) > 0 {
		t.Error("authentication was tried")
	}
}

// A user refused by the jump host is no reason to try the bootstrap user.
func TestJumpRefusalIsNotTheHosts(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true, Users: []string{"nobody"}})
	s := l.server(simfleet.ServerOptions{})
	h := host(s)
	h.Jump, h.BootstrapUser = jumpTo(hop), "root"
	d := l.dialer(l.options())
	for range 3 {
		_, err := d.Dial(t.Context(), h)
		mustContain(t, problem(t, err, deploy.CodeAuth).What, "jump host")
	}
	if n := hop.Record().Connections; n != 1 {
		t.Errorf("%d connections to a jump host that refuses us", n)
	}
}

// Fault 15: a dead jump host with many hosts behind it costs one deadline, not
// one for each.
func TestDeadJumpHostFailsOnce(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true})
	must(t, hop.SetFault(simfleet.Fault{Hang: simfleet.StepBanner}))
	o := l.options()
	o.HandshakeTimeout = 200 * time.Millisecond
	o.ConnectTimeout = time.Hour // how long the failure is remembered
	d := l.dialer(o)
	for range 20 {
		h := host(l.server(simfleet.ServerOptions{}))
		h.Jump = jumpTo(hop)
		_, err := d.Dial(t.Context(), h)
		mustContain(t, problem(t, err, deploy.CodeUnreachable).What, "jump host")
	}
	if n := hop.Record().Connections; n != 1 {
		t.Errorf("%d connections to a dead jump host", n)
	}
}

// A jump host that went away is connected to again.
func TestJumpHostComesBack(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true})
	h := host(l.server(simfleet.ServerOptions{}))
	d := l.dialerFor(hop, &h)
	c := l.dial(d, h)
	lost := make(chan error)
	go func() {
		_, err := c.Run(t.Context(), deploy.Command{Name: "long.sh", Script: "echo up; sleep 1000"},
			func(string) { hop.CutAll() }, func(string) {})
		lost <- err
	}()
	mustContain(t, problem(t, <-lost, deploy.CodeUnreachable).What, "connection lost during long.sh")
	again := l.dial(d, h) // while the dead one still has a user
	if got := run(t.Context(), again, deploy.Command{Name: "x.sh", Script: "echo hi"}); got.err != nil {
		t.Error(got.err)
	}
	if n := hop.Record().Connections; n != 2 {
		t.Errorf("%d connections to the jump host", n)
	}
}

// What the jump host cannot reach is the host's problem, and retried once.
func TestHostBehindJumpIsDown(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true})
	s := l.server(simfleet.ServerOptions{})
	must(t, s.SetFault(simfleet.Fault{Refuse: true}))
	h := host(s)
	d := l.dialerFor(hop, &h)
	_, err := d.Dial(t.Context(), h)
	mustContain(t, problem(t, err, deploy.CodeUnreachable).What, "cannot connect to "+s.Addr())
	if n := len(hop.Record().Channels); n != 2 {
		t.Errorf("%d tries", n)
	}
}

// A host that falls silent behind a live jump host ends by the deadline.
func TestSilentHostBehindJump(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true})
	for _, step := range []simfleet.Step{simfleet.StepBanner, simfleet.StepKex, simfleet.StepAuth} {
		s := l.server(simfleet.ServerOptions{})
		must(t, s.SetFault(simfleet.Fault{Hang: step}))
		h := host(s)
		h.Jump = jumpTo(hop)
		o := l.options()
		o.HandshakeTimeout = 300 * time.Millisecond
		_, err := l.dialer(o).Dial(t.Context(), h)
		failsAs(t, err, deploy.CodeUnreachable)
	}
}

// dialerFor puts h behind hop and makes a dialer.
func (l *lab) dialerFor(hop *simfleet.Server, h *hostEntry) *Dialer {
	l.t.Helper()
	h.Jump = jumpTo(hop)
	return l.dialer(l.options())
}
