package remote

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"regexp"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// endpoint is one SSH server with all that is needed to log in to it.
type endpoint struct {
	host, port, user string
	// alias stands for host and port in known_hosts (HostKeyAlias).
	alias string
	// pinned keys, in authorized_keys form, replace known_hosts.
	pinned string
	// inventoryHost names the entry of hosts.toml in advice; "" for a jump host.
	inventoryHost string
	knownHosts    []string
	// named key files come from hosts.toml, the others from ssh_config or the
	// defaults.
	named, files   []string
	configured     bool // files come from ssh_config
	identitiesOnly bool
	agent          string // socket, "" for none
	jump           []endpoint
}

// addr is where to connect to.
func (e endpoint) addr() string { return net.JoinHostPort(e.host, e.port) }

// hop names an endpoint as a jump host: two hosts share a jump host when these
// are the same.
func (e endpoint) hop() string { return e.user + "@" + e.addr() }

// knownName is the name looked up in known_hosts, "host:port".
func (e endpoint) knownName() string {
	if e.alias != "" {
		return net.JoinHostPort(strings.ToLower(e.alias), "22")
	}
	return net.JoinHostPort(strings.ToLower(e.host), e.port)
}

// resolve merges what the inventory and ssh_config say of a host. What the
// inventory says explicitly wins; its defaults do not.
func (d *Dialer) resolve(ctx context.Context, h inventory.Host) (endpoint, error) {
	ask := query{host: h.Address}
	if says(h, "user") {
		ask.user = h.User
	}
	if says(h, "port") && h.Port > 0 {
		ask.port = strconv.Itoa(h.Port)
	}
	to, jump, err := d.endpoint(ctx, ask)
	if err != nil {
		return endpoint{}, err
	}
	if to.user == "" {
		to.user = h.User
	}
	if to.port == "" && h.Port > 0 {
		to.port = strconv.Itoa(h.Port)
	}
	if err := to.complete(); err != nil {
		return endpoint{}, err
	}
	to.pinned, to.named, to.inventoryHost = h.HostKey, d.expandAll(h.IdentityFiles), h.Name
	if len(to.named) > 0 && !to.configured {
		to.files = nil // named files replace the defaults
	}
	if len(h.Jump) > 0 {
		jump = h.Jump
	}
	for _, hop := range jump {
		e, err := d.resolveHop(ctx, hop)
		if err != nil {
			return endpoint{}, fmt.Errorf("jump host %q: %w", hop, err)
		}
		to.jump = append(to.jump, e)
	}
	return to, nil
}

// resolveHop reads one "user@host:port". A ProxyJump that ssh_config sets for
// the jump host itself does not count: the chain is written out in full.
func (d *Dialer) resolveHop(ctx context.Context, hop string) (endpoint, error) {
	e, _, err := d.endpoint(ctx, parseHop(hop))
	if err != nil {
		return endpoint{}, err
	}
	return e, e.complete()
}

// endpoint asks ssh_config about a host, if it counts.
func (d *Dialer) endpoint(ctx context.Context, ask query) (endpoint, []string, error) {
	to := endpoint{
		host: ask.host, port: ask.port, user: ask.user,
		knownHosts: d.opts.KnownHostsFiles,
		files:      d.opts.IdentityFiles,
		agent:      d.opts.AgentSocket,
	}
	if err := safe(ask); err != nil {
		return endpoint{}, nil, &deploy.Problem{Code: deploy.CodeInternal, What: "not a destination", Err: err}
	}
	if d.config == nil {
		return to, nil, nil
	}
	s, err := d.config.lookup(ctx, ask)
	if err != nil {
		return endpoint{}, nil, err
	}
	if err := s.unsupported(ask); err != nil {
		return endpoint{}, nil, err
	}
	s.apply(&to, d)
	return to, s.proxyJump, nil
}

// complete fills in what nobody said, as ssh does.
func (e *endpoint) complete() error {
	if e.port == "" {
		e.port = "22"
	}
	if e.user == "" {
		u, err := user.Current()
		if err != nil {
			return fmt.Errorf("no user is given, and the local one is not known: %w", err)
		}
		e.user = u.Username
	}
	return nil
}

// says reports whether the inventory, and not a default, set a host's key.
func says(h inventory.Host, key string) bool {
	o, known := h.Provenance[key]
	return !known || o.From != "default"
}

// parseHop takes "[user@]host[:port]" apart; an IPv6 address with a port stands
// in brackets.
func parseHop(s string) query {
	var q query
	s = strings.TrimSuffix(strings.TrimPrefix(s, "ssh://"), "/")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		q.user, s = s[:i], s[i+1:]
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		q.host, q.port = host, port
		return q
	}
	q.host = strings.Trim(s, "[]")
	return q
}

// Inventory and ssh_config are not trusted with what reaches a command line:
// no leading "-", nothing that a shell or ssh's % tokens could read.
var (
	safeHost = regexp.MustCompile(`^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$`)
	safeUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$`)
	safePort = regexp.MustCompile(`^[0-9]{1,5}$`)
)

func safe(q query) error {
	switch {
	case !safeHost.MatchString(q.host):
		return fmt.Errorf("%q is not a host name or address", q.host)
	case q.user != "" && !safeUser.MatchString(q.user):
		return fmt.Errorf("%q is not a user name", q.user)
	case q.port != "" && !safePort.MatchString(q.port):
		return fmt.Errorf("%q is not a port", q.port)
	}
	return nil
}
