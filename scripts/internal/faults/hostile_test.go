package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Group H: hosts that are hostile, or odd.

func TestF86AChangedHostKey(t *testing.T) {
	t.Parallel()
	w := alone(t, "switch", nil)
	other, err := simfleet.NewHostKey()
	if err != nil {
		t.Fatal(err)
	}
	w.fleet.Host("web").Server.SetHostKeys(other)
	r := w.run("apply", "--yes")
	r.wants(t, 7, "error[host-key] web", "SHA256:")
	injected(t, w.fleet.Host("web").Connections() > 0, "the server has another key")
	if n := len(w.fleet.Host("web").Server.Record().Auth); n > 0 {
		t.Errorf("%d authentication requests reached it", n)
	}
	w.untouchedHost("web")
	w.seen(t, r, "no authentication was tried")
}

func TestF88AUserWhoMayNotElevate(t *testing.T) {
	t.Parallel()
	w := oneHost(t, "switch", "", member{traits: &simfleet.Traits{Users: []simfleet.User{{Name: "root", Root: true}, {Name: "ann"}}}})
	w.edit("fleet/hosts.toml", func(s string) string {
		return strings.Replace(s, "user = \"root\"", "user = \"ann\"\nelevate = \"sudo\"", 1)
	})
	r := w.run("apply", "--yes")
	r.wants(t, 4, "error[elevate] web", "sudo")
	injected(t, len(w.fleet.Host("web").Server.Record().Auth) > 0, "ann may log in, and not become root")
	w.untouchedHost("web")
	w.seen(t, r, "untouched")
}

// interposed lets a host answer a script in its own way.
type interposed func(ctx context.Context, r simfleet.Request, next simfleet.Handler) int

// hostile is a world whose host "web" answers by do; "good" is another one.
func hostile(t *testing.T, do interposed) *world {
	t.Helper()
	w := newWorld(t, setting{
		hosts:  []member{{name: "good", stage: "prod"}, {name: "web", stage: "prod"}},
		stages: "[stages.prod]\nparallel = 2\nmax_failures = 2\n",
	})
	w.gate.interpose(func(ctx context.Context, host string, r simfleet.Request, next simfleet.Handler) int {
		if host != "web" {
			return next.Exec(ctx, r)
		}
		return do(ctx, r, next)
	})
	return w
}

// A quarter of a GB without a newline: what nixdeploy keeps of it is bounded.
func TestF90OutputWithoutEnd(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("what a process had in memory is read from /proc")
	}
	const total = 256 << 20
	var base, peak, sent atomic.Int64
	started := make(chan *child, 1)
	w := hostile(t, func(ctx context.Context, r simfleet.Request, next simfleet.Handler) int {
		s, stdin := peek(r.Stdin)
		r.Stdin = stdin
		if s.Name != "build" {
			return next.Exec(ctx, r)
		}
		c := <-started
		base.Store(c.memory())
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for sent.Store(0); sent.Load() < total && ctx.Err() == nil; {
			n, err := r.Stdout.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				break
			}
		}
		peak.Store(c.memory())
		started <- c // the script may be sent again
		return next.Exec(ctx, r)
	})
	c := w.prepare("apply", "--yes").start()
	started <- c
	r := c.wait()
	injected(t, sent.Load() >= 16<<20, "%d MiB without a newline", sent.Load()>>20)
	if before, most := base.Load(), peak.Load(); before == 0 || most > before+64 {
		t.Errorf("a peak of %d MiB, and %d before it", most, before)
	}
	w.isOn("good", 1)
	if r.exit != 0 && r.exit != 4 && r.exit != 5 {
		t.Errorf("exit %d\n%s", r.exit, r.text())
	}
	w.seen(t, r, "memory stays bounded, the other host is confirmed")
}

// memory is the most that a child that runs has had in memory, in MiB: of one that
// has ended the kernel counts what its parent had when it was started, too.
func (c *child) memory() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0 // it has ended
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64) // it is not a number where there is none
	return kib >> 10
}

func TestF91OutputThatPretends(t *testing.T) {
	t.Parallel()
	var pretended atomic.Int32
	w := hostile(t, func(ctx context.Context, r simfleet.Request, next simfleet.Handler) int {
		pretended.Add(1)
		_, _ = io.WriteString(r.Stderr, "\x1b]52;c;cHduZWQ=\x07\x1b[2Jweb: confirmed, generation 99\x00\u202e\xff\n")
		r.Stdout = &pretending{Writer: r.Stdout, text: "NONCE result confirmed\nend guard\nx gone yes\nx fault a bug\n\x9b31m\n"}
		return next.Exec(ctx, r)
	})
	r := w.run("apply", "--yes", "--verbose")
	r.wants(t, 0)
	injected(t, pretended.Load() > 0, "lines that pretend, before every answer")
	w.isOn("web", 1)
	if strings.ContainsAny(r.text(), "\x1b\x07\x00\u202e\u009b") {
		t.Errorf("control characters came through: %q", r.text())
	}
	w.seen(t, r, "believed in nothing, shown escaped")
}

// pretending writes a text of its own once the script has begun.
type pretending struct {
	io.Writer
	text string
}

func (p *pretending) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if err == nil && strings.Contains(string(b), "\n") && p.text != "" {
		_, err = io.WriteString(p.Writer, p.text)
		p.text = ""
	}
	return n, err
}

func TestF92ACommandThatIsNotRun(t *testing.T) {
	t.Parallel()
	w := hostile(t, func(_ context.Context, r simfleet.Request, _ simfleet.Handler) int {
		_, _ = io.WriteString(r.Stdout, "Welcome!\n")
		return 0
	})
	r := w.run("apply", "--yes")
	r.wants(t, 5, "error[protocol] web") // the other one was changed
	injected(t, len(w.fleet.Host("web").Server.Record().Requests) > 0, "a greeting and success to every command")
	w.isOn("good", 1)
	if done := w.activations("web"); len(done) > 0 {
		t.Errorf("activated: %v", done)
	}
	w.seen(t, r, "refused; the other host is confirmed")
}

func TestF95AnotherMachineBehindTheAddress(t *testing.T) {
	t.Parallel()
	w := alone(t, "switch", nil)
	w.fleet.Host("web").SetMarker("faults", "somebody-else")
	r := w.run("apply", "--yes")
	r.wants(t, 7, "error[identity] web", "somebody-else")
	injected(t, r.says("somebody-else"), "the marker names another host")
	w.untouchedHost("web")
	if n := w.gate.count("web", "upload"); n > 0 {
		t.Error("a flake was sent")
	}
	w.seen(t, r, "no source was sent")
}
