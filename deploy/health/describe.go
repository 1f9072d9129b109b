package health

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// fromHost is the value of a check's From that asks on the host itself.
const fromHost = "host"

// Describe says what a check asks of h, in one line for people. A password in
// a URL is not shown.
func Describe(check inventory.Check, h inventory.Host) string {
	var s string
	switch check.Type {
	case inventory.CheckUnits:
		s = "units: nothing failed that was not failed before"
	case inventory.CheckActive:
		s = "active " + names(check.Units)
	case inventory.CheckHTTP:
		s = "http " + shownURL(check, h)
	case inventory.CheckTCP:
		s = "tcp " + head(tcpAddress(check, h))
	case inventory.CheckCommand:
		s = "command " + head(strings.Join(check.Command, " "))
	default:
		s = fmt.Sprintf("a check of the unknown type %q", check.Type)
	}
	if check.From == fromHost && (check.Type == inventory.CheckHTTP || check.Type == inventory.CheckTCP) {
		s += " (from the host)"
	}
	return s
}

func shownURL(check inventory.Check, h inventory.Host) string {
	filled := httpURL(check, h)
	u, err := url.Parse(filled)
	if err != nil {
		return "a URL that cannot be read"
	}
	return head(u.Redacted())
}

// httpURL fills in {address} and {host}.
func httpURL(check inventory.Check, h inventory.Host) string {
	// RFC 6874: in a URL the percent sign of an IPv6 zone is escaped.
	return fill(check.URL, strings.Replace(h.Address, "%", "%25", 1), h)
}

// tcpAddress fills in {address} and {host}; ":PORT" is a port of the host.
func tcpAddress(check inventory.Check, h inventory.Host) string {
	address := check.Address
	if strings.HasPrefix(address, ":") {
		address = "{address}" + address
	}
	return fill(address, h.Address, h)
}

// fill replaces the two words that a check may hold. An IPv6 address gets the
// brackets that a port after it needs, unless they were written.
func fill(text, address string, h inventory.Host) string {
	if ip, err := netip.ParseAddr(h.Address); err == nil && ip.Is6() {
		text = strings.ReplaceAll(text, "[{address}]", "{address}")
		address = "[" + address + "]"
	}
	return strings.NewReplacer("{address}", address, "{host}", h.Name).Replace(text)
}
