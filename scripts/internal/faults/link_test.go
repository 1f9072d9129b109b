package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Group A of the catalogue: the link.

func TestF01AHostThatRefusesIsUntouchedAndCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{hosts: []member{{name: "a", stage: "prod"}, {name: "b", stage: "prod"}}})
	if err := w.fleet.Host("a").Server.SetFault(simfleet.Fault{Refuse: true}); err != nil {
		t.Fatal(err)
	}
	r := w.run("apply", "--yes")
	r.wants(t, 4, "error[unreachable] a", "next")
	injected(t, r.says("connection refused") || r.says("reset"), "a refuses connections")
	w.untouchedHost("a")
	w.untouchedHost("b") // the budget was spent before it began
	w.seen(t, r, "both hosts untouched")
}

func TestF03ADropBeforeASessionIsTriedOnceMore(t *testing.T) {
	t.Parallel()
	for _, step := range []simfleet.Step{simfleet.StepBanner, simfleet.StepKex, simfleet.StepAuth, simfleet.StepChannel, simfleet.StepExec} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			if err := w.fleet.Host("web").Server.SetFault(simfleet.Fault{Drop: step}); err != nil {
				t.Fatal(err)
			}
			r := w.run("apply", "--yes")
			r.wants(t, 4, "error[unreachable] web")
			injected(t, w.fleet.Host("web").Connections() > 0, "reset at %s", step)
			w.untouchedHost("web")
			if n := w.fleet.Host("web").Connections(); n < 1 || n > 3 {
				t.Errorf("%d connections", n)
			}
			w.seen(t, r, "untouched")
		})
	}
}

func TestF04ADropInTheUpload(t *testing.T) {
	t.Parallel()
	for _, bytes := range []int64{25_000, 60_000, 150_000, 300_000} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			w.write("fleet/flake/large", noise(320_000), 0o644)
			server := w.fleet.Host("web").Server
			f := w.once("web", "inspect", done, func() bool { // bytes are read ahead of scripts
				_ = server.SetFault(simfleet.Fault{CutAfterRead: bytes}) // never fails without Refuse
				return false
			})
			r := w.run("apply", "--yes")
			f.injected(t)
			r.wants(t, 4, "error[unreachable] web", "step upload")
			w.untouchedHost("web")
			if err := server.SetFault(simfleet.Fault{}); err != nil {
				t.Fatal(err)
			}
			w.run("apply", "--yes").wants(t, 0)
			w.isOn("web", 1)
			w.seen(t, r, "untouched; the next run uploads anew")
		})
	}
}

// noise does not compress.
func noise(n int) string {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data) // never fails
	return string(data)
}

func TestF05ADropInTheBuild(t *testing.T) {
	t.Parallel()
	for _, at := range []edge{arrived, done} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			f := w.cut("web", "build", at)
			r := w.run("apply", "--yes")
			f.injected(t)
			r.wants(t, 4, "error[unreachable] web")
			w.untouchedHost("web")
			w.run("apply", "--yes").wants(t, 0)
			w.seen(t, r, "untouched")
		})
	}
}

// cutAt cuts the link at a script; the run goes on over another connection.
func cutAt(t *testing.T, mode, name string, at edge) {
	t.Helper()
	w := alone(t, mode, nil)
	f := w.cut("web", name, at)
	r := w.run("apply", "--yes")
	f.injected(t)
	r.wants(t, 0)
	w.isOn("web", 1)
	w.switches("web", 1, 1)
	w.seen(t, r, "confirmed, switched once")
}

func TestF06ADropAtTheSwitch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for what, c := range map[string]struct {
			script string
			at     edge
		}{
			"before exec": {"guard start", arrived}, "sent": {"guard start", done},
			"running": {"guard await", arrived}, "finished": {"guard await", done},
		} {
			t.Run(what, func(t *testing.T) { t.Parallel(); cutAt(t, mode, c.script, c.at) })
		}
	})
}

func TestF07ADropInTheHealthCheck(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, script := range []string{"probe contact", "probe failed"} { // the fresh connection, then the check
			for _, at := range []edge{arrived, done} {
				t.Run(script+" "+string(at), func(t *testing.T) { t.Parallel(); cutAt(t, mode, script, at) })
			}
		}
	})
}

