package remote

import (
	"context"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Conn is one connection to a host. It implements deploy.Conn.
type Conn struct {
	dialer  *Dialer
	host    string // its name in the inventory
	user    string
	elevate string
	ssh     ssh.Conn
	alive   *keepalive
	via     *hop
	over    chan struct{} // closed when the link has ended

	wg     sync.WaitGroup
	once   sync.Once
	mu     sync.Mutex
	closed bool
}

var _ deploy.Conn = (*Conn)(nil)

// newConn takes over an authenticated link and, once closed, gives via back.
func (d *Dialer) newConn(h inventory.Host, to endpoint, l link, via *hop) *Conn {
	c := &Conn{dialer: d, host: h.Name, user: to.user, elevate: h.Elevate, ssh: l.ssh, via: via, over: make(chan struct{})}
	if to.user == "root" {
		c.elevate = elevateNone // nothing to gain, and sudo may not be there
	}
	c.wg.Go(func() {
		defer close(c.over)
		refuseAll(l)
	})
	c.alive = d.watch(l)
	return c
}

// User is who the host let in: the inventory's user, or the bootstrap user.
func (c *Conn) User() string { return c.user }

// Close ends the connection and waits for all that served it. A Run under way
// ends as on a lost connection.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		c.alive.stop()
		_ = c.ssh.Close() // already closed when the line was lost
		c.wg.Wait()
		c.alive.wait()
		c.dialer.jumps.release(c.via)
	})
	return nil
}

// spawn runs f in a goroutine that Close waits for; false after Close.
func (c *Conn) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(f)
	return true
}

// watch starts the keepalive of a link. OpenSSH's own request name: every
// server answers it, if only with a refusal.
func (d *Dialer) watch(l link) *keepalive {
	return startKeepalive(d.opts.KeepaliveInterval, d.opts.KeepaliveCount, l.counter.silence,
		func() { _, _, _ = l.ssh.SendRequest("keepalive@openssh.com", true, nil) },
		func() { _ = l.counter.Close() })
}

// maxUnasked is how many channels a server may try to open on us. We ask for no
// forwarding, so an honest one opens none.
const maxUnasked = 16

// refuseAll answers what the server asks: always no. It ends with the link.
func refuseAll(l link) {
	channels, requests, unasked := l.channels, l.requests, 0
	for channels != nil || requests != nil {
		select {
		case ch, ok := <-channels:
			if !ok {
				channels = nil
				continue
			}
			if unasked++; unasked > maxUnasked {
				_ = l.ssh.Close()
			}
			_ = ch.Reject(ssh.Prohibited, "nothing is forwarded")
		case r, ok := <-requests:
			if !ok {
				requests = nil
				continue
			}
			_ = r.Reply(false, nil)
		}
	}
}

// session opens a channel for a command. One that is not opened in time costs
// the connection: the answer could come at any later moment.
func (c *Conn) session(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	ctx, cancel := context.WithTimeout(ctx, c.dialer.opts.SessionTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	type answer struct {
		ch       ssh.Channel
		requests <-chan *ssh.Request
		err      error
	}
	select {
	case <-c.over:
		return nil, nil, io.EOF
	default:
	}
	opened := make(chan answer, 1)
	// It ends with the answer or with the link, but for one moment: a channel that
	// is asked for between the library's forgetting of all channels and the closing
	// of the link is waited for for ever, and nothing wakes that wait, so Close does
	// not wait for it. None begins on a link that is over: it is at most one for a
	// session that was being opened as its link ended, a few KiB until the process
	// ends.
	go func() {
		ch, requests, err := c.ssh.OpenChannel("session", nil)
		opened <- answer{ch, requests, err}
	}()
	select {
	case a := <-opened:
		return a.ch, a.requests, a.err
	case <-c.over:
		return nil, nil, io.EOF
	case <-ctx.Done():
		_ = c.ssh.Close()
		return nil, nil, context.Cause(ctx)
	}
}
