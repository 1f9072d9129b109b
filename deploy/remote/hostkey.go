package remote

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// hostKeyRules say which host key an endpoint may show.
type hostKeyRules struct {
	// algorithms to ask for: those of the known keys first, so that a host with
	// several keys shows the known one; the others after them, so that a host
	// that has none of these is told apart by its key, not by a failed exchange.
	algorithms []string
	verify     func(remote net.Addr, key ssh.PublicKey) *deploy.Problem
}

// rules prepares the check of one endpoint.
func (k *knownHosts) rules(to endpoint) (hostKeyRules, error) {
	if to.pinned != "" {
		return k.pinnedRules(to)
	}
	name, known := k.lookup(to)
	return hostKeyRules{
		algorithms: algorithms(known),
		verify: func(remote net.Addr, key ssh.PublicKey) *deploy.Problem {
			if p := k.revoked(to, remote, key); p != nil || isKnown(known, key) {
				return p
			}
			return k.judge(to, name, remote, key)
		},
	}, nil
}

// pinnedRules are those of keys in hosts.toml. A revocation in known_hosts
// counts all the same.
func (k *knownHosts) pinnedRules(to endpoint) (hostKeyRules, error) {
	var pins []knownhosts.PublicKey
	for rest := []byte(to.pinned); len(strings.TrimSpace(string(rest))) > 0; {
		key, _, _, more, err := ssh.ParseAuthorizedKey(rest)
		if err != nil {
			return hostKeyRules{}, &deploy.Problem{Code: deploy.CodeHostKey, What: "host_key cannot be read", Err: err}
		}
		pins = append(pins, knownhosts.PublicKey{PublicKey: key})
		rest = more
	}
	verify := func(remote net.Addr, key ssh.PublicKey) *deploy.Problem {
		if p := k.revoked(to, remote, key); p != nil {
			return p
		}
		p := hostKeyProblem(to, key, "shows another host key than the pinned one")
		for _, pin := range pins {
			if bytes.Equal(pin.Marshal(), key.Marshal()) {
				return nil
			}
			p.Details = append(p.Details, describe("known", pin)+" (host_key in hosts.toml)")
		}
		p.Next = "find out why the key changed; when the new one is right, " + pinAdvice(to, key)
		return p
	}
	return hostKeyRules{algorithms: algorithms(pins), verify: verify}, nil
}

// lookup finds the name under which the endpoint is known, and its keys: like
// OpenSSH, a host on another port than 22 that has no entry of its own may have
// one without port. One pass over the files is what a dial should cost.
func (k *knownHosts) lookup(to endpoint) (string, []knownhosts.PublicKey) {
	name := to.knownName()
	keys := k.keys(name)
	host, port, err := net.SplitHostPort(name)
	if err != nil || port == "22" || len(keys) > 0 {
		return name, keys
	}
	bare := net.JoinHostPort(host, "22")
	if others := k.keys(bare); len(others) > 0 {
		return bare, others
	}
	return name, keys
}

// isKnown reports whether a plain key is known as a host's own. The key of an
// authority is not: it may sign host keys, not be one.
func isKnown(known []knownhosts.PublicKey, key ssh.PublicKey) bool {
	return slices.ContainsFunc(known, func(k knownhosts.PublicKey) bool {
		return !k.Cert && bytes.Equal(k.Marshal(), key.Marshal())
	})
}

func (k *knownHosts) keys(name string) []knownhosts.PublicKey {
	if k.db == nil {
		return nil
	}
	return k.db.HostKeys(name)
}

func (k *knownHosts) check(name string, remote net.Addr, key ssh.PublicKey) error {
	if k.db == nil {
		return &xknownhosts.KeyError{}
	}
	return k.db.HostKeyCallback()(name, remote, key)
}

