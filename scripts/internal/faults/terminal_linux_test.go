package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The reader of a pipe goes away while a host is in flight: the host reaches its
// end, no other begins, and the process is not killed by SIGPIPE.
func TestF25AClosedPipe(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]func(*child, *os.File){
		"stderr":            func(c *child, w *os.File) { c.cmd.Stderr = w },
		"stdout, with JSON": func(c *child, w *os.File) { c.cmd.Stdout, c.cmd.Args = w, append(c.cmd.Args, "--json") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := twoWaves(t)
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = write.Close() }() // closed below when all went well
			c := w.prepare("apply", "--yes")
			stream(c, write)
			f := w.once("a", "probe", arrived, func() bool {
				if err := read.Close(); err != nil {
					t.Error(err)
				}
				return false
			})
			c.start()
			if err := write.Close(); err != nil { // the child has its own
				t.Fatal(err)
			}
			drained := make(chan struct{})
			go func() { // ends when the test closes its end
				defer close(drained)
				_, _ = io.Copy(io.Discard, read)
			}()
			r := c.wait()
			<-drained
			f.injected(t)
			r.wants(t, 130)
			w.isOn("a", 1)
			w.untouchedHost("b")
			w.seen(t, r, "the host in flight finished, no other began")
		})
	}
}

// The terminal is closed: SIGHUP, and every write fails with EIO. Together they
// are one interruption.
func TestF25AClosedTerminal(t *testing.T) {
	t.Parallel()
	w := twoWaves(t)
	terminal, line := openTerminal(t)
	defer func() { _ = line.Close() }() // closed below when all went well
	c := w.prepare("apply", "--yes")
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = line, line, line
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	f := w.once("a", "probe", arrived, func() bool {
		if err := terminal.Close(); err != nil {
			t.Error(err)
		}
		return false
	})
	c.start()
	if err := line.Close(); err != nil { // the child has its own
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() { // ends when the terminal is closed
		defer close(drained)
		_, _ = io.Copy(io.Discard, terminal)
	}()
	r := c.wait()
	<-drained
	f.injected(t)
	r.wants(t, 130)
	w.isOn("a", 1)
	w.untouchedHost("b")
	w.seen(t, r, "the host in flight finished, no other began")
}

// nohup is for a run that goes on when its terminal is closed: a hangup that was
// ignored when it began stays so.
func TestF25ARunUnderNohup(t *testing.T) {
	t.Parallel()
	w := twoWaves(t)
	c := w.prepared(exec.Command("nohup", nixdeploy, "apply", "--yes"))
	f := w.once("a", "probe", arrived, func() bool { c.signal(syscall.SIGHUP); return false })
	r := c.start().wait()
	f.injected(t)
	r.wants(t, 0)
	w.isOn("a", 1)
	w.isOn("b", 1)
	w.seen(t, r, "the run went on to its end")
}

// twoWaves is a fleet of a and b, one after the other.
func twoWaves(t *testing.T) *world {
	t.Helper()
	return newWorld(t, setting{
		hosts:  []member{{name: "a", stage: "prod"}, {name: "b", stage: "prod"}},
		stages: "[stages.prod]\nbatches = [1, \"100%\"]\n",
	})
}

// openTerminal opens both ends of a pseudo terminal (ptmx(4)).
func openTerminal(t *testing.T) (terminal, line *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	conn, err := terminal.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number, failed := 0, error(nil)
	err = conn.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return terminal, line
}
