package nixos

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
)

// Bounds of a hardware configuration: what the tool writes has a few KiB.
const (
	maxHardware     = 256 << 10
	maxHardwareLine = 16 << 10
)

// Facts reads what a host is, for its folder beside hosts.toml, changing nothing.
// user is whose login the connection is. An answer that cannot be one is a
// *deploy.Problem: asking again does not help.
func (m *Machine) Facts(ctx context.Context, user string) (deploy.HostFacts, error) {
	r, err := do(ctx, m.Conn, call{script: "facts", args: []string{user}})
	if err != nil {
		return deploy.HostFacts{}, err
	}
	return hostFacts(r, user)
}

func hostFacts(r *reply, user string) (deploy.HostFacts, error) {
	f := deploy.HostFacts{NixOS: r.has("nixos"), Accounts: r.values["account"]}
	if m := strings.Fields(r.first("marker")); len(m) == 2 {
		f.Marker = &deploy.Marker{Fleet: m[0], Host: m[1]}
	}
	f.Facts = flake.Facts{
		Format: flake.FactsFormat, Hostname: r.first("hostname"), MachineID: r.first("machine_id"), System: nixSystem(r.first("machine")),
		Firmware: r.first("firmware"), BootLoader: loaderOf(parseLinks(r.first("links")).Reader), Kind: kindOf(r),
		BootDevices: r.values["boot_device"], Mounts: map[string]flake.FactsMount{},
	}
	g := ground(r, user)
	if g == nil {
		return f, &deploy.Problem{Code: deploy.CodeProtocol, What: "the host did not say what is mounted", Details: r.errs}
	}
	for point, mount := range g.Mounts {
		if mount.Type == "autofs" { // nothing is mounted there yet
			continue
		}
		f.Facts.Mounts[point] = flake.FactsMount{Device: stableName(mount), Type: mount.Type}
	}
	stateVersion(&f, g)
	if first := r.first("first_release"); len(first) >= 5 && release.MatchString(first[:5]) {
		f.FirstRelease = first[:5]
	}
	loginUser(&f, g.Login)
	var err error
	f.Hardware, err = hardware(r)
	return f, err
}

func loaderOf(reader string) string {
	switch reader {
	case "systemd-boot", "grub", "extlinux":
		return reader
	case "profile": // containers and WSL have none
		return "none"
	}
	return "unknown"
}

func kindOf(r *reply) string {
	switch {
	case r.has("wsl"): // which systemd takes for a container, too
		return "wsl"
	case r.has("container"):
		return "container"
	}
	return "machine"
}

// stableName is a name of a mount's device that another boot does not change.
func stableName(m deploy.Mount) string {
	if m.UUID != "" {
		return "/dev/disk/by-uuid/" + m.UUID
	}
	return m.Source
}

// stateVersion takes what the running system says, else the one release that the
// configuration on the host names.
func stateVersion(f *deploy.HostFacts, g *deploy.Ground) {
	switch n := len(g.StateVersions); {
	case g.System != nil && g.System.StateVersion != "":
		f.Facts.StateVersion, f.Certain = g.System.StateVersion, true
	case n == 1:
		f.Facts.StateVersion = g.StateVersions[0]
		f.Notes = append(f.Notes, "the state version "+g.StateVersions[0]+" is that of /etc/nixos on the host: was the host built from elsewhere, compare it")
	case n > 1:
		f.Notes = append(f.Notes, "/etc/nixos on the host names several state versions: "+strings.Join(g.StateVersions, ", "))
	}
}

// loginUser takes the keys that open the login by themselves. One with options is
// left out: written down without them, it would open more than it does.
func loginUser(f *deploy.HostFacts, l deploy.Login) {
	f.Facts.User = flake.FactsUser{Name: l.User, UID: l.UID, Keys: []string{}}
	unread := 0
	for _, key := range l.Keys {
		switch {
		case !wholeKey(key):
			unread++
		case !slices.Contains(f.Facts.User.Keys, key):
			f.Facts.User.Keys = append(f.Facts.User.Keys, key)
		}
	}
	if unread > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("%d lines of authorized_keys are no public key, and left out", unread))
	}
	for _, other := range l.Others {
		f.Notes = append(f.Notes, "a login may also succeed by "+other+", which the facts do not hold")
	}
	if len(f.Facts.User.Keys) == 0 {
		f.Notes = append(f.Notes, "no key of "+l.User+" was found: declare one in hosts.toml, or nobody gets in")
	}
}

// hardware is the host's hardware configuration. Whoever commits it has Nix
// evaluate what the host wrote, so it has to be text that can be read.
func hardware(r *reply) (string, error) {
	refuse := func(what string) (string, error) {
		return "", &deploy.Problem{Code: deploy.CodeProtocol, What: "its hardware configuration is refused: " + what, Details: r.errs}
	}
	switch code := r.first("hardware_code"); code {
	case "0":
	case "127": // not there
		return "", nil
	default:
		return "", &deploy.Problem{
			Code: deploy.CodeUnsupported, What: "nixos-generate-config ended with exit code " + code, Details: r.errs,
			Next: "as root on the host: nixos-generate-config --show-hardware-config",
		}
	}
	lines := r.values["hardware"]
	text := strings.Join(lines, "\n") + "\n"
	switch {
	case len(text) > maxHardware:
		return refuse(fmt.Sprintf("it is larger than %d KiB", maxHardware>>10))
	case slices.ContainsFunc(lines, func(l string) bool { return len(l) > maxHardwareLine }):
		return refuse(fmt.Sprintf("a line of it is longer than %d KiB", maxHardwareLine>>10))
	case !utf8.ValidString(text):
		return refuse("it is no UTF-8")
	case slices.ContainsFunc(lines, func(l string) bool { return !printable(l) }):
		return refuse("it has characters that cannot be seen")
	case strings.TrimSpace(text) == "":
		return refuse("it is empty")
	}
	return text, nil
}

// printable says that a person sees all of a line: no control characters but
// tabs, and nothing that hides or turns around what stands beside it.
func printable(line string) bool {
	return !strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && r != ' ' && !unicode.IsGraphic(r) })
}

// release is how NixOS names its releases.
var release = regexp.MustCompile(`^[0-9]{2}\.[0-9]{2}$`)

// keyLine is a line of authorized_keys without options.
var keyLine = regexp.MustCompile(`^((?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+) (AAAA[A-Za-z0-9+/]+={0,2})(?: |$)`)

// wholeKey says that a line is a public key, as far as its shape tells: its type,
// and behind it the parts of a key, of which the first is the type again.
func wholeKey(line string) bool {
	m := keyLine.FindStringSubmatch(line)
	if m == nil || !printable(line) {
		return false
	}
	blob, err := base64.StdEncoding.DecodeString(m[2])
	if err != nil {
		return false
	}
	var parts [][]byte
	for len(blob) >= 4 {
		n := binary.BigEndian.Uint32(blob)
		if uint64(n) > uint64(len(blob)-4) {
			return false
		}
		parts, blob = append(parts, blob[4:4+n]), blob[4+n:]
	}
	return len(blob) == 0 && len(parts) > 1 && string(parts[0]) == m[1]
}
