package simfleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

// noLeaks checks that the test leaves no goroutine behind.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func key(t testing.TB) ssh.Signer {
	t.Helper()
	k, err := NewHostKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func start(t testing.TB, o ServerOptions) *Server {
	t.Helper()
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// connect logs in as a plain x/crypto client.
func connect(t testing.TB, s *Server, user string, k ssh.Signer) (*ssh.Client, error) {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = nc.Close() })
	c, channels, requests, err := ssh.NewClientConn(nc, s.Addr(), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(k)}, HostKeyCallback: ssh.FixedHostKey(s.HostKey()),
	})
	if err != nil {
		return nil, err
	}
	client := ssh.NewClient(c, channels, requests)
	t.Cleanup(func() {
		_ = client.Close()
		_ = client.Wait()
	})
	return client, nil
}

// answer prints what it was asked, and exits with the number in it.
var answer = HandlerFunc(func(_ context.Context, r Request) int {
	in, _ := io.ReadAll(r.Stdin)
	fmt.Fprintf(r.Stdout, "%s asks %s with %s", r.User, r.Command, in)
	fmt.Fprint(r.Stderr, "words")
	var exit int
	_, _ = fmt.Sscanf(r.Command, "exit %d", &exit)
	return exit
})

func TestServerRunsCommands(t *testing.T) {
	noLeaks(t)
	k := key(t)
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}, Handler: answer, Banner: "Hello\n"})
	c, err := connect(t, s, "deploy", k)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"exit 0", "exit 7", "exit 255"} {
		sess, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		sess.Stdin, sess.Stdout, sess.Stderr = strings.NewReader("data"), &out, &errs
		err = sess.Run(command)
		code := 0
		if exit, ok := errors.AsType[*ssh.ExitError](err); ok {
			code = exit.ExitStatus()
		} else if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("exit %d", code); got != command || errs.String() != "words" || out.String() != "deploy asks "+command+" with data" {
			t.Errorf("%s: exit %d, %q, %q", command, code, out.String(), errs.String())
		}
	}
	sess, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*ssh.ExitError](sess.Run("exit -1"))
	if !ok || exit.Signal() != "KILL" {
		t.Errorf("a negative exit ended as %v", exit)
	}
}

// A host refuses all but sessions with one command, and notes what was tried.
func TestServerRefusesTheRest(t *testing.T) {
	noLeaks(t)
	k := key(t)
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}, Handler: answer})
	c, err := connect(t, s, "deploy", k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Dial("tcp", s.Addr()); err == nil {
		t.Error("a port was forwarded")
	}
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port is listened on")
	}
	sess, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"env": sess.Setenv("A", "b"), "pty": sess.RequestPty("x", 1, 1, nil), "shell": sess.Shell()} {
		if err == nil {
			t.Errorf("%s was granted", what)
		}
	}
	if ok, _ := sess.SendRequest("auth-agent-req@openssh.com", true, nil); ok {
		t.Error("the agent was forwarded")
	}
	r := s.Record()
	if diff := cmp.Diff([]string{"direct-tcpip", "session"}, r.Channels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"tcpip-forward"}, r.Globals); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(strings.Join(r.Requests, " "), "shell") || len(r.Commands) != 0 {
		t.Errorf("requests %v, commands %v", r.Requests, r.Commands)
	}
}

func TestServerAuthorizes(t *testing.T) {
	noLeaks(t)
	k, other := key(t), key(t)
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}, Users: []string{"deploy"}})
	for _, tt := range []struct {
		user string
		key  ssh.Signer
		ok   bool
	}{{"deploy", k, true}, {"root", k, false}, {"deploy", other, false}} {
		if _, err := connect(t, s, tt.user, tt.key); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.user, err)
		}
	}
	want := []AuthTry{
		{"deploy", "none", "", false}, {"deploy", "publickey", ssh.FingerprintSHA256(k.PublicKey()), true},
		{"root", "none", "", false}, {"root", "publickey", ssh.FingerprintSHA256(k.PublicKey()), false},
		{"deploy", "none", "", false}, {"deploy", "publickey", ssh.FingerprintSHA256(other.PublicKey()), false},
	}
	if diff := cmp.Diff(want, s.Record().Auth); diff != "" {
		t.Error(diff)
	}
}

func TestServerSwapsItsKey(t *testing.T) {
	noLeaks(t)
	k := key(t)
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}})
	old := s.HostKey()
	s.SetHostKeys(key(t))
	if bytes.Equal(old.Marshal(), s.HostKey().Marshal()) {
		t.Error("the key is the old one")
	}
	if _, err := connect(t, s, "deploy", k); err != nil {
		t.Error(err)
	}
}

func TestDerivedKeysAreStable(t *testing.T) {
	a, err := DeriveHostKey("web-1")
	if err != nil {
		t.Fatal(err)
	}
	b, err := DeriveHostKey("web-1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := DeriveHostKey("web-2")
	if err != nil {
		t.Fatal(err)
	}
	if ssh.FingerprintSHA256(a.PublicKey()) != ssh.FingerprintSHA256(b.PublicKey()) || ssh.FingerprintSHA256(a.PublicKey()) == ssh.FingerprintSHA256(c.PublicKey()) {
		t.Error("keys do not follow their seeds")
	}
}

func TestServerRefusesAndComesBack(t *testing.T) {
	noLeaks(t)
	k := key(t)
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}})
	addr := s.Addr()
	if err := s.SetFault(Fault{Refuse: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("not refused: %v", err)
	}
	if err := s.SetFault(Fault{}); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("came back at %s, was %s", s.Addr(), addr)
	}
	if _, err := connect(t, s, "deploy", k); err != nil {
		t.Error(err)
	}
}

