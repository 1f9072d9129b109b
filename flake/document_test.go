package flake

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// inventory.json is what lib/system.nix reads: its keys are a contract.
func TestInventoryJSON(t *testing.T) {
	h := box("web-1.example.org")
	h.Target, h.TimeZone, h.Locale = "wsl", "Europe/Amsterdam", "en_US.UTF-8"
	h.ExtraPackages = []string{"htop", `python3Packages."x.y"`}
	h.TCPPorts, h.UDPPorts = []int{80, 443}, []int{51820}
	h.Users, h.Home = []string{"ann", "bob"}, map[string]bool{"shell": false, "tools": true}
	h.Override = inventory.Override{Force: map[string]any{"a.b": int64(1)}}
	inv := fleet(t, t.TempDir(), h)
	inv.Flake.Secrets = inventory.SecretsSops
	inv.Users = []inventory.User{
		{Name: "ann", Description: "Ann", Keys: []string{publicKey}, Admin: true, Home: map[string]bool{"shell": true, "editors": true}},
		{Name: "bob"}, {Name: "carl"},
	}
	doc, err := newDocument(inv)
	if err != nil {
		t.Fatal(err)
	}
	doc.adopt(map[string]adopted{h.Name: {}})
	data, err := doc.encode()
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{
	  "schema": 0, "fleet": "home", "secrets": "sops-nix",
	  "hosts": { "web-1.example.org": {
	    "configuration": "wsl", "target": "wsl", "hostName": "web-1", "domain": "example.org",
	    "system": "x86_64-linux", "packageProfile": "minimal", "user": "deploy", "elevate": "sudo",
	    "timeZone": "Europe/Amsterdam", "locale": "en_US.UTF-8",
	    "extraPackages": [["htop"], ["python3Packages", "x.y"]],
	    "tcpPorts": [80, 443], "udpPorts": [51820],
	    "users": {
	      "ann": { "description": "Ann", "keys": ["`+publicKey+`"], "admin": true, "home": { "editors": true, "shell": false, "tools": true } },
	      "bob": { "home": { "shell": false, "tools": true } }
	    },
	    "modules": [],
	    "overrides": [ { "path": ["a", "b"], "priority": "force", "value": 1, "file": "hosts.toml, override.force of web-1.example.org" } ]
	  } },
	  "targets": {
	    "container": { "configuration": "container", "target": "container", "modules": [], "overrides": [] },
	    "hetzner": { "configuration": "hetzner", "target": "hetzner", "modules": [], "overrides": [] },
	    "m1": { "configuration": "m1", "target": "m1", "modules": [], "overrides": [] },
	    "wsl": { "configuration": "wsl", "target": "wsl", "system": "x86_64-linux", "packageProfile": "minimal", "modules": [], "overrides": [] }
	  }
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A user whom no host has changes no flake, and one host's home modules are not
// another's.
func TestUsersOfOneHostAreNotThoseOfAnother(t *testing.T) {
	a, b := box("a"), box("b")
	a.Users, b.Users, a.Home = []string{"ann"}, []string{"ann"}, map[string]bool{"shell": true}
	inv := fleet(t, t.TempDir(), a, b)
	inv.Users = []inventory.User{{Name: "ann", Home: map[string]bool{"tools": true}}}
	doc, err := newDocument(inv)
	if err != nil {
		t.Fatal(err)
	}
	if home := doc.Hosts["b"].Users["ann"].Home; len(home) != 1 {
		t.Errorf("home modules of b: %v", home)
	}
	before, err := Render(inv)
	if err != nil {
		t.Fatal(err)
	}
	inv.Users = append(inv.Users, inventory.User{Name: "zoe"})
	after, err := Render(inv)
	if err != nil {
		t.Fatal(err)
	}
	if before.Hash != after.Hash {
		t.Error("a user of no host gives a new flake")
	}
}
