package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Dial opens a connection to h as h.User; when the host refuses that user's
// keys and h.BootstrapUser is set, it tries that user, once. Whether the
// bootstrap user is legitimate (the host has no marker yet) is the caller's to
// decide: Conn.User tells who was let in.
//
// A connection that is refused or reset before authentication is retried once,
// 200 to 600 ms later and inside ConnectTimeout. Nothing else is retried.
// Errors are *deploy.Problem: unreachable (trying later may help), auth,
// host-key (both final).
func (d *Dialer) Dial(ctx context.Context, h inventory.Host) (deploy.Conn, error) {
	c, err := d.dial(ctx, h)
	if err != nil {
		return nil, asProblem(err, h.Name) // never a nil *Conn in the interface
	}
	return c, nil
}

// DialAs opens a connection as user and never as anybody else.
func (d *Dialer) DialAs(ctx context.Context, h inventory.Host, user string) (*Conn, error) {
	to, err := d.resolve(ctx, h)
	if err != nil {
		return nil, asProblem(err, h.Name)
	}
	to.user = user
	c, err := d.connect(ctx, h, to)
	if err != nil {
		return nil, asProblem(err, h.Name)
	}
	return c, nil
}

func (d *Dialer) dial(ctx context.Context, h inventory.Host) (*Conn, error) {
	to, err := d.resolve(ctx, h)
	if err != nil {
		return nil, err
	}
	c, err := d.connect(ctx, h, to)
	if err == nil || h.BootstrapUser == "" || h.BootstrapUser == to.user || !refusedUser(err) {
		return c, err
	}
	boot := to
	boot.user = h.BootstrapUser
	c, second := d.connect(ctx, h, boot)
	if refusedUser(second) {
		return nil, bothRefused(err, second)
	}
	return c, second
}

// connect opens one authenticated connection to the host itself.
func (d *Dialer) connect(ctx context.Context, h inventory.Host, to endpoint) (*Conn, error) {
	l, via, err := d.linkThrough(ctx, to.jump, to)
	if err != nil {
		return nil, err
	}
	return d.newConn(h, to, l, via), nil
}

// linkThrough opens a link through a chain of jump hosts; via, which may be nil,
// has to be released. The connection to a jump host may have died without
// anybody having noticed: then it is opened anew, once.
func (d *Dialer) linkThrough(ctx context.Context, chain []endpoint, to endpoint) (l link, via *hop, err error) {
	if len(chain) == 0 {
		l, err = d.link(ctx, to, nil)
		return l, nil, err
	}
	for range 2 {
		if via, err = d.hop(ctx, chain); err != nil {
			return link{}, nil, err
		}
		if l, err = d.link(ctx, to, via); err == nil {
			return l, via, nil
		}
		d.jumps.release(via)
		if !errors.Is(err, errJumpLost) {
			break
		}
	}
	return link{}, nil, err
}

// errJumpLost says that the shared connection to a jump host was found dead.
var errJumpLost = errors.New("the connection to the jump host was lost")

// link is an SSH connection after its handshake.
type link struct {
	ssh      ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
	counter  *countingConn
}

// link opens a transport to the endpoint and shakes hands, retrying once what
// may be retried.
func (d *Dialer) link(ctx context.Context, to endpoint, via *hop) (link, error) {
	connect, cancel := context.WithTimeout(ctx, d.opts.ConnectTimeout)
	defer cancel()
	l, again, err := d.try(ctx, connect, to, via)
	if err == nil || !again {
		return l, err
	}
	pause := time.NewTimer(d.backoff())
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-connect.Done():
		return link{}, err
	}
	l, _, err = d.try(ctx, connect, to, via)
	return l, err
}

// try makes one attempt; again says that another one may help now.
func (d *Dialer) try(ctx, connect context.Context, to endpoint, via *hop) (l link, again bool, err error) {
	nc, err := d.transport(connect, to, via)
	if err != nil {
		again = connect.Err() == nil && transient(err)
		if connect.Err() != nil && ctx.Err() == nil {
			return link{}, again, unreachable(err, "no connection to %s within %s", to.addr(), d.opts.ConnectTimeout)
		}
		return link{}, again, unreachable(err, "cannot connect to %s", to.addr())
	}
	return d.handshake(ctx, to, nc)
}

func (d *Dialer) transport(ctx context.Context, to endpoint, via *hop) (net.Conn, error) {
	if via == nil {
		return d.dialTCP(ctx, to.addr())
	}
	nc, err := via.client.DialContext(ctx, "tcp", to.addr())
	if _, refused := errors.AsType[*ssh.OpenChannelError](err); err == nil || refused || ctx.Err() != nil {
		return nc, err
	}
	d.jumps.bury(via)
	return nil, fmt.Errorf("%w: %w", errJumpLost, err)
}

// transient reports whether an error before authentication may pass by itself:
// sshd restarting, or dropping connections above MaxStartups.
func transient(err error) bool {
	if refused, ok := errors.AsType[*ssh.OpenChannelError](err); ok {
		return refused.Reason == ssh.ConnectionFailed // the jump host could not reach it
	}
	if errors.Is(err, errJumpLost) {
		return false // linkThrough opens another one
	}
	return errors.Is(err, syscall.ECONNREFUSED) || lost(err)
}

// lost reports whether err says that a connection ended under our hands.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.ErrClosedPipe) || isTimeout(err)
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// refusedUser reports whether err is the refusal of a user by the host itself:
// jumpProblem takes the mark off a jump host's.
func refusedUser(err error) bool {
	_, ok := errors.AsType[*authProblem](err)
	return ok
}

// bothRefused is one Problem of two refusals.
func bothRefused(first, second error) error {
	a, okA := errors.AsType[*deploy.Problem](first)
	b, okB := errors.AsType[*deploy.Problem](second)
	if !okA || !okB {
		return fmt.Errorf("%w; then %w", first, second)
	}
	p := *a
	p.What = a.What + "; " + b.What
	p.Details = append(append([]string{}, a.Details...), b.Details...)
	return &p
}
