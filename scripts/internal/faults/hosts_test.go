package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Groups C, G and H: what is odd about a host, its store, its clock or what it
// is sent.

// The new system does not boot. In switch its boot hangs until somebody comes to
// the console; in test-first the boot is the way back.
func TestF36ASystemThatDoesNotBoot(t *testing.T) {
	t.Parallel()
	t.Run("switch", func(t *testing.T) {
		t.Parallel()
		slow(t, "two minutes, the wait for a host that does not come back")
		w := newWorld(t, setting{
			hosts:  []member{{name: "web", stage: "prod", system: func(s *simfleet.System) { s.BreaksBoot = true }}},
			stages: "[stages.prod]\nactivation_timeout = \"4s\"\nconfirm_timeout = \"3s\"\n",
		})
		w.patience = 5 * time.Minute
		host := w.fleet.Host("web")
		host.SetFaults(simfleet.HostFaults{PowerCutAt: simfleet.PhaseActivated})
		r := w.run("apply", "--yes")
		injected(t, !host.Reachable(), "the power is cut in the activation, and the new system hangs in its boot")
		r.wants(t, 6, "web", "console")
		host.PowerOn(w.first["web"].Running) // the older entry of its boot menu
		w.later(time.Hour)
		w.isBack("web")
		w.run("resume").wants(t, 5)
		w.seen(t, r, "stranded until somebody chose the older generation; then returned by its guard")
	})
	t.Run("test-first", func(t *testing.T) {
		t.Parallel()
		w := alone(t, "test-first", func(s *simfleet.System) { s.BreaksBoot = true })
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{PowerCutAt: simfleet.PhaseActivated})
		booted := w.look("web").BootID
		r := w.run("apply", "--yes")
		injected(t, w.look("web").BootID != booted, "the power is cut in the activation of a system that does not boot")
		r.wants(t, 5, "all read back")
		w.isBack("web")
		w.seen(t, r, "booted what it had")
	})
}

// The boot partition is full and nobody is told. In test-first the confirmation
// is what writes to it.
func TestF43ABootPartitionThatIsFullInSilence(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{BootFull: true, BootSilent: true})
		r := w.run("apply", "--yes")
		injected(t, len(w.activations("web")) > 0 && !r.says("No space left"), "the boot loader is not written, exit code 0")
		r.wants(t, 5, "all read back")
		w.isBack("web")
		w.fleet.Host("web").SetFaults(simfleet.HostFaults{})
		w.run("apply", "--yes").wants(t, 0)
		w.seen(t, r, "returned by what the links say")
	})
}

// The host's wall clock is years off, and jumps in mid-run; its uptime is not.
func TestF52AHostsClockThatIsWrong(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	both(t, func(t *testing.T, mode string) {
		for name, c := range map[string][2]time.Duration{
			"ten years ahead": {10 * year, 10 * year}, "ten years behind": {-10 * year, -10 * year},
			"jumps ahead": {0, year}, "jumps back": {0, -year},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, nil)
				host := w.fleet.Host("web")
				host.SetFaults(simfleet.HostFaults{Clock: c[0]})
				f := w.once("web", "guard await", arrived, func() bool {
					host.SetFaults(simfleet.HostFaults{Clock: c[1]})
					return false
				})
				r := w.run("apply", "--yes")
				f.injected(t)
				recorded := w.recorded("web")
				wrong := recorded != nil && time.Until(recorded.Time.Add(-c[1])).Abs() < time.Hour
				injected(t, wrong, "its clock is %s: the record says so", name)
				r.wants(t, 0)
				w.isOn("web", 1)
				w.switches("web", 1, 1)
				w.seen(t, r, "confirmed: nothing is decided by the time of day")
			})
		}
	})
}