// What a client sees of each step at which a connection is dropped.
func TestServerDrops(t *testing.T) {
	noLeaks(t)
	k := key(t)
	var ran sync.Map
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}, Handler: HandlerFunc(func(_ context.Context, r Request) int {
		ran.Store(r.Command, true)
		_, _ = io.WriteString(r.Stdout, "0123456789")
		return 0
	})})
	tests := map[Step]struct{ connects, runs, prints bool }{
		StepBanner: {}, StepKex: {}, StepAuth: {},
		StepChannel: {connects: true},
		StepExec:    {connects: true},
		StepOutput:  {connects: true, runs: true},
		StepExit:    {connects: true, runs: true, prints: true},
		StepNone:    {connects: true, runs: true, prints: true},
	}
	for step, want := range tests {
		t.Run("at "+string(step), func(t *testing.T) {
			if err := s.SetFault(Fault{Drop: step, Output: 4}); err != nil {
				t.Fatal(err)
			}
			c, err := connect(t, s, "deploy", k)
			if (err == nil) != want.connects {
				t.Fatalf("connected: %v", err)
			}
			if err != nil {
				return
			}
			var out []byte
			sess, err := c.NewSession()
			if err == nil {
				out, err = sess.Output(string(step))
			}
			if (err == nil) != (step == StepNone) {
				t.Errorf("run: %v", err)
			}
			if _, did := ran.Load(string(step)); did != want.runs {
				t.Errorf("the command ran: %v", did)
			}
			if step == StepNone && string(out) != "0123456789" {
				t.Errorf("printed %q", out)
			}
			if step == StepOutput && len(out) > 4 {
				t.Errorf("printed %q beyond the fault", out)
			}
		})
	}
}

// A silent server swallows everything until the client gives up.
func TestServerHangs(t *testing.T) {
	noLeaks(t)
	k := key(t)
	for _, step := range []Step{StepBanner, StepKex, StepAuth} {
		s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}})
		if err := s.SetFault(Fault{Hang: step}); err != nil {
			t.Fatal(err)
		}
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, _, _, err = ssh.NewClientConn(nc, s.Addr(), &ssh.ClientConfig{
			User: "deploy", Auth: []ssh.AuthMethod{ssh.PublicKeys(k)}, HostKeyCallback: ssh.FixedHostKey(s.HostKey()),
		})
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// The server's version line is 18 bytes long.
func TestServerCuts(t *testing.T) {
	noLeaks(t)
	s := start(t, ServerOptions{})
	for _, n := range []int64{1, 7, 17} {
		if err := s.SetFault(Fault{CutAfterWritten: n}); err != nil {
			t.Fatal(err)
		}
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(nc)
		if int64(len(got)) != n {
			t.Errorf("%d bytes came through, want %d", len(got), n)
		}
		_ = nc.Close()
	}
}

func TestServerWantsLoopback(t *testing.T) {
	noLeaks(t)
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:0", "example.org:22", "nonsense"} {
		if s, err := NewServer(ServerOptions{Addr: addr}); err == nil {
			_ = s.Close()
			t.Errorf("listens on %s", addr)
		}
	}
}

// The connections of a closed server end, and so do its commands.
func TestServerCloseEndsCommands(t *testing.T) {
	noLeaks(t)
	k := key(t)
	started := make(chan struct{})
	s := start(t, ServerOptions{AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}, Handler: HandlerFunc(func(ctx context.Context, _ Request) int {
		close(started)
		<-ctx.Done()
		return 0
	})})
	c, err := connect(t, s, "deploy", k)
	if err != nil {
		t.Fatal(err)
	}
	sess, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := sess.Start("wait"); err != nil {
		t.Fatal(err)
	}
	<-started
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := sess.Wait(); err == nil {
		t.Error("the command ended well")
	}
}

// Thousands of hosts on one socket, told apart by address; each shows its own
// key, and a stranger's address is nobody's.
func TestBoard(t *testing.T) {
	noLeaks(t)
	b, err := NewBoard()
	if err != nil {
		t.Skipf("no board here: %v", err)
	}
	defer func() { _ = b.Close() }()
	k := key(t)
	host, err := DeriveHostKey("shared")
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	servers := make([]*Server, n)
	for i := range servers {
		servers[i] = start(t, ServerOptions{Board: b, HostKeys: []ssh.Signer{host}, AuthorizedKeys: []ssh.PublicKey{k.PublicKey()}, Handler: answer})
	}
	own := key(t)
	servers[n-1].SetHostKeys(own)
	for _, i := range []int{0, 255, 256, 65, n - 1} {
		c, err := connect(t, servers[i], "deploy", k) // checks the key
		if err != nil {
			t.Fatal(err)
		}
		sess, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := sess.Output("exit 0"); err != nil || len(out) == 0 {
			t.Errorf("host %d: %q, %v", i, out, err)
		}
		if r := servers[i].Record(); r.Connections != 1 {
			t.Errorf("host %d: %d connections", i, r.Connections)
		}
	}
	if err := servers[7].SetFault(Fault{Refuse: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, servers[7], "deploy", k); err == nil {
		t.Error("a refusing host was reached")
	}
	_ = servers[8].Close()
	if _, err := connect(t, servers[8], "deploy", k); err == nil {
		t.Error("a closed host was reached")
	}
	if _, port, _ := net.SplitHostPort(servers[0].Addr()); port != "" {
		if nc, err := net.Dial("tcp", "127.99.0.1:"+port); err == nil {
			if got, _ := io.ReadAll(nc); len(got) > 0 {
				t.Errorf("nobody's address answered %q", got)
			}
			_ = nc.Close()
		}
	}
}
