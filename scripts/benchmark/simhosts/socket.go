package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// maxMessage is more than forcecommand ever sends.
const maxMessage = 64 << 10

// executor is a simulated host as forcecommand's server sees it.
type executor interface {
	Exec(ctx context.Context, r simfleet.Request) int
}

// socketServer answers forcecommand.
type socketServer struct {
	listener *net.UnixListener
	hosts    map[string]executor // by address
	ctx      context.Context     //nolint:containedctx // of all that it serves
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// listen serves hosts, by their addresses.
func listen(path string, hosts map[string]executor) (*socketServer, error) {
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, fmt.Errorf("listen for forcecommand: %w", err)
	}
	s := &socketServer{listener: l, hosts: hosts}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s, nil
}

// atLoopback makes the hosts at 127.0.0.1, 127.0.0.2, ...
func atLoopback(options []simfleet.HostOptions) map[string]executor {
	hosts := map[string]executor{}
	for i, o := range options {
		hosts[fmt.Sprintf("127.0.%d.%d", (i+1)/256, (i+1)%256)] = simfleet.NewHost(o)
	}
	return hosts
}

func (s *socketServer) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		s.wg.Go(func() { s.serve(conn) })
	}
}

// Close ends all that is under way, and waits for it.
func (s *socketServer) Close() error {
	err := s.listener.Close()
	s.cancel()
	s.wg.Wait()
	return err
}

// serve answers one command. Its client going away ends it.
func (s *socketServer) serve(conn *net.UnixConn) {
	defer func() { _ = conn.Close() }()
	address, request, files, err := receive(conn)
	defer closeAll(files)
	host := s.hosts[address]
	if err != nil || host == nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { // a host may be reading what never comes
		_ = conn.Close()
		closeAll(files)
	})
	defer stop()
	s.wg.Go(func() { // ends when the connection is closed, by either side
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	})
	code := host.Exec(ctx, request)
	closeAll(files) // before the answer: then all of the output is there
	_, _ = conn.Write([]byte{byte(max(code, 0))})
}

// closeAll closes files that may be closed already.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// receive reads what forcecommand sends: address, user and command by lines, and
// its standard files.
func receive(conn *net.UnixConn) (address string, r simfleet.Request, files []*os.File, err error) {
	message, rights := make([]byte, maxMessage), make([]byte, syscall.CmsgSpace(3*4))
	n, oobn, _, _, err := conn.ReadMsgUnix(message, rights)
	if err != nil {
		return "", r, nil, fmt.Errorf("receive a command: %w", err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:oobn])
	if err != nil || len(messages) != 1 {
		return "", r, nil, errors.New("no files came with a command")
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return "", r, nil, fmt.Errorf("receive files: %w", err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		_ = syscall.SetNonblock(fd, true) // so that a read can be broken off
		files = append(files, os.NewFile(uintptr(fd), "passed"))
	}
	words := strings.SplitN(string(message[:n]), "\n", 3)
	if len(words) != 3 || len(files) != 3 {
		return "", r, files, errors.New("a command is not complete")
	}
	r = simfleet.Request{User: words[1], Command: words[2], Stdin: files[0], Stdout: files[1], Stderr: files[2]}
	return words[0], r, files, nil
}
