package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Group B: what is wrong with nixdeploy itself, its disk or its journal.

// A nixdeploy is built that panics for one host. The other one ends well.
func TestF26APanicInOneHostsGoroutine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bug := mutant{name: "a panic", edits: []edit{{
		"deploy/host/steps.go", "\tq := HealthRequest{Host: w.h,", "\tif w.h.Name == \"web\" {\n\t\tpanic(\"planted\")\n\t}\n\tq := HealthRequest{Host: w.h,",
	}}}
	plan, err := bug.overlay(filepath.Join("..", "..", ".."), dir)
	if err != nil {
		t.Fatal(err)
	}
	onTopOf(t, plan, strings.TrimPrefix(os.Getenv("GOFLAGS"), "-overlay="))
	panics := filepath.Join(dir, "nixdeploy")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", plan, "-o", panics, "github.com/nixdeploy/nixdeploy/cmd/nixdeploy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	both(t, func(t *testing.T, mode string) {
		w := newWorld(t, setting{
			hosts:  []member{{name: "web", stage: "prod"}, {name: "good", stage: "prod"}},
			stages: policy("prod", mode, "parallel = 2\nmax_failures = 1"),
		})
		r := w.prepared(exec.Command(panics, "apply", "--yes")).start().wait()
		injected(t, r.says("planted"), "nixdeploy panics in the health checks of web")
		r.wants(t, 1, "a bug in nixdeploy", "nixdeploy resume")
		w.isOn("good", 1)
		if stack := w.journalText(); !strings.Contains(stack, "runtime/debug.Stack") || !strings.Contains(stack, "steps.go") {
			t.Error("the stack is not in the journal")
		}
		w.run("resume").wants(t, 0)
		w.isOn("web", 1)
		w.switches("web", 1, 1)
		w.seen(t, r, "the stack is in the run's file; the other host confirmed, this one by resume")
	})
}

// onTopOf adds what another overlay replaces, if there is one: these tests run
// with bugs planted themselves.
func onTopOf(t *testing.T, path, other string) {
	t.Helper()
	var mine, theirs struct{ Replace map[string]string }
	for file, into := range map[string]any{path: &mine, other: &theirs} {
		data, err := os.ReadFile(file)
		if file == "" {
			continue
		}
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range theirs.Replace {
		if mine.Replace[from] == "" {
			mine.Replace[from] = to
		}
	}
	data, err := json.Marshal(mine)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A state folder that cannot be written.
func TestF28AStateFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := alone(t, "switch", nil)
	w.write("state", "a file, not a folder", 0o600)
	r := w.run("apply", "--yes")
	injected(t, r.says("so nothing begins"), "the state folder is a file")
	r.wants(t, 4)
	if n := w.fleet.Host("web").Connections(); n > 0 {
		t.Errorf("%d connections", n)
	}
	w.seen(t, r, "nothing was contacted")
}

// The disk of the control machine runs full while a host is armed: what cannot
// be written down is not done, and a host in flight is left to its guard. What
// is on the journal's last block still fits, so more than one host begins.
func TestF28ADiskThatRunsFull(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := newWorld(t, setting{hosts: wave("prod", 8), stages: policy("prod", mode, "parallel = 1\nmax_failures = 8")})
		c, f := w.fullDisk("prod-1")
		r := c.wait()
		if r.says("mount:") {
			t.Skipf("no disk of its own can be made here: %s", r.text())
		}
		f.injected(t)
		injected(t, r.says("no space left on device"), "the disk of the journal is full")
		if armed := w.armed(); r.exit != 6 && (r.exit != 5 || len(armed) > 0) {
			t.Errorf("exit %d, armed %v\n%s", r.exit, armed, r.text())
		}
		w.untouchedHost("prod-8")
		w.later(time.Hour)
		for _, bad := range append(w.settled(1), w.disarmed(true)...) {
			t.Error(bad)
		}
		w.seen(t, r, "no step without its intent, and no further host")
		w.run("apply", "--yes").wants(t, 0)
		for _, bad := range append(w.converged(1), w.switchedOnce(1)...) {
			t.Error(bad)
		}
	})
}

