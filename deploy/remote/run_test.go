package remote

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

func TestRun(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{})
	c := l.conn(s)
	big := strings.Repeat("z", 3*maxLine)
	tests := map[string]struct {
		cmd  deploy.Command
		want outcome
	}{
		"args":       {deploy.Command{Script: `printf '%s\n' "$@"`, Args: []string{"a b", "$(id)", "'"}}, outcome{out: []string{"a b", "$(id)", "'"}}},
		"payload":    {deploy.Command{Script: "cat", Stdin: strings.NewReader("x\ny\n")}, outcome{out: []string{"x", "y"}}},
		"no payload": {deploy.Command{Script: "cat; exit 3"}, outcome{exit: 3}},
		"both":       {deploy.Command{Script: "echo a; echo b >&2; exit 1"}, outcome{exit: 1, out: []string{"a"}, err2: []string{"b"}}},
		"nul":        {deploy.Command{Script: `printf 'a\000b\n'`}, outcome{out: []string{"a\x00b"}}},
		"long line":  {deploy.Command{Script: "cat", Stdin: strings.NewReader(big + "\nend")}, outcome{out: []string{big[:maxLine], "end"}}},
		"fake begin": {deploy.Command{Script: "echo nd-begin x"}, outcome{out: []string{"nd-begin x"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.cmd.Name = name + ".sh"
			got := run(t.Context(), c, tt.cmd)
			must(t, got.err)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Error(diff[:min(len(diff), 1000)])
			}
		})
	}
	rec := s.Record()
	if rec.Connections != 1 {
		t.Errorf("%d connections, want one for all commands", rec.Connections)
	}
	for _, ch := range rec.Channels {
		if ch != "session" {
			t.Errorf("channel %q was asked for", ch)
		}
	}
	for _, r := range rec.Requests { // no env, no agent, no pty, no X11
		if r != "exec" {
			t.Errorf("request %q was sent", r)
		}
	}
	for _, command := range rec.Commands {
		if command != execPlain {
			t.Errorf("executed %q", command)
		}
	}
}

// Both directions at once, more than any window: no deadlock, nothing lost.
func TestRunStreams(t *testing.T) {
	l := newLab(t)
	c := l.conn(l.server(simfleet.ServerOptions{}))
	const lines = 150_000
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 50_000)
		for i := range lines {
			fmt.Fprintf(b, "%d some text to make it longer\n", i)
		}
		_ = b.Flush()
		_ = w.Close()
	}()
	sum, want, n := sha256.New(), sha256.New(), 0
	exit, err := c.Run(t.Context(), deploy.Command{Name: "cat.sh", Script: "cat", Stdin: r},
		func(line string) { n++; fmt.Fprintln(sum, line) }, func(string) {})
	for i := range lines {
		fmt.Fprintf(want, "%d some text to make it longer\n", i)
	}
	if err != nil || exit != 0 || n != lines || string(sum.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("exit %d, %v, %d of %d lines, equal %v", exit, err, n, lines, string(sum.Sum(nil)) == string(want.Sum(nil)))
	}
}

// A script that does not want its payload ends; its producer is freed.
func TestRunWithUnwantedPayload(t *testing.T) {
	l := newLab(t)
	c := l.conn(l.server(simfleet.ServerOptions{}))
	r, w := io.Pipe()
	freed := make(chan error)
	go func() {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				freed <- err
				return
			}
		}
	}()
	if got := run(t.Context(), c, deploy.Command{Name: "no.sh", Script: "exit 4", Stdin: r}); got.err != nil || got.exit != 4 {
		t.Errorf("exit %d, %v", got.exit, got.err)
	}
	if err := <-freed; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the producer got %v", err)
	}
	blocked, _ := io.Pipe() // nothing will ever come
	if got := run(t.Context(), c, deploy.Command{Name: "no.sh", Script: "exit 5", Stdin: blocked}); got.err != nil || got.exit != 5 {
		t.Errorf("with a silent producer: exit %d, %v", got.exit, got.err)
	}
}

// A payload that breaks off here is not taken for a whole one.
func TestRunWithBrokenPayload(t *testing.T) {
	l := newLab(t)
	c := l.conn(l.server(simfleet.ServerOptions{}))
	broken := errors.New("disk on fire")
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write([]byte("half"))
		_ = w.CloseWithError(broken)
	}()
	got := run(t.Context(), c, deploy.Command{Name: "unpack.sh", Script: "cat", Stdin: r})
	p := problem(t, got.err, deploy.CodeUpload)
	if !errors.Is(p, broken) {
		t.Errorf("the cause is lost: %v", p)
	}
}

