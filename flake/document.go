package flake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// document is inventory.json: all of hosts.toml that decides what a host runs.
// Addresses, stages and checks are left out, so that a change of those changes
// no flake. So is the ssh port: it may be that of a port forwarding, and sshd's
// own is an option like any other.
type document struct {
	Schema  int    `json:"schema"`
	Fleet   string `json:"fleet,omitempty"`
	Secrets string `json:"secrets,omitempty"`
	// The user's own Nix for all hosts, as paths inside the flake: overlays in
	// their order, packages by name.
	Overlays []string           `json:"overlays,omitempty"`
	Packages map[string]string  `json:"packages,omitempty"`
	Hosts    map[string]machine `json:"hosts"`
	Targets  map[string]machine `json:"targets"`
}

// machine is one nixosConfiguration. Empty values are left out, and the tree
// has a default for each.
type machine struct {
	Configuration  string             `json:"configuration"` // a file of configurations/
	Target         string             `json:"target"`
	HostName       string             `json:"hostName,omitempty"`
	Domain         string             `json:"domain,omitempty"`
	System         string             `json:"system,omitempty"`
	PackageProfile string             `json:"packageProfile,omitempty"`
	User           string             `json:"user,omitempty"`
	Elevate        string             `json:"elevate,omitempty"`
	TimeZone       string             `json:"timeZone,omitempty"`
	Locale         string             `json:"locale,omitempty"`
	ExtraPackages  [][]string         `json:"extraPackages,omitempty"` // paths below pkgs
	TCPPorts       []int              `json:"tcpPorts,omitempty"`
	UDPPorts       []int              `json:"udpPorts,omitempty"`
	Users          map[string]account `json:"users,omitempty"`
	Facts          *Facts             `json:"facts,omitempty"`
	Modules        []string           `json:"modules"`   // paths inside the flake
	Overrides      []override         `json:"overrides"` // of [hosts.NAME.override]: a target has none
}

// account is a user of one machine.
type account struct {
	Description string          `json:"description,omitempty"`
	Keys        []string        `json:"keys,omitempty"`
	Admin       bool            `json:"admin,omitempty"`
	Home        map[string]bool `json:"home,omitempty"` // host over target over user, resolved
}

func newDocument(inv *inventory.Inventory) (*document, error) {
	doc := &document{
		Fleet: inv.Fleet, Secrets: inv.Flake.Secrets,
		Packages: map[string]string{},
		Hosts:    map[string]machine{}, Targets: map[string]machine{},
	}
	for _, f := range inv.Flake.Overlays {
		doc.Overlays = append(doc.Overlays, path.Join(customFolder, f.Path))
	}
	for _, f := range inv.Flake.Packages {
		doc.Packages[f.Name()] = path.Join(customFolder, f.Path)
	}
	for _, h := range inv.Hosts {
		m, err := newMachine(inv, h)
		if err != nil {
			return nil, err
		}
		doc.Hosts[h.Name] = m
		doc.addTarget(m)
	}
	for _, name := range builtinTargets() {
		if _, used := doc.Targets[name]; !used {
			doc.Targets[name] = bareTarget(name)
		}
	}
	for _, h := range inv.Hosts {
		if err := doc.checkAttribute(h); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// adopt adds what adopting the hosts found out about them.
func (d *document) adopt(hosts map[string]adopted) {
	for name, a := range hosts {
		m := d.Hosts[name]
		if m.Facts = a.facts; a.facts != nil && m.System == "" {
			m.System = a.facts.System
		}
		if a.hardware {
			m.Modules = append(slices.Clip(m.Modules), HardwarePath(name))
		}
		d.Hosts[name] = m
	}
}

// addTarget keeps what all hosts of a target share.
func (d *document) addTarget(m machine) {
	t, known := d.Targets[m.Target]
	if !known {
		t = bareTarget(m.Target)
		t.System, t.PackageProfile = m.System, m.PackageProfile
	}
	if t.System != m.System {
		t.System = ""
	}
	if t.PackageProfile != m.PackageProfile {
		t.PackageProfile = ""
	}
	d.Targets[m.Target] = t
}

// checkAttribute takes no target: what is rendered under its name is a look at the
// target, with made-up disks and nobody who could log in.
func (d *document) checkAttribute(h inventory.Host) error {
	if _, isHost := d.Hosts[h.Attribute]; h.Attribute == "" || isHost {
		return nil
	}
	what := fmt.Sprintf("host %s: the rendered flake has no configuration %q", h.Name, h.Attribute)
	if _, isTarget := d.Targets[h.Attribute]; isTarget {
		what = fmt.Sprintf("host %s: attribute = %q is a target and no machine: without disks of its own, and without a login", h.Name, h.Attribute)
	}
	return &Refusal{What: what, Hint: "remove attribute, or name a host of hosts.toml"}
}

func newMachine(inv *inventory.Inventory, h inventory.Host) (machine, error) {
	set, err := overrides(h.Name, h.Override)
	if err != nil {
		return machine{}, err
	}
	hostName, domain, _ := strings.Cut(h.Name, ".")
	m := machine{
		Configuration: configurationOf(h.Target), Target: h.Target,
		HostName: hostName, Domain: domain,
		System: h.System, PackageProfile: h.PackageProfile,
		User: h.User, Elevate: h.Elevate,
		TimeZone: h.TimeZone, Locale: h.Locale,
		TCPPorts: h.TCPPorts, UDPPorts: h.UDPPorts,
		Users: accounts(inv, h), Modules: []string{}, Overrides: set,
	}
	for _, name := range h.ExtraPackages {
		parts, err := inventory.SplitAttrPath(name)
		if err != nil {
			return machine{}, &Refusal{
				What: fmt.Sprintf("host %s: extra_packages: %v", h.Name, err),
				Hint: `such as "htop" or "python3Packages.requests"`,
			}
		}
		m.ExtraPackages = append(m.ExtraPackages, parts)
	}
	for _, name := range h.Modules {
		m.Modules = append(m.Modules, path.Join(customFolder, path.Clean(name)))
	}
	return m, nil
}

// accounts gives the users of one host.
func accounts(inv *inventory.Inventory, h inventory.Host) map[string]account {
	out := make(map[string]account, len(h.Users))
	for _, name := range h.Users {
		u, ok := inv.UserByName(name)
		if !ok {
			continue // a valid inventory names none that it does not have
		}
		home := maps.Clone(u.Home)
		if home == nil {
			home = map[string]bool{}
		}
		maps.Copy(home, h.Home)
		out[name] = account{Description: u.Description, Keys: u.Keys, Admin: u.Admin, Home: home}
	}
	return out
}

// builtinTargets always have a configuration of their own.
func builtinTargets() []string { return []string{"container", "hetzner", "m1", "wsl"} }

func bareTarget(name string) machine {
	return machine{Configuration: configurationOf(name), Target: name, Modules: []string{}, Overrides: []override{}}
}

// configurationOf chooses the file of configurations/ for a target. One of the
// user's own is built on base.
func configurationOf(target string) string {
	if slices.Contains(builtinTargets(), target) {
		return target
	}
	return "base"
}

// encode writes JSON that is the same for the same inventory, a line for each
// value, so that people can read a difference.
func (d *document) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("write inventory.json: %w", err)
	}
	return slices.Clip(b.Bytes()), nil
}
