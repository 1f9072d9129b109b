// Package simfleet is a simulated fleet in one process: in-process SSH servers
// (the sshserver files), each a simulated NixOS host. It exists for the demo,
// tests, fault injection and benchmarks.
//
// The server layer speaks SSH and nothing else: what a command does is a
// Handler's business. Nothing here may be imported by the product's own rooms,
// and nothing here may relax what the product checks: a simulated host is
// reached with a real key exchange, a real host key and a real user key.
package simfleet

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Handler answers the commands that are executed on a Server.
type Handler interface {
	// Exec runs one command and returns its exit status (0 to 255). A negative
	// value ends the command by signal KILL, without a status. Exec must
	// return soon after ctx ends (the connection is gone, or the server is
	// closed). It is called by several goroutines at once.
	Exec(ctx context.Context, r Request) (exit int)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, r Request) (exit int)

// Exec calls f.
func (f HandlerFunc) Exec(ctx context.Context, r Request) int { return f(ctx, r) }

// Request is one command as the client asked for it.
type Request struct {
	Command string // the exec string
	User    string // the user that authenticated
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// ServerOptions says what a Server is.
type ServerOptions struct {
	// Addr is where it listens, "127.0.0.1:0" by default. Only loopback
	// addresses are accepted. Ignored with a Board.
	Addr string
	// Board, when set, accepts for this server, which then needs no listener
	// of its own (see NewBoard).
	Board *Board
	// HostKeys are offered in the key exchange; one of each type. A new ed25519
	// key by default.
	HostKeys []ssh.Signer
	// AuthorizedKeys may log in as any of Users (nil: as anybody).
	AuthorizedKeys []ssh.PublicKey
	Users          []string
	// Authorize, when set, decides instead of AuthorizedKeys and Users.
	Authorize func(user string, key ssh.PublicKey) bool
	// Banner is shown before authentication.
	Banner string
	// Forward lets clients open direct-tcpip channels to loopback addresses,
	// as a jump host does. Off by default: a host refuses all but sessions.
	Forward bool
	// OnGlobal, when set, is told the name of each global request (keepalives)
	// before it is answered.
	OnGlobal func(name string)
	// Handler answers commands; nil refuses each with exit status 127.
	Handler Handler
}

// Server is one in-process SSH server with faults that can be switched while it
// runs. All methods are safe for concurrent use.
type Server struct {
	opts   ServerOptions
	addr   string          // host:port
	ctx    context.Context //nolint:containedctx // the server's own: what its commands live in
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while refusing, and with a Board
	keys     []ssh.Signer
	fault    Fault
	conns    map[*faultConn]struct{}
	record   Record
	closed   bool
}

// NewServer starts a server. Close it.
func NewServer(o ServerOptions) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s := &Server{opts: o, keys: o.HostKeys, conns: map[*faultConn]struct{}{}}
	if len(s.keys) == 0 {
		key, err := NewHostKey()
		if err != nil {
			return nil, err
		}
		s.keys = []ssh.Signer{key}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if o.Board != nil {
		addr, err := o.Board.add(s)
		if err != nil {
			s.cancel()
			return nil, err
		}
		s.addr = addr
		return s, nil
	}
	if err := s.listen(o.Addr); err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// listen opens the server's own listener and accepts on it.
func (s *Server) listen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("simulated host at %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("simulated host at %q: not a loopback address", addr)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(s.ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("simulated host: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(net.ErrClosed, l.Close())
	}
	s.listener, s.addr = l, l.Addr().String()
	s.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return // closed, by Close or by a refusing fault
			}
			s.serveSoon(nc)
		}
	})
	return nil
}

// serveSoon serves nc in a goroutine that Close waits for.
func (s *Server) serveSoon(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return
	}
	s.wg.Go(func() { s.serve(nc) })
}

// Addr is where the server is reached, "host:port".
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// HostKey is the first of the keys that it offers now.
func (s *Server) HostKey() ssh.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[0].PublicKey()
}

// SetHostKeys swaps the host keys for the connections to come.
func (s *Server) SetHostKeys(keys ...ssh.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.Clone(keys)
}

// Close stops listening, cuts all connections, ends the context of every
// command and waits for all of it.
func (s *Server) Close() error {
	s.mu.Lock()
	var err error
	if !s.closed {
		s.closed = true
		if s.listener != nil {
			err = s.listener.Close()
		}
	}
	s.mu.Unlock()
	if s.opts.Board != nil {
		s.opts.Board.remove(s)
	}
	// Cut first: a command whose context ends answers, and its exit status must
	// not reach a client of a server that is gone.
	s.CutAll()
	s.cancel()
	s.wg.Wait()
	return err
}

// NewHostKey makes a random ed25519 key.
func NewHostKey() (ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	return ssh.NewSignerFromKey(key)
}

// DeriveHostKey makes the ed25519 key that belongs to seed: the same each time,
// so that a demo's known_hosts holds over restarts, and not secret at all.
func DeriveHostKey(seed string) (ssh.Signer, error) {
	sum := sha256.Sum256([]byte("simulated host key of " + seed))
	return ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
}
