package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// keyExchanges, in order: the post-quantum hybrid costs 0.15 ms more than plain
// curve25519 and is offered by OpenSSH since 9.9.
func keyExchanges() []string {
	return []string{
		ssh.KeyExchangeMLKEM768X25519,
		ssh.KeyExchangeCurve25519,
		ssh.KeyExchangeECDHP256,
		ssh.KeyExchangeECDHP384,
		ssh.KeyExchangeECDHP521,
		ssh.KeyExchangeDH16SHA512,
		ssh.KeyExchangeDH14SHA256,
	}
}

// ciphers are authenticated ones only. GCM first: it is the fastest, and not
// open to prefix truncation (CVE-2023-48795) even where the server lacks strict
// key exchange.
func ciphers() []string {
	return []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305}
}

// attempt is what one handshake learns on its way.
type attempt struct {
	to endpoint
	// refused is why the host key was not accepted.
	refused atomic.Pointer[deploy.Problem]
	// verified is set once the host key was accepted: what fails later is
	// authentication, or the line.
	verified atomic.Bool
	// offer is what was offered to authenticate.
	offer atomic.Pointer[offer]
}

// handshake makes an SSH connection of nc. It always ends within
// HandshakeTimeout; nc is closed when it fails. again says that trying once
// more may help.
func (d *Dialer) handshake(ctx context.Context, to endpoint, nc net.Conn) (l link, again bool, err error) {
	known, err := d.known.get(to.knownHosts)
	if err != nil {
		_ = nc.Close()
		return link{}, false, &deploy.Problem{Code: deploy.CodeHostKey, What: "known hosts cannot be read", Err: err}
	}
	a := &attempt{to: to}
	rules, err := known.rules(to)
	if err != nil {
		_ = nc.Close()
		return link{}, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.opts.HandshakeTimeout)
	defer cancel()
	counter := newCountingConn(nc)
	config := d.clientConfig(ctx, a, rules)

	type result struct {
		link link
		err  error
	}
	done := make(chan result, 1)
	// A goroutine of the Dialer's: on a connection through a jump host, a close
	// is only a message, and the far side may be silent.
	if !d.spawn(func() {
		c, channels, requests, err := ssh.NewClientConn(counter, to.addr(), config)
		done <- result{link{c, channels, requests, counter}, err}
	}) {
		_ = nc.Close()
		return link{}, false, errDialerClosed
	}
	select {
	case r := <-done:
		if r.err != nil {
			return link{}, !a.verified.Load() && a.refused.Load() == nil && lost(r.err), d.explain(a, r.err)
		}
		return r.link, false, nil
	case <-ctx.Done():
	}
	_ = nc.Close()
	abandon := func() { // it may have been made in the last moment
		if r := <-done; r.err == nil {
			_ = r.link.ssh.Close()
		}
	}
	if !d.spawn(abandon) {
		abandon() // Close has ended what held it up
	}
	what := "key exchange"
	if a.verified.Load() {
		what = "authentication"
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return link{}, false, unreachable(ctx.Err(), "%s did not finish the %s within %s", to.addr(), what, d.opts.HandshakeTimeout)
	}
	return link{}, false, unreachable(ctx.Err(), "interrupted in the %s with %s", what, to.addr())
}

func (d *Dialer) clientConfig(ctx context.Context, a *attempt, rules hostKeyRules) *ssh.ClientConfig {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(d.opts.HandshakeTimeout)
	}
	return &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: keyExchanges(), Ciphers: ciphers()},
		User:              a.to.user,
		ClientVersion:     "SSH-2.0-nixdeploy",
		HostKeyAlgorithms: rules.algorithms,
		// Called again at each re-exchange of keys.
		HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
			if p := rules.verify(remote, key); p != nil {
				a.refused.Store(p)
				return p
			}
			a.verified.Store(true)
			return nil
		},
		// Keys are looked up here, after the host key: an unverified host gets
		// nothing, not even a list of public keys.
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { //nolint:contextcheck // the agent gets the deadline
			o := d.keys.offer(a.to, deadline)
			a.offer.Store(&o)
			if len(o.signers) == 0 {
				return nil, errNoKeys
			}
			return o.signers, nil
		})},
	}
}

// explain turns the error of a handshake into the Problem that it means.
func (d *Dialer) explain(a *attempt, err error) error {
	addr := a.to.addr()
	switch {
	case a.refused.Load() != nil:
		return a.refused.Load()
	case !a.verified.Load() && lost(err):
		return unreachable(err, "%s closed the connection before the key exchange was done", addr)
	case noHostKeyInCommon(err):
		return &deploy.Problem{
			Code: deploy.CodeHostKey, Step: deploy.StepConnect, Err: err, State: "nothing was sent to it",
			What: addr + " has no host key of a kind that is known or accepted",
		}
	case !a.verified.Load():
		return unreachable(err, "no key exchange with %s", addr)
	case lost(err):
		return unreachable(err, "%s closed the connection during authentication", addr)
	}
	return newAuthProblem(a, err)
}

func noHostKeyInCommon(err error) bool {
	n, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	return ok && n.What == "host key"
}

// authProblem marks the refusal of a user.
type authProblem struct{ *deploy.Problem }

// Unwrap makes the Problem findable.
func (p *authProblem) Unwrap() error { return p.Problem }

func newAuthProblem(a *attempt, err error) *authProblem {
	p := &deploy.Problem{
		Code: deploy.CodeAuth,
		Step: deploy.StepConnect,
		What: fmt.Sprintf("%s accepts no key for user %s", a.to.addr(), a.to.user),
		Err:  err,
	}
	if o := a.offer.Load(); o != nil {
		for _, name := range o.names {
			p.Details = append(p.Details, "tried "+name)
		}
		p.Details = append(p.Details, o.notes...)
	} else {
		p.Details = append(p.Details, "the server offers no public key authentication")
	}
	p.Next = fmt.Sprintf("add one of these keys to the authorized keys of %s there, or load the right one: ssh-add FILE", a.to.user)
	return &authProblem{p}
}
