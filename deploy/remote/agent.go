package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentKeys is what an agent listed, ed25519 first.
type agentKeys struct {
	keys []agentKey
	err  error
}

// agentKey is one key that an agent holds.
type agentKey struct {
	socket  string
	public  ssh.PublicKey
	comment string
}

// listAgent asks an agent for its keys. Each question to an agent has a
// connection and a deadline of its own: an agent that waits for a person's
// finger must not hold up the next host.
func listAgent(socket string, timeout time.Duration) agentKeys {
	var list agentKeys
	list.err = askAgent(socket, time.Now().Add(timeout), func(a agent.ExtendedAgent) error {
		keys, err := a.List()
		if err != nil {
			return err
		}
		for _, k := range keys {
			public, err := ssh.ParsePublicKey(k.Blob)
			if err != nil {
				continue // of a type that this SSH does not know
			}
			list.keys = append(list.keys, agentKey{socket: socket, public: public, comment: k.Comment})
		}
		return nil
	})
	slices.SortStableFunc(list.keys, func(a, b agentKey) int { return keyRank(a.public) - keyRank(b.public) })
	return list
}

func keyRank(k ssh.PublicKey) int {
	if underlying(k) == ssh.KeyAlgoED25519 {
		return 0
	}
	return 1
}

// underlying is the type of a key, or of the key in a certificate.
func underlying(k ssh.PublicKey) string {
	if cert, ok := k.(*ssh.Certificate); ok {
		return cert.Key.Type()
	}
	return k.Type()
}

func askAgent(socket string, deadline time.Time, question func(agent.ExtendedAgent) error) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	var nd net.Dialer
	nc, err := nd.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer func() { _ = nc.Close() }()
	if err := nc.SetDeadline(deadline); err != nil {
		return err
	}
	return question(agent.NewClient(nc))
}

// holds finds a public key in the agent.
func (a agentKeys) holds(public ssh.PublicKey) (agentKey, bool) {
	if public == nil {
		return agentKey{}, false
	}
	for _, k := range a.keys {
		if bytes.Equal(k.public.Marshal(), public.Marshal()) {
			return k, true
		}
	}
	return agentKey{}, false
}

// signer signs with the key until deadline.
func (k agentKey) signer(deadline time.Time) ssh.Signer {
	return &agentSigner{key: k, deadline: deadline}
}

// agentSigner is a key in an agent as an ssh.MultiAlgorithmSigner.
type agentSigner struct {
	key      agentKey
	deadline time.Time
}

var _ ssh.MultiAlgorithmSigner = (*agentSigner)(nil)

// PublicKey is the key, or its certificate.
func (s *agentSigner) PublicKey() ssh.PublicKey { return s.key.public }

// Algorithms are those that the key can sign with; no SHA-1.
func (s *agentSigner) Algorithms() []string {
	if t := underlying(s.key.public); t != ssh.KeyAlgoRSA {
		return []string{t}
	}
	return rsaAlgorithms()
}

// Sign signs with the key's first algorithm.
func (s *agentSigner) Sign(r io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(r, data, s.Algorithms()[0])
}

// SignWithAlgorithm asks the agent. Its errors hide their cause, so that a
// broken agent is not taken for a broken connection to the host.
func (s *agentSigner) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	var flags agent.SignatureFlags
	switch algorithm {
	case ssh.KeyAlgoRSASHA256:
		flags = agent.SignatureFlagRsaSha256
	case ssh.KeyAlgoRSASHA512:
		flags = agent.SignatureFlagRsaSha512
	}
	var sig *ssh.Signature
	err := askAgent(s.key.socket, s.deadline, func(a agent.ExtendedAgent) error {
		var err error
		sig, err = a.SignWithFlags(s.key.public, data, flags)
		return err
	})
	if err != nil {
		//nolint:errorlint // hidden on purpose
		return nil, fmt.Errorf("the agent does not sign with %s: %v", s.key.comment, err)
	}
	return sig, nil
}
