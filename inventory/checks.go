package inventory

import (
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// BuiltinCheck is the check that exists without a [checks] table, and that
// runs where nothing else is said.
const BuiltinCheck = "units"

// defaultCheck is a check of the given type before its table is read.
func defaultCheck(name string) Check {
	return Check{
		Name: name, ExpectStatus: 200, From: "deployer",
		Interval: 2 * time.Second, Timeout: 10 * time.Second, Successes: 1, Deadline: 90 * time.Second,
	}
}

// checkKeys says which keys each type of check has besides its clocks.
func checkKeys(t CheckType) []string {
	switch t {
	case CheckActive:
		return []string{"units"}
	case CheckHTTP:
		return []string{"url", "expect_status", "from"}
	case CheckTCP:
		return []string{"address", "from"}
	case CheckCommand:
		return []string{"command"}
	}
	return nil
}

// readChecks reads [checks.NAME] into r.checks.
func (r *reader) readChecks(n *node) {
	r.named(n, func(name string, t *node) {
		r.checkNames = append(r.checkNames, name)
		r.checks[name] = defaultCheck(name) // so that no reference to it is a problem
		if t != nil {
			r.checks[name] = r.readCheck(name, t)
		}
	})
}

func (r *reader) readCheck(name string, t *node) Check {
	c := defaultCheck(name)
	typed := t.child("type")
	if typed == nil {
		r.missing(t.keyOff, `type = "units", "active", "http", "tcp" or "command"`, "type is missing")
	}
	r.each(t, scopeCheck, func(k *node) { r.checkKey(&c, k) })
	if c.Type == "" {
		return c // without a type, nothing more can be said
	}
	if name == BuiltinCheck && c.Type != CheckUnits {
		r.bad(typed, "give the check another name", "%q is built in and always of type \"units\"", name)
	}
	own := checkKeys(c.Type)
	for _, k := range t.kids {
		if slices.Contains([]string{"units", "url", "expect_status", "from", "address", "command"}, k.key) && !slices.Contains(own, k.key) {
			r.report(k.keyOff, "remove it", "%s means nothing in a check of type %q", k.key, c.Type)
		}
	}
	if len(own) > 0 && t.child(own[0]) == nil {
		r.missing(t.keyOff, "", "%s is missing: a check of type %q needs it", own[0], c.Type)
	}
	r.checkClocks(t, c)
	return c
}

// checkClocks refuses clocks by which the check can never pass.
func (r *reader) checkClocks(t *node, c Check) {
	at := t.keyOff
	for _, k := range []string{"interval", "successes", "timeout", "deadline"} {
		if n := t.child(k); n != nil {
			at = n.off
		}
	}
	if c.Timeout > c.Deadline {
		r.report(at, "shorten timeout, or lengthen deadline", "one try may take %s (timeout), longer than the whole check (deadline, %s)",
			shortDuration(c.Timeout), shortDuration(c.Deadline))
	}
	// Counted in intervals, since the product could overflow.
	if c.Successes > 1 && int64(c.Successes-1) > int64(c.Deadline/c.Interval) {
		r.report(at, "lengthen deadline", "%d successes, %s apart, do not fit into the deadline of %s",
			c.Successes, shortDuration(c.Interval), shortDuration(c.Deadline))
	}
}

// checkKey reads one key of a check. A value with a problem leaves the default.
func (r *reader) checkKey(c *Check, k *node) {
	positive := func(n *node) (time.Duration, bool) { return r.duration(n, time.Millisecond) }
	switch k.key {
	case "type":
		t, _ := r.choice(k, string(CheckUnits), string(CheckActive), string(CheckHTTP), string(CheckTCP), string(CheckCommand))
		c.Type = CheckType(t)
	case "units":
		c.Units, _ = r.filled(k, "units", r.unit)
	case "url":
		c.URL, _ = r.url(k)
	case "expect_status":
		assign(&c.ExpectStatus, k, func(n *node) (int, bool) { return r.integer(n, 100, 599) })
	case "from":
		assign(&c.From, k, func(n *node) (string, bool) { return r.choice(n, "deployer", "host") })
	case "address":
		c.Address, _ = r.tcpAddress(k)
	case "command":
		c.Command, _ = r.argv(k)
	case "interval":
		assign(&c.Interval, k, positive)
	case "timeout":
		assign(&c.Timeout, k, positive)
	case "successes":
		assign(&c.Successes, k, func(n *node) (int, bool) { return r.integer(n, 1, math.MaxInt16) })
	case "deadline":
		assign(&c.Deadline, k, positive)
	}
}

// assign sets dst when k is good.
func assign[T any](dst *T, k *node, read func(*node) (T, bool)) {
	if v, ok := read(k); ok {
		*dst = v
	}
}

// filled reads a list that must not be empty.
func (r *reader) filled(n *node, what string, each func(*node) (string, bool)) ([]string, bool) {
	out, ok := list(r, n, what, each)
	if ok && len(out) == 0 {
		r.bad(n, "", "an empty list")
		return nil, false
	}
	return out, ok
}

// checkRefs reads a list of names of checks.
func (r *reader) checkRefs(n *node) ([]Check, bool) {
	names, ok := list(r, n, "checks", r.checkRef)
	if ok && len(names) == 0 {
		r.bad(n, `remove the key: without one, ["units"] is checked`, "an empty list: a host is never confirmed unchecked")
		return nil, false
	}
	out := make([]Check, 0, len(names))
	for _, name := range names {
		out = append(out, r.checks[name])
	}
	return out, ok
}

func (r *reader) checkRef(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	if _, known := r.checks[s]; !known {
		r.unknownRef(n, "check", "checks", r.checkNames)
		return "", false
	}
	return s, true
}

// placeholder matches {address} and whatever else stands in braces.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// placeholders reports braces that nothing replaces.
func (r *reader) placeholders(n *node) bool {
	for _, p := range placeholder.FindAllString(n.text, -1) {
		if p != "{address}" && p != "{host}" {
			r.bad(n, "{address} and {host} are replaced", "%q has an unknown placeholder %s", n.text, p)
			return false
		}
	}
	return true
}

// userInURL matches the beginning of a URL with a user, whatever else is wrong with
// it: a password that may be there is not repeated in a message.
var userInURL = regexp.MustCompile(`^[^/?#]*//[^/?#]*@`)

func (r *reader) url(n *node) (string, bool) {
	s, ok := r.text(n)
	if ok && userInURL.MatchString(s) {
		r.bad(n, "check an endpoint that needs no password: a URL is seen in logs and reports", "the URL has a user in it")
		return "", false
	}
	if !ok || !r.placeholders(n) {
		return "", false
	}
	u, err := url.Parse(placeholder.ReplaceAllString(s, "x"))
	switch {
	case err != nil || strings.ContainsAny(s, " \"<>\\^`"):
		r.bad(n, `such as "https://{address}/healthz"`, "%q is not a URL", s)
	case u.Scheme != "http" && u.Scheme != "https":
		r.bad(n, `such as "https://{address}/healthz"`, "%q is not an http or https URL", s)
	case u.Hostname() == "" || u.Port() != "" && !isPort(u.Port()):
		r.bad(n, `such as "https://{address}/healthz"`, "%q has no host, or not a port", s)
	default:
		return s, true
	}
	return "", false
}

// tcpAddress reads HOST:PORT, or :PORT for the host's own address.
func (r *reader) tcpAddress(n *node) (string, bool) {
	const hint = `such as ":443", "{address}:443" or "[2001:db8::1]:443"`
	s, ok := r.text(n)
	if !ok || !r.placeholders(n) {
		return "", false
	}
	host, port, err := net.SplitHostPort(placeholder.ReplaceAllString(s, "x"))
	if err != nil || !isPort(port) || host != "" && !validAddress(host) {
		r.bad(n, hint, "%q is not HOST:PORT", s)
		return "", false
	}
	return s, true
}

// argv reads a command as a list of its words, which no shell will see.
func (r *reader) argv(n *node) ([]string, bool) {
	if n.kind == kindString {
		r.bad(n, `a list of words: ["systemctl", "is-active", "nginx"]; for a shell ["sh", "-c", "..."]`, "this is a string, want a list")
		return nil, false
	}
	if n.kind != kindArray {
		r.wrongType(n, "a list of words", "")
		return nil, false
	}
	out := make([]string, 0, len(n.kids))
	for _, e := range n.kids {
		switch {
		case e.kind != kindString:
			e.key = n.key
			r.wrongType(e, "a string", "")
			return nil, false
		case strings.ContainsRune(e.text, 0):
			r.bad(n, "", "a NUL byte")
			return nil, false
		}
		out = append(out, e.text)
	}
	if len(out) == 0 || out[0] == "" {
		r.bad(n, "", "the command is empty")
		return nil, false
	}
	return out, true
}