func TestElevation(t *testing.T) {
	tests := map[string]struct {
		sudo string // body of the sudo in PATH
		code deploy.Code
		says string
	}{
		"allowed":        {`[ "$1" = -n ] || exit 9; shift; exec "$@"`, "", ""},
		"noisy":          {`echo "sudo: unable to resolve host x" >&2; shift; exec "$@"`, "", ""},
		"wants password": {`echo "sudo: a password is required" >&2; exit 1`, deploy.CodeElevate, "a password is required"},
		"not allowed":    {`echo "deploy is not in the sudoers file." >&2; exit 1`, deploy.CodeElevate, "not in the sudoers file"},
		"wants terminal": {`echo "sudo-rs: interactive authentication is required" >&2; exit 1`, deploy.CodeElevate, "interactive authentication"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			h := host(l.server(simfleet.ServerOptions{Handler: shell(fakeBin(t, "sudo", tt.sudo))}))
			h.Elevate = "sudo"
			c := l.dial(l.dialer(l.options()), h)
			got := run(t.Context(), c, deploy.Command{Name: "id.sh", Script: "echo ran"})
			if tt.code == "" {
				if got.err != nil || strings.Join(got.out, "") != "ran" {
					t.Errorf("%+v", got)
				}
				return
			}
			p := problem(t, got.err, tt.code)
			mustContain(t, strings.Join(p.Details, "\n"), tt.says)
			free := run(t.Context(), c, deploy.Command{Name: "id.sh", Script: "echo ran", Unprivileged: true})
			if free.err != nil || strings.Join(free.out, "") != "ran" {
				t.Errorf("unprivileged: %+v", free)
			}
		})
	}
}

func TestRootNeedsNoSudo(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{})
	h := host(s)
	h.User, h.Elevate = "root", "sudo"
	if got := run(t.Context(), l.dial(l.dialer(l.options()), h), deploy.Command{Name: "x.sh", Script: "echo ran"}); got.err != nil {
		t.Fatal(got.err)
	}
	if command := s.Record().Commands[0]; command != execPlain {
		t.Errorf("executed %q", command)
	}
}

// A login shell that talks, or runs nothing at all.
func TestOddLoginShells(t *testing.T) {
	tests := map[string]struct {
		shell string
		code  deploy.Code
		says  string
	}{
		"banner":            {`echo Welcome; printf 'no newline'; exec /bin/sh "$@"`, "", ""},
		"nologin":           {`echo "This account is currently not available."; exit 1`, deploy.CodeProtocol, "not available"},
		"forced command":    {`cat >/dev/null; echo "COMMITTED"; exit 0`, deploy.CodeProtocol, "COMMITTED"},
		"prints for ever":   {`yes`, deploy.CodeProtocol, "y"},
		"dies by a signal":  {`kill -9 $$`, deploy.CodeUnreachable, ""},
		"guesses the nonce": {`echo "nd-begin 0000000000000000"; exit 0`, deploy.CodeProtocol, "nd-begin"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			path := fakeBin(t, "loginshell", tt.shell)
			bin := filepath.Join(filepath.SplitList(path)[0], "loginshell")
			c := l.conn(l.server(simfleet.ServerOptions{Handler: shell(path, bin, "-c")}))
			got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "echo ran"})
			if tt.code == "" {
				if got.err != nil || strings.Join(got.out, "|") != "ran" {
					t.Errorf("%+v", got)
				}
				return
			}
			mustContain(t, strings.Join(problem(t, got.err, tt.code).Details, "\n"), tt.says)
		})
	}
}

// The connection breaks, or falls silent, at each point of a command.
func TestRunFaults(t *testing.T) {
	tests := map[string]struct {
		fault simfleet.Fault
		code  deploy.Code
		lines int // of output before it
	}{
		"drop at channel":   {simfleet.Fault{Drop: simfleet.StepChannel}, deploy.CodeUnreachable, 0},
		"drop at exec":      {simfleet.Fault{Drop: simfleet.StepExec}, deploy.CodeUnreachable, 0},
		"drop in output":    {simfleet.Fault{Drop: simfleet.StepOutput, Output: 5000}, deploy.CodeUnreachable, -1},
		"drop before exit":  {simfleet.Fault{Drop: simfleet.StepExit}, deploy.CodeUnreachable, -1},
		"cut in upload":     {simfleet.Fault{CutAfterRead: 20_000}, deploy.CodeUnreachable, -1},
		"cut in download":   {simfleet.Fault{CutAfterWritten: 20_000}, deploy.CodeUnreachable, -1},
		"silent at channel": {simfleet.Fault{Hang: simfleet.StepChannel}, deploy.CodeUnreachable, 0},
		"silent at exec":    {simfleet.Fault{Hang: simfleet.StepExec}, deploy.CodeUnreachable, 0},
		"silent in output":  {simfleet.Fault{Hang: simfleet.StepOutput, Output: 5000}, deploy.CodeUnreachable, -1},
		"silent before end": {simfleet.Fault{Hang: simfleet.StepExit}, deploy.CodeUnreachable, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			s := l.server(simfleet.ServerOptions{})
			o := l.options()
			o.SessionTimeout, o.BeginTimeout = 200*time.Millisecond, 200*time.Millisecond
			o.KeepaliveInterval, o.KeepaliveCount = 100*time.Millisecond, 3
			if tt.fault.Hang == "" { // only the fault itself may end it
				o.SessionTimeout, o.BeginTimeout, o.KeepaliveInterval = time.Hour, time.Hour, time.Hour
			}
			c := l.dial(l.dialer(o), host(s))
			must(t, s.SetFault(tt.fault))
			got := run(t.Context(), c, deploy.Command{
				Name: "talk.sh", Script: "cat", Stdin: strings.NewReader(strings.Repeat("line of text\n", 20_000)),
			})
			p := problem(t, got.err, tt.code)
			mustContain(t, p.What, "talk.sh")
			if tt.lines == 0 && len(got.out) != 0 || len(got.out) > 20_000 {
				t.Errorf("%d lines were handed on", len(got.out))
			}
		})
	}
}

