package flake

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	Schema  int                `json:"schema"`
	Hosts   map[string]machine `json:"hosts"`
	Targets map[string]machine `json:"targets"`
}

// machine is one nixosConfiguration. Empty strings are left out, and the tree
// has a default for each.
type machine struct {
	Configuration  string     `json:"configuration"` // a file of configurations/
	Target         string     `json:"target"`
	HostName       string     `json:"hostName,omitempty"`
	Domain         string     `json:"domain,omitempty"`
	System         string     `json:"system,omitempty"`
	PackageProfile string     `json:"packageProfile,omitempty"`
	User           string     `json:"user,omitempty"`
	Elevate        string     `json:"elevate,omitempty"`
	Modules        []string   `json:"modules"`   // paths inside the flake
	Overrides      []override `json:"overrides"` // host over target, resolved
}

func newDocument(inv *inventory.Inventory) (*document, error) {
	doc := &document{Hosts: map[string]machine{}, Targets: map[string]machine{}}
	for _, h := range inv.Hosts {
		m, err := newMachine(h)
		if err != nil {
			return nil, err
		}
		doc.Hosts[h.Name] = m
		doc.addTarget(m)
	}
	for _, h := range inv.Hosts {
		if err := doc.checkAttribute(h); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// addTarget keeps what all hosts of a target share.
func (d *document) addTarget(m machine) {
	t, known := d.Targets[m.Target]
	if !known {
		t = machine{
			Configuration: m.Configuration, Target: m.Target,
			System: m.System, PackageProfile: m.PackageProfile,
			Modules: []string{}, Overrides: []override{},
		}
	}
	if t.System != m.System {
		t.System = ""
	}
	if t.PackageProfile != m.PackageProfile {
		t.PackageProfile = ""
	}
	d.Targets[m.Target] = t
}

func (d *document) checkAttribute(h inventory.Host) error {
	_, isHost := d.Hosts[h.Attribute]
	_, isTarget := d.Targets[h.Attribute]
	if h.Attribute == "" || isHost || isTarget {
		return nil
	}
	return &Refusal{
		What: fmt.Sprintf("host %s: the rendered flake has no configuration %q", h.Name, h.Attribute),
		Hint: "remove attribute, or name a host or a target of hosts.toml",
	}
}

func newMachine(h inventory.Host) (machine, error) {
	configuration, err := configurationOf(h)
	if err != nil {
		return machine{}, err
	}
	set, err := overrides(h.Name, h.Override)
	if err != nil {
		return machine{}, err
	}
	hostName, domain, _ := strings.Cut(h.Name, ".")
	m := machine{
		Configuration: configuration, Target: h.Target,
		HostName: hostName, Domain: domain,
		System: h.System, PackageProfile: h.PackageProfile,
		User: h.User, Elevate: h.Elevate,
		Modules: []string{}, Overrides: set,
	}
	for _, name := range h.Modules {
		m.Modules = append(m.Modules, path.Join(customFolder, path.Clean(name)))
	}
	return m, nil
}

// configurationOf chooses the file of configurations/ for a host's target. A
// target of the user's own is built on base.
func configurationOf(h inventory.Host) (string, error) {
	switch h.Target {
	case "container":
		return "container", nil
	case "wsl", "hetzner", "m1":
		return "", &Refusal{
			What: fmt.Sprintf("host %s: target %s cannot be rendered yet, it comes with the architecture issue", h.Name, h.Target),
			Hint: `use target = "container" or one of your own, or [flake] source = PATH of your own flake`,
		}
	}
	return "base", nil
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
