package remote

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// jumps are the connections to jump hosts, one per chain, shared by all hosts
// behind it. They stay open until the Dialer is closed: a jump host that is
// connected to again and again would ban us. The references tell when one that
// has died can be let go.
type jumps struct {
	mu   sync.Mutex
	hops map[string]*hop
}

// hop is one shared connection to a jump host, or the failure to make it.
type hop struct {
	name   string
	opened chan struct{} // closed once client or err is set
	client *ssh.Client
	alive  *keepalive
	err    error
	failed time.Time

	refs int  // guarded by jumps.mu
	dead bool // the same
}

// hop returns the connection at the end of a chain, opening what is missing.
// One opening serves all who wait for it, and is not the first caller's to
// interrupt. A failure is remembered for ConnectTimeout, so that two hundred
// hosts behind a dead jump host fail in one deadline, not in two hundred; a
// refused key or user for good.
func (d *Dialer) hop(ctx context.Context, chain []endpoint) (*hop, error) {
	key := chainKey(chain)
	d.jumps.mu.Lock()
	h := d.jumps.hops[key]
	if h == nil || h.dead || h.forgiven(d.opts.ConnectTimeout) {
		h = &hop{name: chain[len(chain)-1].hop(), opened: make(chan struct{})}
		opening := h
		if !d.spawn(func() { d.openHop(opening, chain) }) { //nolint:contextcheck // others wait for it too
			d.jumps.mu.Unlock()
			return nil, errDialerClosed
		}
		d.jumps.hops[key] = h
	}
	h.refs++
	d.jumps.mu.Unlock()
	select {
	case <-h.opened:
	case <-ctx.Done():
		d.jumps.release(h)
		return nil, unreachable(ctx.Err(), "interrupted while connecting to jump host %s", h.name)
	}
	if h.err != nil {
		d.jumps.release(h)
		return nil, h.err
	}
	return h, nil
}

// openHop connects to the last endpoint of a chain, through those before it,
// and watches the connection until it ends.
func (d *Dialer) openHop(h *hop, chain []endpoint) {
	ctx, cancel := context.WithCancel(d.ctx) // link has deadlines of its own
	defer cancel()
	last := chain[len(chain)-1]
	l, via, err := d.linkThrough(ctx, chain[:len(chain)-1], last)
	if err != nil {
		h.err, h.failed = jumpProblem(h.name, err), time.Now()
		close(h.opened)
		return
	}
	h.client = ssh.NewClient(l.ssh, l.channels, l.requests)
	h.alive = d.watch(l)
	close(h.opened)
	stop := context.AfterFunc(d.ctx, func() { _ = h.client.Close() })
	defer stop()
	_ = h.client.Wait() // whatever ended it, it is over
	h.alive.stop()
	_ = h.client.Close()
	h.alive.wait()
	d.jumps.bury(h)
	d.jumps.release(via)
}

// forgiven reports whether a failed opening may be tried again.
func (h *hop) forgiven(after time.Duration) bool {
	select {
	case <-h.opened:
	default:
		return false
	}
	if h.err == nil {
		return false
	}
	p := asProblem(h.err, "")
	return p.Code == deploy.CodeUnreachable && time.Since(h.failed) >= after
}

func (j *jumps) release(h *hop) {
	if h == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	h.refs--
	j.drop(h)
}

func (j *jumps) bury(h *hop) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h.dead = true
	j.drop(h)
}

// drop forgets a dead hop that nobody uses.
func (j *jumps) drop(h *hop) {
	if !h.dead || h.refs > 0 {
		return
	}
	for key, other := range j.hops {
		if other == h {
			delete(j.hops, key)
		}
	}
}

func chainKey(chain []endpoint) string {
	var names []string
	for _, e := range chain {
		names = append(names, e.hop())
	}
	return strings.Join(names, " ")
}

// jumpProblem says that a failure was the jump host's. The authProblem around
// it is dropped: it must not be taken for the host's refusal.
func jumpProblem(name string, err error) error {
	p := *asProblem(err, "")
	if !strings.HasPrefix(p.What, "jump host ") {
		p.What = fmt.Sprintf("jump host %s: %s", name, p.What)
	}
	return &p
}
