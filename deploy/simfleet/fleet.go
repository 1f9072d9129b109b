package simfleet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// FleetOptions say what a Fleet is made of.
type FleetOptions struct {
	// Hosts are what the hosts are, each with a Hostname of its own. OnNetwork
	// and Uploads are the fleet's.
	Hosts []HostOptions
	// Seed makes host keys and client key: the same seed, the same keys. They
	// are no secret at all. The fleet's own word by default.
	Seed string
	// Silent makes a host whose network broke, or that is off, go silent
	// instead of refusing connections: the truth, and slower to be noticed.
	Silent bool
	// OwnListeners gives each host a listener at 127.0.0.1 instead of an address
	// on the one Board. Where there can be no Board, that is so anyway.
	OwnListeners bool
	// Around, when set, stands between the SSH server of the host called name
	// and the host: what it returns is asked in the host's place.
	Around func(name string, host Handler) Handler
}

// Fleet is a number of hosts behind SSH servers on the loopback interface, each
// with an address and a host key of its own. A host at rest costs a few KiB, no
// file descriptor and no goroutine. Safe for concurrent use. Close it.
type Fleet struct {
	board   *Board
	client  ed25519.PrivateKey
	members map[string]*Member
	names   []string
	uploads Uploads
}

// Member is one host of a Fleet.
type Member struct {
	*Host
	Server *Server
}

// NewFleet starts the servers of all hosts.
func NewFleet(o FleetOptions) (*Fleet, error) {
	seed := sha256.Sum256([]byte("client key of " + o.Seed))
	f := &Fleet{client: ed25519.NewKeyFromSeed(seed[:]), members: make(map[string]*Member, len(o.Hosts))}
	if !o.OwnListeners {
		board, err := NewBoard()
		switch {
		case err == nil:
			f.board = board
		case !errors.Is(err, errBoard) && !errors.Is(err, os.ErrPermission):
			return nil, err
		}
	}
	authorized, err := ssh.NewPublicKey(f.client.Public())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a client key: %w", err), f.Close())
	}
	for i := range o.Hosts {
		if err := f.add(o, o.Hosts[i], authorized); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

func (f *Fleet) add(o FleetOptions, host HostOptions, client ssh.PublicKey) error {
	name := host.Hostname
	if name == "" || f.members[name] != nil {
		return fmt.Errorf("simulated fleet: host name %q is empty or given twice", name)
	}
	key, err := DeriveHostKey(o.Seed + "/" + name)
	if err != nil {
		return err
	}
	m := &Member{}
	host.Uploads = &f.uploads
	host.OnNetwork = func(up bool) { m.network(up, o.Silent) }
	m.Host = NewHost(host)
	wire := string(client.Marshal())
	var handler Handler = m.Host
	if o.Around != nil {
		handler = o.Around(name, handler)
	}
	m.Server, err = NewServer(ServerOptions{
		Board: f.board, HostKeys: []ssh.Signer{key}, Handler: handler,
		Authorize: func(user string, key ssh.PublicKey) bool {
			return m.MayLogIn(user) && string(key.Marshal()) == wire
		},
	})
	if err != nil {
		m.Host.Close()
		return err
	}
	f.members[name] = m
	f.names = append(f.names, name)
	return nil
}

// network makes the server follow the host. It runs under the host's lock.
func (m *Member) network(up, silent bool) {
	fault := m.Server.Fault()
	switch {
	case silent:
		fault.Hang = StepNone
		if !up {
			fault.Hang = StepBanner
			m.Server.FreezeAll()
		}
		_ = m.Server.SetFault(fault) // never fails without Refuse
	default:
		fault.Refuse = !up
		// On a board nothing is listened to again; elsewhere the old port is free
		// but for an accident, and then the host stays unreachable.
		_ = m.Server.SetFault(fault)
		if !up {
			m.Server.CutAll()
		}
	}
}

// Host gives the host of that name, nil for none.
func (f *Fleet) Host(name string) *Member { return f.members[name] }

// Names lists the hosts in the order in which they were given.
func (f *Fleet) Names() []string { return f.names }

// Close cuts all connections and ends everything that the fleet does.
func (f *Fleet) Close() error {
	var errs []error
	for _, name := range f.names {
		m := f.members[name]
		m.Host.Close()
		errs = append(errs, m.Server.Close())
	}
	if f.board != nil {
		errs = append(errs, f.board.Close())
	}
	return errors.Join(errs...)
}

// Endpoint is where the host is reached.
func (m *Member) Endpoint() (address, port string) {
	address, port, _ = net.SplitHostPort(m.Server.Addr()) // made by a listener
	return address, port
}

// HostKeyLine is the host key as hosts.toml's host_key has it.
func (m *Member) HostKeyLine() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(m.Server.HostKey())))
}

// Connections is how many connections the host has accepted so far.
func (m *Member) Connections() int {
	m.Server.mu.Lock()
	defer m.Server.mu.Unlock()
	return m.Server.record.Connections
}

// KnownHosts is a known_hosts file of all hosts.
func (f *Fleet) KnownHosts() string {
	var b strings.Builder
	for _, name := range f.names {
		m := f.members[name]
		address, port := m.Endpoint()
		fmt.Fprintf(&b, "[%s]:%s %s\n", address, port, m.HostKeyLine())
	}
	return b.String()
}

// ClientKey is the one key that may log in everywhere, as OpenSSH writes it.
func (f *Fleet) ClientKey() ([]byte, error) {
	block, err := ssh.MarshalPrivateKey(f.client, "simulated fleet")
	if err != nil {
		return nil, fmt.Errorf("write the client key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// Entry is how a host stands in hosts.toml.
type Entry struct {
	Stage, Target string
	Extra         string // further lines of its table
}

// HostsTOML renders the [hosts.*] tables of the fleet, with pinned host keys.
func (f *Fleet) HostsTOML(entry func(name string) Entry) string {
	var b strings.Builder
	for _, name := range f.names {
		m, e := f.members[name], entry(name)
		address, port := m.Endpoint()
		fmt.Fprintf(&b, "\n[hosts.%s]\naddress = %q\nport = %s\nhost_key = %q\nstage = %q\ntarget = %q\n%s",
			name, address, port, m.HostKeyLine(), e.Stage, e.Target, e.Extra)
	}
	return b.String()
}
