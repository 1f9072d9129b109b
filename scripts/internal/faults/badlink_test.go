package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Links that are there, and bad: silent, slow, half open, through a jump host.

// slow skips what takes minutes, unless everything is wanted.
func slow(t *testing.T, what string) {
	t.Helper()
	if !*all {
		t.Skipf("it takes %s: only with --all", what)
	}
}

// silence is longer than the handshake may take (20 s), and shorter than the
// whole question to a host (60 s), which would end it, too.
const silence = 50 * time.Second

func TestF02AServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	for _, step := range []simfleet.Step{simfleet.StepBanner, simfleet.StepKex} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			slow(t, "20 s, the deadline of the handshake")
			w := newWorld(t, setting{
				hosts:  []member{{name: "web", stage: "prod"}, {name: "good", stage: "prod"}},
				stages: policy("prod", "switch", "parallel = 2\nmax_failures = 1"),
			})
			server := w.fleet.Host("web").Server
			if err := server.SetFault(simfleet.Fault{Hang: step}); err != nil {
				t.Fatal(err)
			}
			c := w.prepare("apply", "--yes")
			c.patience = silence
			r := c.start().wait()
			injected(t, server.Record().Connections > 0 && len(server.Record().Auth) == 0, "TCP opens, silent before %s", step)
			r.wants(t, 5, "error[unreachable] web", "did not finish the", "within 20s")
			w.untouchedHost("web")
			w.isOn("good", 1)
			if n := server.Record().Connections; n > 2 {
				t.Errorf("%d connections", n)
			}
			w.seen(t, r, "untouched, the other one confirmed")
		})
	}
}

// relay carries a host's connections over a slow link: a delay each way, so many
// bytes a second, and a pause now and then as for a packet that came again.
type relay struct {
	net.Listener
	to    string
	delay time.Duration
	rate  int // bytes a second
	mu    sync.Mutex
	bytes int64
	waits int
	done  sync.WaitGroup
}

// serve carries connections until the listener is closed; ctx ends what is on
// its way.
func (l *relay) serve(ctx context.Context) {
	for {
		in, err := l.Accept()
		if err != nil {
			return // closed
		}
		out, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
			l.done.Go(func() {
				_ = l.carry(ctx, pair[0], pair[1]) // the link ends when one of its ends does
				_, _ = in.Close(), out.Close()
			})
		}
	}
}

// carry sends on what comes in. A packet waits for its turn on the wire, then
// for its way; one in twenty is lost and comes again. The wait is the fault
// itself, the link's slowness: nothing is awaited by it.
func (l *relay) carry(ctx context.Context, from io.Reader, to io.Writer) error {
	packet := make([]byte, 1400)
	for n := 1; ; n++ {
		size, err := from.Read(packet)
		wait := time.Duration(size)*time.Second/time.Duration(l.rate) + l.delay
		if n%20 == 0 {
			wait += 4 * l.delay
		}
		if cut := sleep(ctx, wait); cut != nil {
			return cut
		}
		l.mu.Lock()
		l.bytes += int64(size)
		l.waits++
		l.mu.Unlock()
		if _, lost := to.Write(packet[:size]); lost != nil || err != nil {
			return errors.Join(err, lost)
		}
	}
}

// through lets nixdeploy reach a host over a relay.
func (w *world) through(host string, delay time.Duration, rate int) *relay {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	address, port := w.fleet.Host(host).Endpoint()
	l := &relay{Listener: listener, to: net.JoinHostPort(address, port), delay: delay, rate: rate}
	ctx, cancel := context.WithCancel(context.Background())
	l.done.Go(func() { l.serve(ctx) })
	w.t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		w.fleet.Host(host).Server.CutAll()
		l.done.Wait()
	})
	here, herePort, _ := net.SplitHostPort(listener.Addr().String()) // made by a listener
	w.edit("fleet/hosts.toml", func(s string) string {
		return strings.Replace(s, fmt.Sprintf("address = %q\nport = %s", address, port), fmt.Sprintf("address = %q\nport = %s", here, herePort), 1)
	})
	return l
}

// One packet in twenty comes again. Without --all the link is nearer and wider.
func TestF12AWholeRunOverABadLink(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		delay, rate := 15*time.Millisecond, 256<<10
		if *all {
			delay, rate = 150*time.Millisecond, 8<<10
		}
		w := newWorld(t, setting{hosts: []member{{name: "web", stage: "prod"}}, stages: policy("prod", mode, "")})
		w.edit("fleet/hosts.toml", func(s string) string {
			return strings.Replace(s, "activation_timeout = \"20s\"", "activation_timeout = \"5m\"", 1)
		})
		l := w.through("web", delay, rate)
		w.patience = 10 * time.Minute
		r := w.run("apply", "--yes")
		l.mu.Lock()
		bytes, packets := l.bytes, l.waits
		l.mu.Unlock()
		injected(t, packets > 20, "%s there and back, 5 %% come again, %d kbit/s", 2*delay, rate*8>>10)
		r.wants(t, 0)
		w.isOn("web", 1)
		w.switches("web", 1, 1)
		w.seen(t, r, fmt.Sprintf("%d KiB moved", bytes>>10))
	})
}