// recorded is what a host remembers of the newest run's flake.
func (w *world) recorded(host string) *deploy.Record {
	w.t.Helper()
	events, err := journal.Read(w.state(), filepath.Base(filepath.Dir(w.journalOf())))
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := w.fleet.Host(host).Dial(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	o, err := nixos.Inspect(w.t.Context(), conn, deploy.Fold(events).Start.Flake)
	if err != nil {
		w.t.Fatal(err)
	}
	return o.Recorded
}

// Each folder is a flake that must be refused before any host is contacted, or
// be deployed as it is.
func TestF85FlakesWithOddFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(dir string) error
		exit  int
		says  string
	}{
		"empty file":       {func(dir string) error { return os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600) }, 0, ""},
		"name not UTF-8":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o600) }, 2, `a\xff`},
		"a link inside":    {func(dir string) error { return os.Symlink("release", filepath.Join(dir, "link")) }, 0, ""},
		"names by case":    {func(dir string) error { return os.WriteFile(filepath.Join(dir, "Release"), []byte("x"), 0o600) }, 0, ""},
		"a pipe":           {func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) }, 2, "pipe"},
		"a link outside":   {func(dir string) error { return os.Symlink("/etc/shadow", filepath.Join(dir, "link")) }, 2, "link"},
		"no flake":         {func(dir string) error { return os.Remove(filepath.Join(dir, "flake.nix")) }, 2, "flake.nix"},
		"a file too large": {func(dir string) error { return truncate(filepath.Join(dir, "huge"), 2<<30) }, 2, "more than 256 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t, "switch", nil)
			if err := c.plant(filepath.Join(w.dir, "fleet", "flake")); err != nil {
				if name == "name not UTF-8" && runtime.GOOS != "linux" {
					t.Skip(err) // its file systems take no such name
				}
				t.Fatal(err)
			}
			r := w.run("apply", "--yes")
			if c.exit == 0 {
				injected(t, true, "%s", name)
				r.wants(t, 0)
				w.isOn("web", 1)
				w.seen(t, r, "deployed as it is")
				return
			}
			r.wants(t, 2, c.says)
			injected(t, true, "%s", name)
			if n := w.fleet.Host("web").Connections(); n > 0 {
				t.Errorf("%d connections", n)
			}
			w.seen(t, r, "refused with the file's name, nothing contacted")
		})
	}
}

func truncate(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}

// Words of Nix 2.26 for a path of a substituter without a known signature.
const unsigned = "error: cannot add path '/nix/store/yhvimqzpb43kxpa8phf1kqbx0cylzl2a-nixos-system-web-26.05' because it lacks a signature by a trusted key"

func TestF87AnUnsignedStorePath(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.BuildError = unsigned })
		r := w.run("apply", "--yes")
		injected(t, r.says("lacks a signature by a trusted key"), "the host's Nix refuses an unsigned path")
		r.wants(t, 4, "error[build] web")
		w.untouchedHost("web")
		w.seen(t, r, "refused by the host's Nix, untouched")
	})
	// And nothing that is run on a host, or here, ever asks Nix not to mind.
	for _, word := range []string{"no-check-sigs", "no-require-sigs", "require-sigs false"} {
		for _, room := range []string{"deploy", "cmd", "flake", "inventory"} {
			for _, file := range sourcesWith(t, filepath.Join("..", "..", "..", room), word) {
				t.Errorf("%s says %s", file, word)
			}
		}
	}
}

// sourcesWith lists the sources under dir, tests apart, that contain a word.
func sourcesWith(t *testing.T, dir, word string) (found []string) {
	t.Helper()
	read := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sh") {
			return err
		}
		data, err := os.ReadFile(path)
		read++
		if strings.Contains(string(data), word) {
			found = append(found, path)
		}
		return err
	})
	if err != nil || read == 0 {
		t.Fatalf("%d files of %s read: %v", read, dir, err)
	}
	return found
}

