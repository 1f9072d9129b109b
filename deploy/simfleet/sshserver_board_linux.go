package simfleet

import (
	"context"
	"net"
	"syscall"
)

// listenOnLoopback listens on all addresses of the loopback interface and of no
// other: without the binding, every interface would be open.
func listenOnLoopback() (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var bound error
		err := raw.Control(func(fd uintptr) {
			bound = syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, "lo")
		})
		if err != nil {
			return err
		}
		return bound
	}}
	return lc.Listen(context.Background(), "tcp4", "0.0.0.0:0")
}
