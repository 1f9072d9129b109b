package remote

import (
	"net"
	"sync/atomic"
	"time"
)

// countingConn remembers when something was last heard.
type countingConn struct {
	net.Conn
	began time.Time
	heard atomic.Int64 // nanoseconds since began, monotonic
}

func newCountingConn(nc net.Conn) *countingConn {
	return &countingConn{Conn: nc, began: time.Now()}
}

// Read reads, and notes the time when anything came.
func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.began)))
	}
	return n, err
}

// silence is the time since anything was heard.
func (c *countingConn) silence() time.Duration {
	return time.Since(c.began) - time.Duration(c.heard.Load())
}
