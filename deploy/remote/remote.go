// Package remote reaches hosts over SSH (golang.org/x/crypto/ssh): it dials,
// directly or through jump hosts, verifies host keys strictly, authenticates
// with keys, and runs scripts. Dialer implements deploy.Dialer, Conn implements
// deploy.Conn.
//
// It knows nothing of NixOS, of what a script does or of a rollout. It never
// asks a person anything, never trusts an unknown host key, never forwards the
// agent, and never formats data into shell code: the command string is constant
// and everything else travels on standard input (wire.go).
//
// Every wait has a deadline: connecting, the handshake, opening a session, the
// first sign of a script, and silence on an open connection.
package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The zero value of each Options field means these.
const (
	defaultConnectTimeout    = 10 * time.Second
	defaultHandshakeTimeout  = 20 * time.Second
	defaultSessionTimeout    = 15 * time.Second
	defaultBeginTimeout      = 30 * time.Second
	defaultKeepaliveInterval = 15 * time.Second
	defaultKeepaliveCount    = 3
)

// Options say how hosts are reached. The zero value is what a user expects who
// has OpenSSH's files in place, except that ~/.ssh/config is not read.
type Options struct {
	// KnownHostsFiles replaces ~/.ssh/known_hosts and
	// /etc/ssh/ssh_known_hosts. A file that does not exist is empty. When set,
	// UserKnownHostsFile of ssh_config does not count.
	KnownHostsFiles []string
	// AgentSocket is the agent's socket, $SSH_AUTH_SOCK by default; "none" for
	// no agent.
	AgentSocket string
	// IdentityFiles are offered when neither the inventory nor ssh_config
	// names any: ~/.ssh/id_ed25519, id_ecdsa, id_rsa by default.
	IdentityFiles []string

	// ConnectTimeout bounds opening TCP, a retry included (10s).
	ConnectTimeout time.Duration
	// HandshakeTimeout bounds key exchange and authentication (20s).
	HandshakeTimeout time.Duration
	// SessionTimeout bounds opening a session for a command (15s).
	SessionTimeout time.Duration
	// BeginTimeout bounds the time from sending a script to its first sign of
	// life: login shell, sudo and PAM lie between (30s).
	BeginTimeout time.Duration
	// A connection on which nothing was heard for KeepaliveInterval is asked
	// for a sign of life; after KeepaliveInterval times KeepaliveCount of
	// silence it is dead (15s, 3).
	KeepaliveInterval time.Duration
	KeepaliveCount    int

	// SSHConfig makes ~/.ssh/config and /etc/ssh/ssh_config count, as far as
	// sshconfig.go says, when OpenSSH's ssh is installed.
	SSHConfig bool
	// SSHConfigFile replaces both files, as ssh -F does.
	SSHConfigFile string
}

// Dialer opens connections. It is safe for concurrent use. Known hosts, key
// files and the agent's list of keys are read once per Dialer, not per dial.
type Dialer struct {
	opts   Options
	home   string
	keys   *keyring
	config *sshConfig // nil when it does not count
	known  knownCache
	// ownKnownHosts: Options name the known_hosts files.
	ownKnownHosts bool
	jumps         jumps

	// ctx ends with Close; wg counts what works for no caller in particular.
	ctx    context.Context //nolint:containedctx // the Dialer's own, for what serves many callers
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	closed bool

	dialTCP func(ctx context.Context, addr string) (net.Conn, error)
	backoff func() time.Duration
}

var _ deploy.Dialer = (*Dialer)(nil)

// NewDialer prepares to dial. It reads known_hosts; an error means that a file
// is there and cannot be used, and no host would be safe to dial.
func NewDialer(o Options) (*Dialer, error) {
	home, _ := os.UserHomeDir() // without one, only absolute paths are used
	d := &Dialer{opts: withDefaults(o, home), home: home, ownKnownHosts: o.KnownHostsFiles != nil}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.keys = newKeyring(d.opts.ConnectTimeout)
	d.jumps.hops = map[string]*hop{}
	d.dialTCP = func(ctx context.Context, addr string) (net.Conn, error) {
		var nd net.Dialer
		return nd.DialContext(ctx, "tcp", addr)
	}
	// Between 200 and 600 ms: long enough for a restarting sshd or a full
	// MaxStartups, spread so that a fleet does not come back in step.
	d.backoff = func() time.Duration {
		return 200*time.Millisecond + rand.N(400*time.Millisecond) //nolint:gosec // not a secret
	}
	if o.SSHConfig {
		if ssh, err := exec.LookPath("ssh"); err == nil {
			d.config = newSSHConfig(ssh, o.SSHConfigFile, home)
		}
	}
	if _, err := d.known.get(d.opts.KnownHostsFiles); err != nil {
		d.cancel()
		return nil, err
	}
	return d, nil
}

// Close closes the connections to jump hosts, and with them what runs through
// them, and waits for everything that the Dialer started. It does not close
// direct connections: those belong to who dialed them.
func (d *Dialer) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.wg.Wait()
	return nil
}

// errDialerClosed is what a Dialer answers after Close.
var errDialerClosed = errors.New("the dialer is closed")

// spawn runs f in a goroutine that Close waits for; false after Close.
func (d *Dialer) spawn(f func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.wg.Go(f)
	return true
}

func withDefaults(o Options, home string) Options {
	if o.KnownHostsFiles == nil {
		o.KnownHostsFiles = defaultKnownHosts(home)
	}
	switch o.AgentSocket {
	case "":
		o.AgentSocket = os.Getenv("SSH_AUTH_SOCK")
	case "none":
		o.AgentSocket = ""
	}
	if o.IdentityFiles == nil && home != "" {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			o.IdentityFiles = append(o.IdentityFiles, filepath.Join(home, ".ssh", name))
		}
	}
	orElse(&o.ConnectTimeout, defaultConnectTimeout)
	orElse(&o.HandshakeTimeout, defaultHandshakeTimeout)
	orElse(&o.SessionTimeout, defaultSessionTimeout)
	orElse(&o.BeginTimeout, defaultBeginTimeout)
	orElse(&o.KeepaliveInterval, defaultKeepaliveInterval)
	orElse(&o.KeepaliveCount, defaultKeepaliveCount)
	return o
}

func orElse[T int | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

func defaultKnownHosts(home string) []string {
	var files []string
	if home != "" {
		files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
	}
	return append(files, "/etc/ssh/ssh_known_hosts")
}

// asProblem gives err as a Problem of the host called name: connecting fails in
// no other form.
func asProblem(err error, name string) *deploy.Problem {
	p, ok := errors.AsType[*deploy.Problem](err)
	if !ok {
		p = unreachable(err, "cannot connect")
	}
	c := *p
	c.Host, c.Step = name, deploy.StepConnect
	if c.Code == deploy.CodeUnreachable && c.Next == "" {
		c.Next = "see that it is up; then look at its address and port, its jump host, and the firewalls between; then run the same command again"
	}
	return &c
}

// unreachable is the Problem of a connection that could not be made.
func unreachable(cause error, format string, args ...any) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeUnreachable,
		Step: deploy.StepConnect,
		What: fmt.Sprintf(format, args...),
		Err:  cause,
	}
}
