package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// What init writes for a host of a kind that differs is what that kind can be
// deployed with, with nothing filled in but where the host is: a fresh NixOS-WSL
// knows the user nixos alone, and is not started again by itself.
func TestAStarterForWSLIsDeployed(t *testing.T) {
	s := newSimulated(t)
	wsl := &simfleet.Traits{WSL: true, Users: []simfleet.User{{Name: "nixos", Root: true}}}
	fleet, err := simfleet.NewFleet(simfleet.FleetOptions{Seed: "starter", Hosts: []simfleet.HostOptions{{
		Hostname: "desk", Traits: wsl,
		SystemFor: func(files []flake.File, attribute string) (simfleet.System, error) {
			return simfleet.System{Toplevel: simfleet.ToplevelPath(flake.HashFiles(files), attribute)}, nil
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := fleet.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	s.app.Dir = t.TempDir()
	desk := fleet.Host("desk")
	address, port := desk.Endpoint()
	s.run(t, 0, "init", "--target", "wsl", "--host", "desk="+address, "--key", testKey)

	path := s.app.Dir + "/hosts.toml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.app.Dir+"/client_key", string(key))
	put(t, s.app.Dir+"/flake.lock", lockFor(inventory.FlakeSource{Nixpkgs: "github:NixOS/nixpkgs/nixos-26.05"}, strings.Repeat("0", 40)))
	put(t, path, strings.NewReplacer(
		"[ssh]\n", fmt.Sprintf("[ssh]\nidentity_files = [%q]\n", s.app.Dir+"/client_key"),
		"[hosts.desk]\n", fmt.Sprintf("[hosts.desk]\nport = %s\nhost_key = %q\n", port, desk.HostKeyLine()),
		`soak = "30s"`, `soak = "0s"`,
	).Replace(string(text)))

	before := desk.Links()
	s.run(t, 0, "apply", "--first", "--yes")
	if now := desk.Links(); now.Running == before.Running || now.Profile != now.Running {
		t.Errorf("was %+v, is %+v", before, now)
	}
	s.says(t, "confirmed")
}
