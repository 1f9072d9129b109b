package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// errNoKeys is the cause of an authentication that had nothing to offer.
var errNoKeys = errors.New("no key to offer")

// offer is what is offered to one server, in order.
type offer struct {
	signers []ssh.Signer
	names   []string // of the signers: type, fingerprint, where from
	notes   []string // why keys are missing
}

func (o *offer) add(s ssh.Signer, from string) {
	for _, have := range o.signers {
		if bytes.Equal(have.PublicKey().Marshal(), s.PublicKey().Marshal()) {
			return
		}
	}
	o.signers = append(o.signers, s)
	o.names = append(o.names, fmt.Sprintf("%s %s (%s)", s.PublicKey().Type(), ssh.FingerprintSHA256(s.PublicKey()), from))
}

// keyring reads each key file and each agent's list once.
type keyring struct {
	agentTimeout time.Duration

	mu     sync.Mutex
	files  map[string]func() keyFile
	agents map[string]func() agentKeys
}

func newKeyring(agentTimeout time.Duration) *keyring {
	return &keyring{
		agentTimeout: agentTimeout,
		files:        map[string]func() keyFile{},
		agents:       map[string]func() agentKeys{},
	}
}

// offer orders the keys for an endpoint: first the files that hosts.toml names,
// each through the agent when that has it; then, as OpenSSH does, the agent's
// keys that belong to a key file, the agent's other keys (ed25519 first), and
// the key files that the agent does not have. Servers cut after six wrong keys,
// so a named one must not come last.
func (k *keyring) offer(to endpoint, deadline time.Time) offer {
	var o offer
	agent := k.agent(to.agent)
	if agent.err != nil {
		o.notes = append(o.notes, fmt.Sprintf("the agent at %s does not answer: %v", to.agent, agent.err))
	}
	for _, path := range to.named {
		f := k.file(path)
		switch held, ok := agent.holds(f.public); {
		case ok:
			f.offerWith(&o, held.signer(deadline), "agent, "+path)
		case f.signer != nil:
			f.offerWith(&o, f.signer, path)
		default:
			o.notes = append(o.notes, f.note(path, true))
		}
	}
	for _, path := range to.files {
		f := k.file(path)
		if held, ok := agent.holds(f.public); ok {
			f.offerWith(&o, held.signer(deadline), "agent, "+path)
		}
	}
	if !to.identitiesOnly {
		for _, held := range agent.keys {
			o.add(held.signer(deadline), "agent, "+held.comment)
		}
	}
	for _, path := range to.files {
		f := k.file(path)
		if _, inAgent := agent.holds(f.public); inAgent {
			continue
		}
		if f.signer != nil {
			f.offerWith(&o, f.signer, path)
		} else if n := f.note(path, false); n != "" {
			o.notes = append(o.notes, n)
		}
	}
	return o
}

func (k *keyring) file(path string) keyFile {
	k.mu.Lock()
	load, ok := k.files[path]
	if !ok {
		load = sync.OnceValue(func() keyFile { return readKeyFile(path) })
		k.files[path] = load
	}
	k.mu.Unlock()
	return load()
}

func (k *keyring) agent(socket string) agentKeys {
	if socket == "" {
		return agentKeys{}
	}
	k.mu.Lock()
	load, ok := k.agents[socket]
	if !ok {
		load = sync.OnceValue(func() agentKeys { return listAgent(socket, k.agentTimeout) })
		k.agents[socket] = load
	}
	k.mu.Unlock()
	return load()
}

// keyFile is a private key file, or as much of one as can be used.
type keyFile struct {
	signer    ssh.Signer    // nil: encrypted, missing, unreadable
	public    ssh.PublicKey // nil: not known
	cert      *ssh.Certificate
	encrypted bool
	err       error
}

// readKeyFile reads a private key and what lies beside it: NAME.pub, which
// identifies an encrypted key to the agent, and NAME-cert.pub. The file may
// also be a public key alone, whose private half the agent has.
func readKeyFile(path string) keyFile {
	var f keyFile
	data, err := os.ReadFile(path)
	if err != nil {
		f.err = err
		f.public = readPublic(path + ".pub")
		return f
	}
	f.signer, err = ssh.ParsePrivateKey(data)
	missing, encrypted := errors.AsType[*ssh.PassphraseMissingError](err)
	switch {
	case err == nil:
		f.public = f.signer.PublicKey()
		f.signer = withoutSHA1(f.signer)
	case encrypted:
		f.encrypted = true
		f.public = missing.PublicKey
		if f.public == nil {
			f.public = readPublic(path + ".pub")
		}
	default:
		f.err = err
		if f.public, _, _, _, err = ssh.ParseAuthorizedKey(data); err == nil {
			f.err = errors.New("a public key whose private half is not in the agent")
		}
	}
	f.cert, _ = readPublic(strings.TrimSuffix(path, ".pub") + "-cert.pub").(*ssh.Certificate)
	return f
}

func readPublic(path string) ssh.PublicKey {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return key
}

// offerWith adds the certificate, when there is one, before the plain key.
func (f keyFile) offerWith(o *offer, s ssh.Signer, from string) {
	if f.cert != nil {
		if certified, err := ssh.NewCertSigner(f.cert, s); err == nil {
			o.add(certified, from+", certificate")
		}
	}
	o.add(s, from)
}

// note says why a file gives no key. A default file that is not there is not
// worth a word.
func (f keyFile) note(path string, named bool) string {
	switch {
	case f.encrypted:
		return fmt.Sprintf("%s is encrypted and not in the agent: ssh-add %s", path, path)
	case errors.Is(f.err, fs.ErrNotExist) && !named:
		return ""
	case f.err != nil:
		return fmt.Sprintf("%s cannot be used: %v", path, f.err)
	}
	return path + " holds no key"
}

// withoutSHA1 limits an RSA key to its SHA-2 signatures.
func withoutSHA1(s ssh.Signer) ssh.Signer {
	as, ok := s.(ssh.AlgorithmSigner)
	if !ok || s.PublicKey().Type() != ssh.KeyAlgoRSA {
		return s
	}
	if limited, err := ssh.NewSignerWithAlgorithms(as, rsaAlgorithms()); err == nil {
		return limited
	}
	return s
}

func rsaAlgorithms() []string { return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256} }

// expandAll makes paths absolute that begin with ~/.
func (d *Dialer) expandAll(paths []string) []string {
	list := slices.Clone(paths)
	for i, p := range list {
		list[i] = d.expand(p)
	}
	return list
}

func (d *Dialer) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && d.home != "" {
		return filepath.Join(d.home, rest)
	}
	return path
}
