package remote

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// fleet is n simulated hosts on one socket that answer every command at once.
func fleet(b *testing.B, n int) (*Dialer, []*simfleet.Server) {
	b.Helper()
	dir := b.TempDir()
	board, err := simfleet.NewBoard()
	if err != nil {
		b.Skipf("no board here: %v", err)
	}
	b.Cleanup(func() { _ = board.Close() })
	key, err := simfleet.DeriveHostKey("host")
	must(b, err)
	l := &lab{dir: dir, known: dir + "/known_hosts"}
	user := writeKey(b, dir+"/id_ed25519")
	servers := make([]*simfleet.Server, n)
	var known []byte
	for i := range servers {
		servers[i], err = simfleet.NewServer(simfleet.ServerOptions{
			Board: board, HostKeys: []ssh.Signer{key}, AuthorizedKeys: []ssh.PublicKey{user.PublicKey()}, Handler: begin(),
		})
		must(b, err)
		b.Cleanup(func() { _ = servers[i].Close() })
		known = fmt.Appendln(known, xknownhosts.Line([]string{xknownhosts.Normalize(servers[i].Addr())}, key.PublicKey()))
	}
	must(b, os.WriteFile(l.known, known, 0o600))
	d, err := NewDialer(l.options())
	must(b, err)
	b.Cleanup(func() { _ = d.Close() })
	return d, servers
}

// BenchmarkConnectAndRun is a whole no-op visit: connect, one script, close.
// Client and servers share the process.
func BenchmarkConnectAndRun(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("known=%d", n), func(b *testing.B) {
			d, servers := fleet(b, n)
			var i int
			for b.Loop() {
				i++
				c, err := d.Dial(b.Context(), host(servers[i%n]))
				must(b, err)
				_, err = c.Run(b.Context(), deploy.Command{Name: "x.sh"}, func(string) {}, func(string) {})
				must(b, err)
				must(b, c.Close())
			}
		})
	}
}

// BenchmarkRun is one script more on an open connection.
func BenchmarkRun(b *testing.B) {
	d, servers := fleet(b, 1)
	c, err := d.Dial(b.Context(), host(servers[0]))
	must(b, err)
	for b.Loop() {
		_, err := c.Run(b.Context(), deploy.Command{Name: "x.sh"}, func(string) {}, func(string) {})
		must(b, err)
	}
	must(b, c.Close())
}

// BenchmarkOpenConnections reports what an idle connection costs, both ends
// together.
func BenchmarkOpenConnections(b *testing.B) {
	const n = 1000
	d, servers := fleet(b, n)
	for b.Loop() {
		before, goroutines := memory(), runtime.NumGoroutine()
		conns := make([]deploy.Conn, n)
		var wg sync.WaitGroup
		slots := make(chan struct{}, 50)
		for i := range conns {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				c, err := d.Dial(b.Context(), host(servers[i]))
				if err != nil {
					b.Error(err)
					return
				}
				conns[i] = c
			})
		}
		wg.Wait()
		b.ReportMetric(float64(memory()-before)/n/1024, "KiB/connection")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/n, "goroutines/connection")
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
