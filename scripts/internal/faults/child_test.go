package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience ends every wait for a child.
const patience = 90 * time.Second

// child is a nixdeploy that runs.
type child struct {
	t           *testing.T
	patience    time.Duration
	cmd         *exec.Cmd
	out, errOut lockedBuffer
	begun       chan struct{} // closed once it runs
	ended       chan struct{}
}

// lockedBuffer is what a process wrote so far.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// interrupt sends a signal, and returns once the child has said that it heard it.
func (c *child) interrupt(s syscall.Signal) {
	c.t.Helper()
	before := strings.Count(c.errOut.String(), "nixdeploy: "+s.String())
	c.signal(s)
	for range 1000 { // ten seconds: the child does not wait for this test
		if strings.Count(c.errOut.String(), "nixdeploy: "+s.String()) > before {
			return
		}
		_ = sleep(c.t.Context(), 10*time.Millisecond)
	}
	c.t.Errorf("%s was not heard", s)
}

// result is how one ended.
type result struct {
	exit   int // 128 + N for a signal
	stdout string
	stderr string
}

func (r result) text() string { return r.stdout + r.stderr }

// says looks for a text wherever the lines were broken.
func (r result) says(text string) bool {
	words := strings.Fields(strings.ReplaceAll(r.text(), "│", " "))
	return strings.Contains(strings.Join(words, " "), text)
}

// environ is all that a child knows: no ssh, no nix, no agent, no terminal.
func (w *world) environ() []string {
	return []string{
		"HOME=" + filepath.Join(w.dir, "home"), "PATH=/nonexistent", "LANG=C.UTF-8", "USER=faults",
		"NIXDEPLOY_STATE_DIR=" + w.state(),
	}
}

func (w *world) state() string { return filepath.Join(w.dir, "state") }

// prepare makes a child that does not run yet.
func (w *world) prepare(args ...string) *child {
	return w.prepared(exec.Command(nixdeploy, args...))
}

func (w *world) prepared(cmd *exec.Cmd) *child {
	c := &child{t: w.t, patience: max(w.patience, patience), cmd: cmd, begun: make(chan struct{}), ended: make(chan struct{})}
	cmd.Dir = filepath.Join(w.dir, "fleet")
	cmd.Env = append(cmd.Env, w.environ()...)
	cmd.Stdout, cmd.Stderr = &c.out, &c.errOut
	return c
}

func (c *child) start() *child {
	c.t.Helper()
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	close(c.begun)
	go func() { // ends with the process
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is read from its state
	}()
	c.t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it is gone already when all went well
		<-c.ended
	})
	return c
}

// kill is kill -9; the child is no more when it returns.
func (c *child) kill() {
	<-c.begun
	_ = c.cmd.Process.Kill() // gone already: the same
	<-c.ended
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	<-c.begun
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) wait() result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	select {
	case <-c.ended:
	case <-ctx.Done():
		c.kill()
		c.t.Fatalf("nixdeploy did not end in %s\n%s%s", c.patience, c.errOut.String(), c.out.String())
	}
	r := result{exit: c.cmd.ProcessState.ExitCode(), stdout: c.out.String(), stderr: c.errOut.String()}
	if ws, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		r.exit = 128 + int(ws.Signal())
	}
	return r
}

// run runs nixdeploy to its end.
func (w *world) run(args ...string) result {
	w.t.Helper()
	return w.prepare(args...).start().wait()
}

func (r result) wants(t *testing.T, exit int, texts ...string) {
	t.Helper()
	if r.exit != exit {
		t.Errorf("exit %d, want %d\n%s", r.exit, exit, r.text())
	}
	for _, text := range texts {
		if !r.says(text) {
			t.Errorf("%q is not said:\n%s", text, r.text())
		}
	}
}

func (r result) wantsNot(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if r.says(text) {
			t.Errorf("%q is said:\n%s", text, r.text())
		}
	}
}

var nixdeploy string

func buildBinary(dir string) error {
	nixdeploy = filepath.Join(dir, "nixdeploy")
	cmd := exec.Command("go", "build", "-o", nixdeploy, "github.com/nixdeploy/nixdeploy/cmd/nixdeploy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return &buildError{err, string(out)}
	}
	return nil
}

type buildError struct {
	err error
	out string
}

func (e *buildError) Error() string { return "go build: " + e.err.Error() + "\n" + e.out }