// Nobody comes through any more: the host returns by itself.
func TestF07NoLinkAfterTheSwitchIsTheGuards(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := oneHost(t, mode, "confirm_timeout = \"3s\"", member{})
		host := w.fleet.Host("web")
		f := w.once("web", "probe", arrived, func() bool {
			_ = host.Server.SetFault(simfleet.Fault{Refuse: true}) // on a board it only resets
			host.Server.CutAll()
			return true
		})
		c := w.prepare("apply", "--yes").start()
		w.eventually("the guard's return", func() bool { return f.hits.Load() > 0 && w.rests("web") })
		if err := host.Server.SetFault(simfleet.Fault{}); err != nil {
			t.Fatal(err)
		}
		r := c.wait()
		f.injected(t)
		r.wants(t, 5)
		w.isBack("web")
		w.seen(t, r, "returned by its guard")
	})
}

func TestF08ADropInTheConfirmation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, at := range []edge{arrived, done} {
			t.Run(string(at), func(t *testing.T) { t.Parallel(); cutAt(t, mode, "guard confirm", at) })
		}
	})
}

func TestF09ADropInTheReturn(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, at := range []edge{arrived, done} {
			t.Run(string(at), func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, func(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} })
				f := w.cut("web", "guard back", at)
				r := w.run("apply", "--yes")
				f.injected(t)
				r.wants(t, 5, "bad.service", "all read back")
				w.isBack("web")
				w.seen(t, r, "returned, read back")
			})
		}
	})
}

func TestF10ASystemThatBreaksTheNetwork(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := oneHost(t, mode, "confirm_timeout = \"3s\"", member{system: func(s *simfleet.System) { s.BreaksNetwork = true }})
		r := w.run("apply", "--yes")
		r.wants(t, 5, "all read back")
		w.switches("web", 1, 1) // it was on
		injected(t, len(w.activations("web")) > 0, "the network is down from its activation on")
		w.isBack("web")
		w.seen(t, r, "returned by its guard")
	})
}

// The new system has another host key, which nobody declared.
func TestF11AnotherHostKeyAfterTheSwitch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := oneHost(t, mode, "confirm_timeout = \"3s\"", member{})
		host := w.fleet.Host("web")
		old, err := simfleet.DeriveHostKey("faults/web")
		if err != nil {
			t.Fatal(err)
		}
		other, err := simfleet.NewHostKey()
		if err != nil {
			t.Fatal(err)
		}
		f := w.once("web", "guard await", done, func() bool {
			host.Server.SetHostKeys(other)
			return false
		})
		c := w.prepare("apply", "--yes").start()
		w.eventually("the guard's return", func() bool { return f.hits.Load() > 0 && w.rests("web") })
		host.Server.SetHostKeys([]ssh.Signer{old}...)
		r := c.wait()
		f.injected(t)
		r.wantsNot(t, "✓")
		if r.exit != 5 && r.exit != 7 {
			t.Errorf("exit %d\n%s", r.exit, r.text())
		}
		w.isBack("web")
		w.seen(t, r, "returned by its guard")
	})
}

// The smallest limits that a server can have: one session at a time, and no
// connection more than one and a fresh one.
func TestF14TheSmallestLimits(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		var sessions, refused atomic.Int32
		w.gate.interpose(func(ctx context.Context, _ string, r simfleet.Request, next simfleet.Handler) int {
			defer sessions.Add(-1)
			if sessions.Add(1) > 1 { // MaxSessions 1
				refused.Add(1)
				return 255
			}
			return next.Exec(ctx, r)
		})
		r := w.run("apply", "--yes")
		record := w.fleet.Host("web").Server.Record()
		injected(t, len(record.Requests) > 0, "a second session at once is refused")
		r.wants(t, 0)
		w.isOn("web", 1)
		if record.Connections != 2 || refused.Load() > 0 {
			t.Errorf("%d connections, want one and a fresh one; %d sessions too many", record.Connections, refused.Load())
		}
		for _, try := range record.Auth { // each would earn a penalty
			if !try.Accepted && try.Method != "none" {
				t.Errorf("a refused authentication: %+v", try)
			}
		}
		w.seen(t, r, fmt.Sprintf("%d connections, none refused", record.Connections))
	})
}

func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %s for %s", patience, what)
		}
		_ = sleep(w.t.Context(), 20*time.Millisecond) // what is waited for happens in another process
	}
}
