package remote

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is one client's world: a home with a key and known hosts.
type lab struct {
	t     *testing.T // nil in a benchmark
	dir   string
	key   ssh.Signer
	known string // file
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{t: t, dir: dir, known: filepath.Join(dir, "known_hosts")}
	l.key = writeKey(t, filepath.Join(dir, "id_ed25519"))
	return l
}

// writeKey makes a private key file with its .pub.
func writeKey(t testing.TB, path string) ssh.Signer {
	t.Helper()
	private, s := newPrivate(t)
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	must(t, os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(s.PublicKey()), 0o600))
	return s
}

// writeLockedKey makes a file that looks like an encrypted private key. What is
// encrypted is never looked at, and real encryption takes seconds by design.
func writeLockedKey(t *testing.T, path string) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	private, s := newPrivate(t)
	body := append([]byte("openssh-key-v1\x00"), ssh.Marshal(struct {
		Cipher, KDF, KDFOptions string
		Keys                    uint32
		Public, Private         []byte
	}{"aes256-ctr", "bcrypt", string(ssh.Marshal(struct {
		Salt   string
		Rounds uint32
	}{"0123456789abcdef", 16})), 1, s.PublicKey().Marshal(), make([]byte, 160)})...)
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: body}), 0o600))
	return private, s
}

func newPrivate(t testing.TB) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	s, err := ssh.NewSignerFromKey(private)
	must(t, err)
	return private, s
}

// options has short deadlines for what a test means to run into; the rest are
// long enough for a busy machine.
func (l *lab) options() Options {
	return Options{
		KnownHostsFiles: []string{l.known},
		AgentSocket:     "none",
		IdentityFiles:   []string{filepath.Join(l.dir, "id_ed25519")},
	}
}

func (l *lab) dialer(o Options) *Dialer {
	l.t.Helper()
	d, err := NewDialer(o)
	must(l.t, err)
	d.backoff = func() time.Duration { return 0 }
	l.t.Cleanup(func() { _ = d.Close() })
	return d
}

// server starts a host that knows the lab's key, and that the lab trusts.
func (l *lab) server(o simfleet.ServerOptions) *simfleet.Server {
	l.t.Helper()
	s := l.stranger(o)
	l.trust(s)
	return s
}

// stranger starts a host whose key the lab does not know.
func (l *lab) stranger(o simfleet.ServerOptions) *simfleet.Server {
	l.t.Helper()
	if o.AuthorizedKeys == nil {
		o.AuthorizedKeys = []ssh.PublicKey{l.key.PublicKey()}
	}
	if o.Handler == nil {
		o.Handler = shell(os.Getenv("PATH"))
	}
	s, err := simfleet.NewServer(o)
	must(l.t, err)
	l.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (l *lab) trust(s *simfleet.Server) {
	l.t.Helper()
	l.knownLine(xknownhosts.Line([]string{xknownhosts.Normalize(s.Addr())}, s.HostKey()))
}

func (l *lab) knownLine(line string) {
	l.t.Helper()
	f, err := os.OpenFile(l.known, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(l.t, err)
	_, err = fmt.Fprintln(f, line)
	must(l.t, errors.Join(err, f.Close()))
}

// host is the inventory's entry of a server.
func host(s *simfleet.Server) inventory.Host {
	address, port, _ := net.SplitHostPort(s.Addr())
	n, _ := strconv.Atoi(port)
	return inventory.Host{Name: "web-1", Address: address, Port: n, User: "deploy", Elevate: "none"}
}

// dial opens a connection that must succeed.
func (l *lab) dial(d *Dialer, h inventory.Host) *Conn {
	l.t.Helper()
	c, err := d.Dial(l.t.Context(), h)
	must(l.t, err)
	conn, ok := c.(*Conn)
	if !ok {
		l.t.Fatalf("Dial gave a %T", c)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// conn opens a connection to s, which the lab trusts by now.
func (l *lab) conn(s *simfleet.Server) *Conn {
	l.t.Helper()
	return l.dial(l.dialer(l.options()), host(s))
}

// outcome is all that a Run gives.
type outcome struct {
	exit      int
	err       error
	out, err2 []string
}

func run(ctx context.Context, c deploy.Conn, cmd deploy.Command) outcome {
	var o outcome
	o.exit, o.err = c.Run(ctx, cmd,
		func(line string) { o.out = append(o.out, line) },
		func(line string) { o.err2 = append(o.err2, line) })
	return o
}

// shell runs each command in a real login shell.
func shell(path string, argv ...string) simfleet.Handler {
	if len(argv) == 0 {
		argv = []string{"/bin/sh", "-c"}
	}
	return simfleet.HandlerFunc(func(ctx context.Context, r simfleet.Request) int {
		cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], r.Command)...)
		cmd.Env = []string{"PATH=" + path, "HOME=/", "USER=" + r.User}
		cmd.WaitDelay = 100 * time.Millisecond
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return 255
		}
		cmd.Stdout, cmd.Stderr = r.Stdout, r.Stderr
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(r.Stderr, err)
			return 126
		}
		go func() { // ends with the channel, which the server closes after Exec
			_, _ = io.Copy(stdin, r.Stdin)
			_ = stdin.Close()
		}()
		err = cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		if err != nil {
			return 255
		}
		return 0
	})
}

// fakeBin is a PATH whose first folder holds one program.
func fakeBin(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	return dir + ":" + os.Getenv("PATH")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func problem(t *testing.T, err error, want deploy.Code) *deploy.Problem {
	t.Helper()
	p, ok := errors.AsType[*deploy.Problem](err)
	if !ok {
		t.Fatalf("error %v (%T) is not a Problem", err, err)
	}
	if p.Code != want {
		t.Fatalf("code %s, want %s: %v %q", p.Code, want, p, p.Details)
	}
	return p
}

// failsAs is problem where nothing more is asked of it.
func failsAs(t *testing.T, err error, want deploy.Code) {
	t.Helper()
	_ = problem(t, err, want)
}

func mustContain(t *testing.T, what, want string) {
	t.Helper()
	if !strings.Contains(what, want) {
		t.Errorf("%q does not contain %q", what, want)
	}
}

// buffered is a writer that may be read while it is written.
type buffered struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffered) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type hostEntry = inventory.Host

func simOptions() simfleet.ServerOptions { return simfleet.ServerOptions{} }

// begin answers every program with its begin line.
func begin() simfleet.Handler {
	return simfleet.HandlerFunc(func(_ context.Context, r simfleet.Request) int {
		p, _, err := simfleet.ParseProgram(r.Stdin)
		if err != nil {
			return 1
		}
		fmt.Fprintln(r.Stdout, beginMark+p.Nonce)
		return 0
	})
}
