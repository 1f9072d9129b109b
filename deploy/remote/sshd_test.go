package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// realSSHD serves a listener with OpenSSH's sshd, one process per connection as
// inetd did, so that no port is guessed and every process is waited for.
func (l *lab) realSSHD(extra string) inventory.Host {
	t := l.t
	t.Helper()
	const sshd = "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("OpenSSH's sshd is not installed")
	}
	me, err := user.Current()
	must(t, err)
	hostKey := writeKey(t, filepath.Join(l.dir, "host_key"))
	keys := filepath.Join(l.dir, "authorized_keys")
	must(t, os.WriteFile(keys, ssh.MarshalAuthorizedKey(l.key.PublicKey()), 0o600))
	config := filepath.Join(l.dir, "sshd_config")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "HostKey %s/host_key\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n%s",
		l.dir, keys, extra), 0o600))
	argv := privilegeSeparation(t, sshd, "-i", "-e", "-f", config)
	if out, err := exec.Command(argv[0], append(argv[1:], "-t")...).CombinedOutput(); err != nil {
		t.Skipf("sshd does not run here: %v: %s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l.knownLine(xknownhosts.Line([]string{xknownhosts.Normalize(listener.Addr().String())}, hostKey.PublicKey()))
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { inetd(ctx, t, c, argv) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		cancel()
		wg.Wait()
	})
	port := listener.Addr().(*net.TCPAddr).Port
	return inventory.Host{Name: "real", Address: "127.0.0.1", Port: port, User: me.Username, Elevate: "none"}
}

func inetd(ctx context.Context, t *testing.T, c net.Conn, argv []string) {
	f, err := c.(*net.TCPConn).File()
	_ = c.Close()
	if err != nil {
		t.Error(err)
		return
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout = f, f
	var log buffered
	cmd.Stderr = &log
	_ = cmd.Run()
	_ = f.Close()
	if t.Failed() {
		t.Logf("sshd: %s", log.String())
	}
}

// privilegeSeparation makes the folder that sshd wants, where the machine lacks
// it, in a mount namespace that ends with the process.
func privilegeSeparation(t *testing.T, argv ...string) []string {
	t.Helper()
	if _, err := os.Stat("/run/sshd"); err == nil || os.Getuid() != 0 {
		return argv
	}
	bin, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed, and /run/sshd is missing")
	}
	script := `mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"`
	return append([]string{bin, "--mount", "sh", "-c", script, "sh"}, argv...)
}

func TestRealSSHD(t *testing.T) {
	l := newLab(t)
	h := l.realSSHD("")
	c := l.dial(l.dialer(l.options()), h)
	payload := strings.Repeat("line\x00 with anything '$(id)\n", 50_000)
	for range 3 { // on one connection
		got := run(t.Context(), c, deploy.Command{
			Name: "cat.sh", Script: `printf '%s\n' "$1"; echo problem >&2; cat; exit 5`, Args: []string{"it's $HOME"}, Stdin: strings.NewReader(payload),
		})
		must(t, got.err)
		if got.exit != 5 || len(got.out) != 50_001 || got.out[0] != "it's $HOME" || strings.Join(got.err2, "") != "problem" {
			t.Fatalf("exit %d, %d lines, %q", got.exit, len(got.out), got.err2)
		}
		if strings.Join(got.out[1:], "\n")+"\n" != payload {
			t.Error("the payload came back changed")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.Run(ctx, deploy.Command{Name: "long.sh", Script: "echo up; sleep 20"}, func(string) { cancel() }, func(string) {})
	failsAs(t, err, deploy.CodeInterrupted)
	if got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "kill -9 $$"}); got.err == nil {
		t.Error("a killed script went well")
	} else {
		mustContain(t, problem(t, got.err, deploy.CodeUnreachable).What, "killed on the host by signal KILL")
	}
	if got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "exit 0"}); got.err != nil {
		t.Errorf("the connection did not survive: %v", got.err)
	}
}

// ForceCommand: the server says yes and runs something else (fault 92).
func TestRealForceCommand(t *testing.T) {
	l := newLab(t)
	h := l.realSSHD("ForceCommand echo COMMITTED\n")
	got := run(t.Context(), l.dial(l.dialer(l.options()), h), deploy.Command{Name: "x.sh", Script: "exit 0"})
	p := problem(t, got.err, deploy.CodeProtocol)
	mustContain(t, strings.Join(p.Details, "\n"), "COMMITTED")
}

// A real jump host, and MaxSessions 1: one session at a time is all we take.
func TestRealJumpAndOneSession(t *testing.T) {
	l := newLab(t)
	hop := l.realSSHD("MaxSessions 1\nAllowAgentForwarding no\nX11Forwarding no\n")
	s := l.server(simOptions())
	h := host(s)
	h.Jump = []string{fmt.Sprintf("%s@127.0.0.1:%d", hop.User, hop.Port)}
	d := l.dialer(l.options())
	c := l.dial(d, h)
	one := l.dial(d, hop)
	for range 5 {
		for _, c := range []*Conn{c, one} {
			if got := run(t.Context(), c, deploy.Command{Name: "x.sh", Script: "echo hi"}); got.err != nil {
				t.Fatal(got.err)
			}
		}
	}
}

func TestRealSSHDWrongKey(t *testing.T) {
	l := newLab(t)
	h := l.realSSHD("")
	_, other := newPrivate(t)
	h.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(other.PublicKey())))
	_, err := l.dialer(l.options()).Dial(t.Context(), h)
	failsAs(t, err, deploy.CodeHostKey)
	h.HostKey, h.User = "", "nobody-of-that-name"
	_, err = l.dialer(l.options()).Dial(t.Context(), h)
	failsAs(t, err, deploy.CodeAuth)
	if errors.Is(err, errNoKeys) {
		t.Error("no key was tried")
	}
}