// The end of ctx ends Run; the connection lives on when the host plays along.
func TestRunEndsWithContext(t *testing.T) {
	l := newLab(t)
	h := host(l.server(simfleet.ServerOptions{}))
	c := l.dial(l.dialer(l.options()), h)
	ctx, cancel := context.WithCancel(t.Context())
	exit, err := c.Run(ctx, deploy.Command{Name: "long.sh", Script: "echo up; cat; sleep 1000", Stdin: neverReader{ctx}},
		func(string) { cancel() }, func(string) {})
	p := problem(t, err, deploy.CodeInterrupted)
	if exit != -1 || !errors.Is(p, context.Canceled) {
		t.Errorf("exit %d, %v", exit, p)
	}
	if got := run(t.Context(), c, deploy.Command{Name: "next.sh", Script: "echo fine"}); got.err != nil {
		t.Errorf("the connection did not survive: %v", got.err)
	}
	if got := run(ctx, c, deploy.Command{Name: "late.sh", Script: "echo no"}); got.err == nil {
		t.Error("a command was run with a context that had ended")
	}
}

// neverReader has nothing to say until ctx ends.
type neverReader struct{ ctx context.Context } //nolint:containedctx // a test's reader

func (r neverReader) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, io.EOF
}

// A hostile host asks us for channels: refused, and in the end cut off.
func TestServerAskingForChannels(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{})
	c := l.conn(s)
	if got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "true"}); got.err != nil { // the server is ready, too
		t.Fatal(got.err)
	}
	for range maxUnasked {
		if err := s.OpenOnClients("forwarded-tcpip"); err == nil {
			t.Fatal("a channel was accepted")
		}
	}
	if got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "echo fine"}); got.err != nil {
		t.Fatal(got.err)
	}
	_ = s.OpenOnClients("forwarded-tcpip")
	if err := c.ssh.Wait(); err == nil {
		t.Error("the connection goes on")
	}
}

func TestRealNologin(t *testing.T) {
	bin, err := exec.LookPath("/usr/sbin/nologin")
	if err != nil {
		t.Skip("no nologin here")
	}
	l := newLab(t)
	c := l.conn(l.server(simfleet.ServerOptions{Handler: shell("/bin", bin, "-c")}))
	p := problem(t, run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "true"}).err, deploy.CodeProtocol)
	mustContain(t, strings.Join(p.Details, " "), "not available")
}

// A host that does not end a session is left: Run returns, the callbacks fall
// silent, and the connection is good for more.
func TestRunLeavesASession(t *testing.T) {
	l := newLab(t)
	talk := make(chan struct{})
	s := l.server(simfleet.ServerOptions{Handler: simfleet.HandlerFunc(func(ctx context.Context, r simfleet.Request) int {
		p, payload, err := simfleet.ParseProgram(r.Stdin)
		if err != nil {
			return 1
		}
		fmt.Fprintln(r.Stdout, "nd-begin "+p.Nonce)
		if len(p.Args) > 0 {
			fmt.Fprintln(r.Stdout, p.Args[0])
			return 0
		}
		_, _ = io.CopyN(io.Discard, payload, 10)
		fmt.Fprintln(r.Stdout, "up")
		select {
		case <-talk:
		case <-ctx.Done():
		}
		fmt.Fprintln(r.Stdout, "too late")
		return 0
	})})
	c := l.conn(s)
	ctx, cancel := context.WithCancel(t.Context())
	in := strings.NewReader(strings.Repeat("x", 5<<20)) // more than a window: the sender hangs
	lines := 0
	_, err := c.Run(ctx, deploy.Command{Name: "stay.sh", Stdin: in}, func(string) { lines++; cancel() }, func(string) {})
	failsAs(t, err, deploy.CodeInterrupted)
	left := in.Len()
	close(talk)
	if got := run(t.Context(), c, deploy.Command{Name: "next.sh", Args: []string{"fine"}}); got.err != nil || strings.Join(got.out, "") != "fine" {
		t.Errorf("%+v", got)
	}
	must(t, c.Close())
	if lines != 1 || in.Len() != left {
		t.Errorf("after Run: %d lines, payload read from %d to %d", lines, left, in.Len())
	}
}