// judge checks a certificate, and says what is wrong with any other key.
func (k *knownHosts) judge(to endpoint, name string, remote net.Addr, key ssh.PublicKey) *deploy.Problem {
	err := k.check(name, remote, key)
	if _, certified := key.(*ssh.Certificate); certified && err == nil {
		return nil
	}
	if err == nil {
		// The library takes an authority's key for a host's; OpenSSH does not.
		err = errors.New("this is the key of an authority: it may sign host keys, not be one")
	}
	keyErr, isKey := errors.AsType[*xknownhosts.KeyError](err)
	switch {
	case isKey && len(keyErr.Want) > 0:
		p := hostKeyProblem(to, key, "shows another host key than the known one")
		for _, want := range keyErr.Want {
			p.Details = append(p.Details, fmt.Sprintf("%s (%s)", describe("known", want.Key), k.place(want)))
		}
		p.Next = fmt.Sprintf("find out why the key changed; when the new one is right: ssh-keygen -R '%s', then %s",
			xknownhosts.Normalize(name), pinAdvice(to, key))
		return p
	case isKey:
		p := hostKeyProblem(to, key, "has an unknown host key")
		p.Details = append(p.Details, fmt.Sprintf("no entry for %s in %s", xknownhosts.Normalize(to.knownName()), strings.Join(k.files, ", ")))
		if len(k.skipped) > 0 {
			p.Details = append(p.Details, "lines that cannot be read: "+strings.Join(k.skipped, ", "))
		}
		p.Next = "compare the fingerprint at the host's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then " + pinAdvice(to, key)
		return p
	}
	p := hostKeyProblem(to, key, "shows a host key that is not accepted")
	p.Err = err // a certificate of the wrong name, authority or time
	return p
}

// revoked looks for a @revoked entry of the key, or of the authority that
// signed it.
func (k *knownHosts) revoked(to endpoint, remote net.Addr, key ssh.PublicKey) *deploy.Problem {
	if !k.revokes {
		return nil
	}
	candidates := []ssh.PublicKey{key}
	if cert, ok := key.(*ssh.Certificate); ok {
		candidates = []ssh.PublicKey{cert.Key, cert.SignatureKey}
	}
	for _, c := range candidates {
		if r, ok := errors.AsType[*xknownhosts.RevokedError](k.check(to.knownName(), remote, c)); ok {
			p := hostKeyProblem(to, key, "shows a revoked host key")
			p.Details = append(p.Details, fmt.Sprintf("%s (%s)", describe("revoked", c), k.place(r.Revoked)))
			return p
		}
	}
	return nil
}

// place is where an entry stands, "file:line".
func (k *knownHosts) place(key xknownhosts.KnownKey) string {
	file := key.Filename
	if original, ok := k.origin[file]; ok {
		file = original
	}
	return fmt.Sprintf("%s:%d", file, key.Line)
}

func hostKeyProblem(to endpoint, key ssh.PublicKey, what string) *deploy.Problem {
	return &deploy.Problem{
		Code:    deploy.CodeHostKey,
		Step:    deploy.StepConnect,
		What:    to.addr() + " " + what,
		Details: []string{describe("offered", key)},
		State:   "nothing was sent to it",
	}
}

func describe(role string, key ssh.PublicKey) string {
	return fmt.Sprintf("%s %s %s", role, key.Type(), ssh.FingerprintSHA256(key))
}

// pinAdvice says where a key that was found right is to be written.
func pinAdvice(to endpoint, key ssh.PublicKey) string {
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if to.inventoryHost != "" {
		return fmt.Sprintf("set host_key = %q for host %s in hosts.toml", line, to.inventoryHost)
	}
	return fmt.Sprintf("add to known_hosts: %s %s", xknownhosts.Normalize(to.knownName()), line)
}

// allHostKeyAlgorithms are the accepted ones, the cheapest first. No SHA-1, no
// DSA.
func allHostKeyAlgorithms() []string {
	return []string{
		ssh.KeyAlgoED25519,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	}
}

func allCertAlgorithms() []string {
	return []string{
		ssh.CertAlgoED25519v01,
		ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
}

// algorithms puts those of the known keys first. An authority may sign a key of
// any type, so one entry of an authority asks for certificates of all types.
// It is pure.
func algorithms(known []knownhosts.PublicKey) []string {
	var first []string
	for _, k := range known {
		switch {
		case k.Cert:
			first = append(allCertAlgorithms(), first...)
		case k.Type() == ssh.KeyAlgoRSA:
			first = append(first, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			first = append(first, k.Type())
		}
	}
	var list []string
	for _, a := range append(first, allHostKeyAlgorithms()...) {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}
