package simfleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
)

// The releases of the demo's flake.
const (
	DemoFirst = 1 // what every host runs and has confirmed when the demo begins
	DemoGood  = 2
	DemoBad   = 3 // in dev, a unit fails after the switch
)

const demoFleet = "demo"

// DemoFleet is the fleet of `nixdeploy demo`: five simulated hosts in three
// stages, with a hosts.toml, a known_hosts, a client key and a flake of the
// user's own in one folder. No root, no Nix, no network but loopback. Close it.
type DemoFleet struct {
	Dir       string
	Inventory string // hosts.toml: all that the command line needs

	fleet *Fleet
}

// demoHost is one host of the demo.
type demoHost struct {
	name, stage, target string
	traits              *Traits
}

func demoHosts() []demoHost {
	box := &Traits{Container: true, BootTime: demoBoot}
	machine := &Traits{BootTime: demoBoot}
	return []demoHost{
		{"box-1", "container", "container", box},
		{"dev-1", "dev", "hetzner", machine},
		{"dev-2", "dev", "hetzner", machine},
		{"web-1", "prod", "hetzner", machine},
		{"web-2", "prod", "hetzner", machine},
	}
}

// Long enough to be seen, short enough to be waited for.
const (
	demoBoot   = 2 * time.Second
	demoEval   = 40 * time.Millisecond
	demoBuild  = 150 * time.Millisecond
	demoSwitch = 300 * time.Millisecond
)

// Demo starts the fleet and writes its files into dir, which is made when it is
// not there. Release 1 is in place, on disk and on the hosts.
func Demo(dir string) (*DemoFleet, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d := &DemoFleet{Dir: dir, Inventory: filepath.Join(dir, "hosts.toml")}
	if err := d.Release(DemoFirst); err != nil {
		return nil, err
	}
	first, err := flake.Open(filepath.Join(dir, demoFlakeDir))
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	options := FleetOptions{Seed: demoFleet}
	for _, h := range demoHosts() {
		system, err := demoSystem(first.Files, h.name)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		options.Hosts = append(options.Hosts, HostOptions{
			Hostname: h.name, Traits: h.traits, System: system, Generation: 41, SystemFor: demoSystem, Uptime: 30 * time.Hour,
		})
	}
	if d.fleet, err = NewFleet(options); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	for _, h := range demoHosts() {
		d.fleet.Host(h.name).Confirmed(first.Digest(), h.name, h.stage, demoFleet)
	}
	if err := d.writeAccess(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// writeAccess writes what is needed to reach the hosts.
func (d *DemoFleet) writeAccess() error {
	key, err := d.fleet.ClientKey()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	keyFile := filepath.Join(d.Dir, "client_key")
	entries := map[string]Entry{}
	for _, h := range demoHosts() {
		entries[h.name] = Entry{Stage: h.stage, Target: h.target}
	}
	text := fmt.Sprintf(demoInventory, demoFleet, "./"+demoFlakeDir, keyFile) +
		d.fleet.HostsTOML(func(name string) Entry { return entries[name] })
	for _, f := range []struct {
		path string
		data []byte
		mode os.FileMode
	}{
		{keyFile, key, 0o600},
		{filepath.Join(d.Dir, "known_hosts"), []byte(d.fleet.KnownHosts()), 0o600},
		{d.Inventory, []byte(text), 0o644},
	} {
		if err := writeFile(f.path, f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

const demoInventory = `# The fleet of nixdeploy demo: simulated hosts in the process that wrote this.

[fleet]
name = %q

[flake]
source = %q

[ssh]
user = "deploy"
elevate = "sudo"
identity_files = [%q]

[stages]
order = ["container", "dev", "prod"]

[stages.dev]
soak = "1s"

[stages.prod]
activation = "test-first"
batches = [1, "100%%"]

[checks.units]
type = "units"
interval = "200ms"
timeout = "2s"
deadline = "3s"
`

// writeFile replaces a file as a whole.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	temp := path + ".tmp"
	if err := os.WriteFile(temp, data, mode); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// Names lists the hosts in the order of the rollout.
func (d *DemoFleet) Names() []string { return d.fleet.Names() }

// Host gives one host, for what a demo does to it; nil for none.
func (d *DemoFleet) Host(name string) *Member { return d.fleet.Host(name) }

// Links reads every host as it is now, past its network.
func (d *DemoFleet) Links() map[string]deploy.Links {
	links := map[string]deploy.Links{}
	for _, name := range d.fleet.Names() {
		links[name] = d.fleet.Host(name).Links()
	}
	return links
}

// Connections is how many connections each host got since the demo began.
func (d *DemoFleet) Connections() map[string]int {
	n := map[string]int{}
	for _, name := range d.fleet.Names() {
		n[name] = d.fleet.Host(name).Connections()
	}
	return n
}

// Close ends the fleet. The files stay.
func (d *DemoFleet) Close() error { return d.fleet.Close() }
