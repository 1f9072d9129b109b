package inventory

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What goes to ssh or a remote script as a name must not be readable as
// anything else: no leading '-', no shell or URL syntax, no control bytes.
var (
	namePattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	attrPattern      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	zonePattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	unitPattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:_.\\@-]*$`)
	schemePattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	referencePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9/_.:?=&%~@+,-]+$`)
)

const (
	maxName  = 253 // as long as a DNS name
	hintName = "a name begins with a letter or digit; letters, digits, '.', '_' and '-' may follow"
)

func validName(s string) bool { return len(s) <= maxName && namePattern.MatchString(s) }

// name reads the name of something: a fleet, a user, a tag.
func (r *reader) name(n *node) (string, bool) {
	s, ok := r.text(n)
	if ok && !validName(s) {
		r.bad(n, hintName, "%q is not a name", s)
		return "", false
	}
	return s, ok
}

// attribute reads the name of an output of a flake.
func (r *reader) attribute(n *node) (string, bool) {
	s, ok := r.text(n)
	if ok && !attrPattern.MatchString(s) {
		r.bad(n, "the name below nixosConfigurations alone", "%q is not an attribute", s)
		return "", false
	}
	return s, ok
}

// address reads a host name or an IP address, without port and user.
func (r *reader) address(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok || validAddress(s) {
		return s, ok
	}
	r.bad(n, addressHint(s), "%q is neither a host name nor an IP address", s)
	return "", false
}

func validAddress(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Zone() == "" || zonePattern.MatchString(ip.Zone())
	}
	return validName(s)
}

func addressHint(s string) string {
	if user, host, found := strings.Cut(s, "@"); found && validAddress(host) {
		return fmt.Sprintf("address = %q, and the user on its own: user = %q", host, user)
	}
	if inner := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"); inner != s && validAddress(inner) {
		return fmt.Sprintf("without brackets: address = %q", inner)
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return fmt.Sprintf("address = %q, and the port on its own: port = %d", ap.Addr(), ap.Port())
	}
	if host, port, found := strings.Cut(s, ":"); found && validAddress(host) && isPort(port) {
		return fmt.Sprintf("address = %q, and the port on its own: port = %s", host, port)
	}
	return "a name begins with a letter or digit; an IPv6 address is written without brackets"
}

func isPort(s string) bool {
	p, err := strconv.ParseUint(s, 10, 16)
	return err == nil && p > 0 && s[0] != '0'
}

// canonicalAddress is equal for two ways to write one address.
func canonicalAddress(s string) string {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Unmap().String()
	}
	return strings.TrimSuffix(strings.ToLower(s), ".")
}

// jumps reads a chain of jump hosts. One of them may stand without brackets,
// and an empty list is no jump at all.
func (r *reader) jumps(n *node) ([]string, bool) {
	if n.kind == kindString {
		s, ok := r.jump(n)
		return []string{s}, ok
	}
	return list(r, n, "jump hosts", r.jump)
}

// jump reads one [user@]address[:port], an IPv6 address with a port in brackets.
func (r *reader) jump(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	rest := s
	if user, after, found := strings.Cut(s, "@"); found {
		if !validName(user) {
			r.bad(n, hintName, "%q is not a user", user)
			return "", false
		}
		rest = after
	}
	if !validEndpoint(rest) {
		r.bad(n, `write "user@bastion.example.org:22"; user and port may be left out, an IPv6 address goes in brackets`,
			"%q is not a jump host", s)
		return "", false
	}
	return s, true
}

// validEndpoint reports whether s is ADDRESS, ADDRESS:PORT or [IPv6]:PORT.
func validEndpoint(s string) bool {
	if strings.HasPrefix(s, "[") {
		ip, port, closed := strings.Cut(s[1:], "]")
		if !closed || !strings.Contains(ip, ":") || !validAddress(ip) {
			return false
		}
		return port == "" || port[0] == ':' && isPort(port[1:])
	}
	if validAddress(s) {
		return true
	}
	host, port, found := strings.Cut(s, ":")
	return found && validAddress(host) && isPort(port)
}

// hostKey reads a public key in authorized_keys form and gives "TYPE BASE64".
func (r *reader) hostKey(n *node) (string, bool) {
	const hint = `the line of /etc/ssh/ssh_host_ed25519_key.pub: "ssh-ed25519 AAAA..."`
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	fields := strings.Fields(s)
	types := []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}
	switch {
	case strings.HasPrefix(s, "SHA256:") || strings.HasPrefix(s, "MD5:"):
		r.bad(n, hint, "a fingerprint, want the public key itself")
	case len(fields) < 2 || !slices.Contains(types, fields[0]):
		r.bad(n, hint, "not a public host key")
	case !keyHolds(fields[1], fields[0]):
		r.bad(n, hint, "the data of this %s key is damaged", fields[0])
	default:
		return fields[0] + " " + fields[1], true
	}
	return "", false
}

// keyHolds reports whether data is an SSH wire key (RFC 4253, 6.6) of the
// given type: its first string is the type, and something follows.
func keyHolds(data, keyType string) bool {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(raw) < 4 {
		return false
	}
	n := uint64(binary.BigEndian.Uint32(raw))
	rest := raw[4:]
	return n < uint64(len(rest)) && string(rest[:n]) == keyType
}

// module reads the path of a Nix file that is copied into the flake, so it
// must lie beside or below hosts.toml.
func (r *reader) module(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	clean := path.Clean(s)
	switch {
	case path.IsAbs(s) || strings.HasPrefix(s, "~"):
		r.bad(n, "move it beside hosts.toml and write its relative path", "%q is not a relative path", s)
	case clean == ".." || strings.HasPrefix(clean, "../"):
		r.bad(n, "only what lies below its folder is uploaded", "%q lies outside of the folder of hosts.toml", s)
	case clean == ".":
		r.bad(n, "name the file", "%q is the folder of hosts.toml itself", s)
	case schemePattern.MatchString(s):
		r.bad(n, "a path of a Nix file", "%q is not a path", s)
	default:
		return clean, true
	}
	return "", false
}

// unit reads a systemd unit. As for systemctl, no suffix means a service.
func (r *reader) unit(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	if !unitPattern.MatchString(s) || len(s) > 255 {
		r.bad(n, `such as "nginx.service"`, "%q is not a systemd unit", s)
		return "", false
	}
	suffixes := []string{".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope"}
	if !slices.ContainsFunc(suffixes, func(x string) bool { return strings.HasSuffix(s, x) }) {
		s += ".service"
	}
	return s, true
}
