package savedplan

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

const (
	oldSystem = "/nix/store/0c4kx1mmx7zjy0y2kq0zv7bm6i2y4l5n-nixos-system-web-1-26.05"
	newSystem = "/nix/store/1d5ly2nny8zkz1z3lr1zw8cn7j3z5m6p-nixos-system-web-1-26.05"
	third     = "/nix/store/2f6mz3ppz9zlz2z4ms2zx9dp8k4z6n7q-nixos-system-web-1-26.05"
)

const fleetTOML = `[fleet]
name = "home"

[flake]
source = "."

[stages]
order = ["dev", "prod"]

[stages.prod]
batches = [1, "50%", "100%"]
parallel = 3

[targets.server]

[hosts.dev-1]
address = "10.0.0.1"
target = "server"
stage = "dev"

[hosts.web-1]
address = "10.0.0.2"
target = "server"
stage = "prod"

[hosts.web-2]
address = "10.0.0.3"
target = "server"
stage = "prod"
`

func parse(t *testing.T, text string) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Parse("hosts.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// open writes files into a folder and opens it as a flake.
func open(t *testing.T, files map[string]string) *flake.Flake {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := flake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func links(profile string, number string) deploy.Links {
	return deploy.Links{
		ProfileLink: "system-" + number + "-link", Profile: profile, Running: profile, Booted: oldSystem, NextBoot: profile,
		Reader: "systemd-boot",
	}
}

func hostPlan(host string, wave int) deploy.HostPlan {
	return deploy.HostPlan{
		Host: host, Target: "server", Wave: wave, Change: deploy.ChangeSwitch, Wanted: newSystem,
		Observed: &deploy.Observation{Links: links(oldSystem, "41"), NixOS: true, MachineID: "id of " + host},
		Build:    []string{"/nix/store/a.drv"}, Notes: []string{"a <note> & more"},
	}
}

// document is a valid plan of three hosts in two stages.
func document(t *testing.T) *Document {
	t.Helper()
	inv, f := parse(t, fleetTOML), open(t, map[string]string{"flake.nix": "{ }", "hosts/web.nix": "1"})
	d := &Document{
		Format: Format, Version: "0.1", ID: "01JDXK7QJ3M8Z9V6B2T4R5W0AX", Made: time.Unix(1764000000, 0).UTC(), By: "me@here",
		Fleet: "home", Inventory: InventoryOf(inv, "/fleet/hosts.toml", inv.Hosts), Flake: FlakeOf(f),
	}
	for _, s := range inv.Stages {
		p := deploy.Plan{Fleet: "home", Stage: s.Name, Flake: f.Digest(), Policy: s, AtMost: time.Hour}
		for _, h := range inv.Hosts {
			if h.Stage == s.Name {
				p.Waves = append(p.Waves, []string{h.Name})
				p.Hosts = append(p.Hosts, hostPlan(h.Name, len(p.Waves)))
			}
		}
		d.Stages = append(d.Stages, p)
	}
	return d
}
