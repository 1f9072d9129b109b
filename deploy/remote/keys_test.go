package remote

import (
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// fakeAgent serves a keyring on a socket.
func fakeAgent(t *testing.T, ring agent.Agent) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nd") // t.TempDir may be too long for a socket
	must(t, err)
	socket := filepath.Join(dir, "agent")
	l, err := net.Listen("unix", socket)
	must(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_ = agent.ServeAgent(ring, c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
		_ = os.RemoveAll(dir)
	})
	return socket
}

// TestOfferOrder: named files, then agent keys that belong to a file, the rest
// of the agent (ed25519 first), then files that the agent does not have.
func TestOfferOrder(t *testing.T) {
	dir := t.TempDir()
	named := writeKey(t, filepath.Join(dir, "named"))
	plain := writeKey(t, filepath.Join(dir, "plain"))
	unlocked, locked := writeLockedKey(t, filepath.Join(dir, "locked"))
	ring := agent.NewKeyring()
	rsaPrivate, err := rsaKey()
	must(t, err)
	must(t, ring.Add(agent.AddedKey{PrivateKey: rsaPrivate, Comment: "rsa"}))
	other, otherSigner := newPrivate(t)
	must(t, ring.Add(agent.AddedKey{PrivateKey: other, Comment: "other"}))
	must(t, ring.Add(agent.AddedKey{PrivateKey: unlocked, Comment: "locked"}))
	rsaSigner, err := ssh.NewSignerFromKey(rsaPrivate)
	must(t, err)

	to := endpoint{
		agent: fakeAgent(t, ring),
		named: []string{filepath.Join(dir, "named")},
		files: []string{filepath.Join(dir, "plain"), filepath.Join(dir, "locked"), filepath.Join(dir, "missing")},
	}
	prints := func(signers ...ssh.Signer) (list []string) {
		for _, s := range signers {
			list = append(list, ssh.FingerprintSHA256(s.PublicKey()))
		}
		return list
	}
	k := newKeyring(time.Minute)
	o := k.offer(to, time.Now().Add(time.Minute))
	if diff := cmp.Diff(prints(named, locked, otherSigner, rsaSigner, plain), prints(o.signers...)); diff != "" {
		t.Error(diff)
	}
	to.identitiesOnly = true
	o = k.offer(to, time.Now().Add(time.Minute))
	if diff := cmp.Diff(prints(named, locked, plain), prints(o.signers...)); diff != "" {
		t.Error("IdentitiesOnly", diff)
	}
	if len(o.notes) > 0 {
		t.Errorf("a default file that is not there was noted: %q", o.notes)
	}
}

func TestAgentLogsIn(t *testing.T) {
	rsaPrivate, err := rsaKey()
	must(t, err)
	edPrivate, _ := newPrivate(t)
	for name, private := range map[string]any{"ed25519": &edPrivate, "rsa": rsaPrivate} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			ring := agent.NewKeyring()
			must(t, ring.Add(agent.AddedKey{PrivateKey: private, Comment: name}))
			keys, err := ring.Signers()
			must(t, err)
			o := l.options()
			o.AgentSocket, o.IdentityFiles = fakeAgent(t, ring), []string{}
			s := l.server(simfleet.ServerOptions{AuthorizedKeys: []ssh.PublicKey{keys[0].PublicKey()}})
			l.dial(l.dialer(o), host(s))
			if channels := s.Record().Channels; len(channels) > 0 {
				t.Errorf("channels were opened: %v", channels) // no agent forwarding
			}
		})
	}
}

func TestCertificateLogsIn(t *testing.T) {
	l := newLab(t)
	r := newRing(t)
	cert := &ssh.Certificate{Key: l.key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"deploy"}, ValidBefore: ssh.CertTimeInfinity}
	must(t, cert.SignCert(rand.Reader, r.ca))
	must(t, os.WriteFile(filepath.Join(l.dir, "id_ed25519-cert.pub"), ssh.MarshalAuthorizedKey(cert), 0o600))
	s := l.server(simfleet.ServerOptions{Authorize: func(_ string, key ssh.PublicKey) bool {
		c, ok := key.(*ssh.Certificate)
		return ok && ssh.FingerprintSHA256(c.SignatureKey) == ssh.FingerprintSHA256(r.ca.PublicKey())
	}})
	l.conn(s)
}

// Each reason why nobody was let in is told, with what to do.
func TestAuthProblems(t *testing.T) {
	tests := map[string]struct {
		prepare func(l *lab, o *Options)
		says    []string
	}{
		"wrong key": {func(*lab, *Options) {}, []string{"tried ssh-ed25519 SHA256:", "id_ed25519"}},
		"encrypted": {func(l *lab, _ *Options) { writeLockedKey(l.t, filepath.Join(l.dir, "id_ed25519")) },
			[]string{"is encrypted and not in the agent", "ssh-add " + "/"}},
		"no key": {func(l *lab, _ *Options) { must(l.t, os.Remove(filepath.Join(l.dir, "id_ed25519"))) }, []string{}},
		"garbage": {func(l *lab, _ *Options) {
			must(l.t, os.WriteFile(filepath.Join(l.dir, "id_ed25519"), []byte("garbage"), 0o600))
		},
			[]string{"cannot be used"}},
		"public key alone": {func(l *lab, o *Options) { o.IdentityFiles[0] += ".pub" }, []string{"private half is not in the agent"}},
		"dead agent":       {func(l *lab, o *Options) { o.AgentSocket = filepath.Join(l.dir, "nothing") }, []string{"agent at", "does not answer"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			_, other := newPrivate(t)
			s := l.server(simfleet.ServerOptions{AuthorizedKeys: []ssh.PublicKey{other.PublicKey()}})
			o := l.options()
			tt.prepare(l, &o)
			_, err := l.dialer(o).Dial(t.Context(), host(s))
			p := problem(t, err, deploy.CodeAuth)
			for _, want := range tt.says {
				mustContain(t, strings.Join(p.Details, "\n"), want)
			}
			if p.Next == "" {
				t.Error("nothing to do next")
			}
		})
	}
}

// An agent that refuses to sign is an authentication problem, not a lost line.
func TestAgentThatWillNotSign(t *testing.T) {
	l := newLab(t)
	private, signer := newPrivate(t)
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: private, Comment: "shy"}))
	o := l.options()
	o.AgentSocket, o.IdentityFiles = fakeAgent(t, refusingAgent{ring}), []string{}
	s := l.server(simfleet.ServerOptions{AuthorizedKeys: []ssh.PublicKey{signer.PublicKey()}})
	_, err := l.dialer(o).Dial(t.Context(), host(s))
	mustContain(t, problem(t, err, deploy.CodeAuth).Error(), "the agent does not sign with shy")
}

type refusingAgent struct{ agent.Agent }

func (refusingAgent) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	return nil, errors.New("no")
}