// The peer is gone and says nothing: only keepalives can tell.
func TestF13AHalfOpenConnection(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		slow(t, "a minute of keepalives")
		w := newWorld(t, setting{hosts: []member{{name: "web", stage: "prod"}}, stages: "[stages.prod]\nactivation = \"" + mode + "\"\nactivation_timeout = \"5m\"\n"})
		var frozen time.Time
		f := w.once("web", "guard await", arrived, func() bool {
			frozen = time.Now()
			w.fleet.Host("web").Server.FreezeAll()
			return true
		})
		r := w.run("apply", "--yes")
		took := time.Since(frozen)
		f.injected(t)
		r.wants(t, 0)
		w.isOn("web", 1)
		w.switches("web", 1, 1)
		if took > 75*time.Second {
			t.Errorf("it took %s", took)
		}
		w.seen(t, r, "noticed within a minute, confirmed over a new connection")
	})
}

// freezing is a host's output, whose link is half open after the first write:
// the script has given its sign of life, and nothing but keepalives can tell.
type freezing struct {
	io.Writer
	once   sync.Once
	freeze func()
}

func (f *freezing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	f.once.Do(f.freeze)
	return n, err
}

// In a build nothing else would end the wait for as long as builds may take.
func TestF13AHalfOpenConnectionInTheBuild(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		slow(t, "a minute of keepalives")
		w := newWorld(t, setting{hosts: []member{{name: "web", stage: "prod"}}, stages: policy("prod", mode, "")})
		var frozen atomic.Bool
		w.gate.interpose(func(ctx context.Context, host string, r simfleet.Request, next simfleet.Handler) int {
			s, stdin := peek(r.Stdin)
			r.Stdin = stdin
			if s.Name == "build" {
				r.Stdout = &freezing{Writer: r.Stdout, freeze: func() {
					w.fleet.Host(host).Server.FreezeAll()
					frozen.Store(true)
				}}
			}
			return next.Exec(ctx, r)
		})
		r := w.run("apply", "--yes") // which does not end, where nobody notices
		injected(t, frozen.Load(), "half open after the build's first words")
		r.wants(t, 4, "error[unreachable] web")
		w.untouchedHost("web")
		w.seen(t, r, "noticed in a silent build, untouched")
	})
}

// A jump host dies with many behind it, all of them armed.
func TestF15AJumpHostDies(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		const many = 12
		w := newWorld(t, setting{
			hosts: wave("prod", many), ssh: "jump = \"root@HOP\"\n",
			stages: strings.Replace(policy("prod", mode, fmt.Sprintf("parallel = %d\nmax_failures = %d\nconfirm_timeout = \"3s\"", many, many)), "20s", "5s", 1),
		})
		hop := w.jumpHost()
		w.gate.strikeAt(func(s script, at edge) bool {
			if !strings.HasPrefix(s.Name, "probe") || at != arrived {
				return false
			}
			_ = hop.SetFault(simfleet.Fault{Refuse: true}) // closes a listener, once
			hop.CutAll()
			return true
		})
		c := w.prepare("apply", "--yes").start()
		w.eventually("the return of those that were armed", func() bool {
			select {
			case <-c.ended:
				t.Fatalf("it ended: %s%s", c.errOut.String(), c.out.String())
			default:
			}
			return hop.Fault().Refuse && !slices.ContainsFunc(w.names, func(name string) bool { return !w.rests(name) })
		})
		before := hop.Record().Connections
		w.gate.strikeAt(nil)
		if err := hop.SetFault(simfleet.Fault{}); err != nil {
			t.Fatal(err)
		}
		r := c.wait()
		injected(t, before > 0, "the jump host of %d armed hosts is dead until all are back", many)
		r.wants(t, 5)
		for _, name := range w.names {
			w.isBack(name)
		}
		if n := hop.Record().Connections; n > 2*many {
			t.Errorf("%d connections to the jump host", n)
		}
		w.seen(t, r, "all returned by their guards, and told so")
	})
}

// jumpHost starts a jump host and lets hosts.toml and known_hosts name it.
func (w *world) jumpHost() *simfleet.Server {
	w.t.Helper()
	data, err := w.fleet.ClientKey()
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := ssh.ParsePrivateKey(data)
	if err != nil {
		w.t.Fatal(err)
	}
	hop, err := simfleet.NewServer(simfleet.ServerOptions{
		Forward: true, Authorize: func(_ string, key ssh.PublicKey) bool {
			return string(key.Marshal()) == string(client.PublicKey().Marshal())
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := hop.Close(); err != nil {
			w.t.Error(err)
		}
	})
	host, port, _ := net.SplitHostPort(hop.Addr()) // made by a listener
	known := filepath.Join(w.dir, "home", ".ssh", "known_hosts")
	text, err := os.ReadFile(known)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("home/.ssh/id_ed25519", string(data), 0o600) // a jump host is offered the usual keys
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(hop.HostKey())))
	w.write("home/.ssh/known_hosts", string(text)+fmt.Sprintf("[%s]:%s %s\n", host, port, key), 0o600)
	w.edit("fleet/hosts.toml", func(s string) string { return strings.Replace(s, "HOP", hop.Addr(), 1) })
	return hop
}