// A login shell that talks before it runs anything, and one that ends at once.
// Real shells are asked in deploy/remote and in the lab.
func TestF89OddLoginShells(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		t.Run("a banner", func(t *testing.T) {
			t.Parallel()
			w := alone(t, mode, nil)
			var talked atomic.Int32
			w.gate.interpose(func(ctx context.Context, _ string, r simfleet.Request, next simfleet.Handler) int {
				talked.Add(1)
				_, _ = io.WriteString(r.Stdout, "Welcome to web!\nLast login: today\n")
				_, _ = io.WriteString(r.Stderr, "motd: 3 updates\n")
				return next.Exec(ctx, r)
			})
			r := w.run("apply", "--yes")
			injected(t, talked.Load() > 0, "a banner before every answer")
			r.wants(t, 0)
			w.isOn("web", 1)
			w.seen(t, r, "no matter")
		})
		for exit, name := range map[int]string{0: "exit 0 at once", 1: "nologin"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := alone(t, mode, nil)
				w.gate.interpose(func(_ context.Context, _ string, r simfleet.Request, _ simfleet.Handler) int {
					_, _ = io.WriteString(r.Stdout, "This account is currently not available.\n")
					return exit
				})
				r := w.run("apply", "--yes")
				injected(t, len(w.fleet.Host("web").Server.Record().Requests) > 0, "%s", name)
				r.wants(t, 4, "error[protocol] web", "login shell")
				w.untouchedHost("web")
				w.seen(t, r, "said, untouched")
			})
		}
	})
}

// A host that says that it runs what it does not run: it is believed about
// itself, as docs/security.md says, and nobody else is worse off. This one lies
// in what is read of it, and not where it compares by itself what it would record.
func TestF93AHostThatLies(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "A host that lies about itself") {
		t.Error("docs/security.md does not say that a host is believed about itself")
	}
	w := newWorld(t, setting{hosts: []member{{name: "good", stage: "prod"}, {name: "web", stage: "prod"}}})
	var lies atomic.Int32
	w.gate.interpose(func(ctx context.Context, host string, r simfleet.Request, next simfleet.Handler) int {
		if host == "web" {
			r.Stdout = lying{r.Stdout, w.first["web"].Running, w.wanted("web", 1), &lies}
		}
		return next.Exec(ctx, r)
	})
	r := w.run("apply", "--yes")
	injected(t, lies.Load() > 0, "wherever web says what it runs, it says another system")
	r.wants(t, 5, "web: record failed: the host changed since it was inspected", "error[foreign] web")
	w.isOn("good", 1)
	w.seen(t, r, "believed but where its own script compares; the other host confirmed")
}

// lying swaps words in what is written.
type lying struct {
	io.Writer
	old, now string
	lies     *atomic.Int32
}

func (l lying) Write(p []byte) (int, error) {
	text := strings.ReplaceAll(string(p), l.old, l.now)
	if text != string(p) {
		l.lies.Add(1)
	}
	if _, err := io.WriteString(l.Writer, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// A server that asks its client for channels, over and over. A window cannot be
// made too large: the library's is fixed.
func TestF94AServerThatAsksForChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{
		hosts:  []member{{name: "good", stage: "prod"}, {name: "web", stage: "prod"}},
		stages: policy("prod", "switch", "parallel = 2"),
	})
	kinds := []string{"auth-agent@openssh.com", "x11", "forwarded-tcpip", "session"}
	var asked, opened atomic.Int32
	times := 2_000
	if *all {
		times = 1_000_000
		w.patience = 10 * time.Minute
	}
	f := w.once("web", "guard await", arrived, func() bool {
		for n := range times {
			asked.Add(1)
			if w.fleet.Host("web").Server.OpenOnClients(kinds[n%len(kinds)]) == nil {
				opened.Add(1)
			}
		}
		return false
	})
	r := w.run("apply", "--yes")
	f.injected(t)
	injected(t, asked.Load() > 1000, "%d channels asked for", asked.Load())
	if n := opened.Load(); n > 0 {
		t.Errorf("%d were opened", n)
	}
	w.isOn("good", 1)
	for _, bad := range w.settled(1) {
		t.Error(bad)
	}
	w.seen(t, r, fmt.Sprintf("%d refused, none opened", asked.Load()))
}
