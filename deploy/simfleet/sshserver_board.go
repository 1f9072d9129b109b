package simfleet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Board accepts connections for thousands of servers on one socket: each
// server has its own loopback address (127.1.0.1, 127.1.0.2, ...) and all have
// the same port. A server on a Board costs no file descriptor and no goroutine
// while nobody is connected.
//
// The socket is bound to the loopback interface, so it cannot be reached from
// elsewhere. That needs Linux.
type Board struct {
	listener net.Listener
	port     uint16
	wg       sync.WaitGroup

	mu    sync.Mutex
	hosts map[netip.Addr]*Server
	next  uint32
}

// errBoard tells where a Board cannot be had; callers use own listeners there.
var errBoard = errors.New("a board of simulated hosts needs Linux")

// NewBoard opens the socket. Close it after its servers.
func NewBoard() (*Board, error) {
	l, err := listenOnLoopback()
	if err != nil {
		return nil, fmt.Errorf("listen for simulated hosts: %w", err)
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.Join(errBoard, l.Close())
	}
	b := &Board{listener: l, port: addr.AddrPort().Port(), hosts: map[netip.Addr]*Server{}}
	b.wg.Go(b.accept)
	return b, nil
}

// accept hands each connection to the server whose address was dialed.
func (b *Board) accept() {
	for {
		nc, err := b.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // out of file descriptors for now, or the client left early
		}
		local, ok := nc.LocalAddr().(*net.TCPAddr)
		if !ok {
			_ = nc.Close()
			continue
		}
		ip := local.AddrPort().Addr().Unmap()
		b.mu.Lock()
		s := b.hosts[ip]
		b.mu.Unlock()
		if s == nil || !ip.IsLoopback() {
			if t, ok := nc.(*net.TCPConn); ok {
				_ = t.SetLinger(0)
			}
			_ = nc.Close()
			continue
		}
		s.serveSoon(nc)
	}
}

// add gives s the next address.
func (b *Board) add(s *Server) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next >= 200*65536 {
		return "", errors.New("no address is left for a simulated host")
	}
	b.next++
	n := b.next
	ip := netip.AddrFrom4([4]byte{127, byte(1 + n>>16), byte(n >> 8), byte(n)})
	b.hosts[ip] = s
	return netip.AddrPortFrom(ip, b.port).String(), nil
}

func (b *Board) remove(s *Server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, err := netip.ParseAddrPort(s.Addr()); err == nil && b.hosts[at.Addr()] == s {
		delete(b.hosts, at.Addr())
	}
}

// Close stops accepting. It does not close the servers.
func (b *Board) Close() error {
	err := b.listener.Close()
	b.wg.Wait()
	return err
}