// fullDisk starts apply with its journal on a disk of its own, which nobody else
// sees, and which is full once that host's switch has ended.
func (w *world) fullDisk(host string) (*child, *fault) {
	w.t.Helper()
	if err := os.Mkdir(w.state(), 0o700); err != nil {
		w.t.Fatal(err)
	}
	const script = `PATH=/usr/sbin:/usr/bin:/sbin:/bin; mount -t tmpfs -o size=256k faults "$1" && shift && exec "$@"`
	cmd := exec.CommandContext(w.t.Context(), "/bin/sh", "-c", script, "sh", w.state(), nixdeploy, "apply", "--yes")
	cmd.SysProcAttr = ownMounts(w.t)
	c := w.prepared(cmd)
	f := w.once(host, "guard await", done, func() bool {
		<-c.begun
		if err := fill(filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid), "root", w.state(), "filler")); !errors.Is(err, syscall.ENOSPC) {
			w.t.Errorf("the disk is not full: %v", err)
		}
		return false
	})
	return c.start(), f
}

// The disk is full when a run is resumed: what cannot be written down is not done,
// and how the hosts stand is told all the same.
func TestF28AFullDiskInAResume(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := killedInFlight(t, mode)
		const script = `PATH=/usr/sbin:/usr/bin:/sbin:/bin; cp -a "$1" "$1.kept" && mount -t tmpfs -o size=256k,mode=0700 faults "$1" &&
			cp -a "$1.kept/." "$1" && ! dd if=/dev/zero of="$1/filler" 2>/dev/null && shift && exec "$@"`
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script, "sh", w.state(), nixdeploy, "resume")
		cmd.SysProcAttr = ownMounts(t)
		r := w.prepared(cmd).start().wait()
		if r.says("mount:") {
			t.Skipf("no disk of its own can be made here: %s", r.text())
		}
		injected(t, r.says("no space left on device"), "the disk of the journal is full")
		r.wants(t, 6, "stranded 1 web", "nixdeploy resume")
		w.later(time.Hour)
		w.isBack("web")
		w.run("resume").wants(t, 5)
		w.switches("web", 1, 1)
		w.seen(t, r, "told as stranded, and left to its guard, which returned it")
	})
}

// armed lists the hosts on which a guard waits.
func (w *world) armed() (list []string) {
	for _, name := range w.names {
		if w.look(name).Active != nil {
			list = append(list, name)
		}
	}
	return list
}

// fill writes to a new file until nothing more fits.
func fill(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for {
		if _, err := file.Write(make([]byte, 512)); err != nil {
			return err
		}
	}
}

// rewrite replaces the first line of a journal by another header with a right sum.
func rewrite(t *testing.T, path, header string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "\n")
	if !ok {
		t.Fatal("the journal has no line")
	}
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.Checksum([]byte(header), crc32.MakeTable(crc32.Castagnoli)))
	text := hex.EncodeToString(sum[:]) + " " + header + "\n" + rest
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Another nixdeploy wrote the journal: an older one's is read, and so are fields
// that this one does not know; a newer format is refused by its version.
func TestF31AnotherNixdeployBetweenCrashAndResume(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for name, c := range map[string]struct {
			header string
			reads  bool
		}{
			"a field more":   {`{"nixdeploy_journal":1,"run":"RUN","written_by":"99.0"}`, true},
			"a newer format": {`{"nixdeploy_journal":2,"run":"RUN"}`, false},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := killedInFlight(t, mode)
				path := w.journalOf()
				run := filepath.Base(filepath.Dir(path))
				rewrite(t, path, strings.Replace(c.header, "RUN", run, 1))
				r := w.run("resume", run)
				injected(t, true, "the journal's first line is that of %s", name)
				if c.reads {
					r.wants(t, 0)
					w.isOn("web", 1)
					w.seen(t, r, "read, the host confirmed")
					return
				}
				r.wants(t, 4, "version 2")
				w.later(time.Hour)
				w.isBack("web")
				w.switches("web", 1, 1)
				w.run("apply", "--yes").wants(t, 0)
				w.seen(t, r, "refused by its version; the guard returned the host, then apply exits 0")
			})
		}
	})
}
