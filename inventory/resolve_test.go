package inventory

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const layered = `[fleet]
name = "home"
[ssh]
user = "deploy"
port = 2200
elevate = "doas"
bootstrap_user = "root"
identity_files = ["~/.ssh/fleet"]
jump = "bastion"
[stages]
order = ["dev", "prod"]
[stages.prod]
activation = "test-first"
confirm_timeout = "90s"
accept_guard_loss = true
checks = ["units", "web"]
[checks.web]
type = "http"
url = "http://{address}/"
[targets.hetzner]
port = 2201
confirm_timeout = "2m"
package_profile = "full"
system = "x86_64-linux"
tags = ["cloud", "web"]
modules = ["./common.nix"]
[hosts.web-1]
address = "192.0.2.1"
target = "hetzner"
stage = "prod"
port = 2202
tags = ["web", "eu"]
modules = ["web/1.nix"]
jump = []
user = "root"
accept_guard_loss = false
[hosts.web-2]
address = "192.0.2.2"
target = "hetzner"
stage = "prod"
attribute = "web"
elevate = "sudo"
[hosts.plain]
address = "192.0.2.3"
target = "wsl"
stage = "dev"
`

func TestProvenance(t *testing.T) {
	inv := mustParse(t, layered)
	type row struct {
		host, key, value, from string
		line                   int
	}
	for _, want := range []row{
		{"web-1", "address", "192.0.2.1", "host web-1", 28},
		{"web-1", "port", "2202", "host web-1", 31},
		{"web-1", "user", "root", "host web-1", 35},
		{"web-1", "elevate", "doas", "ssh", 6},
		{"web-1", "jump", "", "host web-1", 34},
		{"web-1", "identity_files", "~/.ssh/fleet", "ssh", 8},
		{"web-1", "tags", "cloud, eu, web", "host web-1, target hetzner", 32},
		{"web-1", "modules", "common.nix, web/1.nix", "host web-1, target hetzner", 33},
		{"web-1", "activation", "test-first", "stage prod", 13},
		{"web-1", "confirm_timeout", "2m", "target hetzner", 22},
		{"web-1", "accept_guard_loss", "false", "host web-1", 36},
		{"web-1", "checks", "units, web", "stage prod", 16},
		{"web-1", "attribute", "web-1", "default", 0},
		{"web-2", "port", "2201", "target hetzner", 21},
		{"web-2", "user", "deploy", "ssh", 4},
		{"web-2", "bootstrap_user", "root", "ssh", 7},
		{"web-2", "elevate", "sudo", "host web-2", 42},
		{"web-2", "jump", "bastion", "ssh", 9},
		{"web-2", "tags", "cloud, web", "target hetzner", 25},
		{"web-2", "accept_guard_loss", "true", "stage prod", 15},
		{"web-2", "attribute", "web", "host web-2", 41},
		{"web-2", "package_profile", "full", "target hetzner", 23},
		{"plain", "port", "2200", "ssh", 5},
		{"plain", "activation", "switch", "default", 0},
		{"plain", "activation_timeout", "15m", "default", 0},
		{"plain", "confirm_timeout", "1m", "default", 0},
		{"plain", "build_timeout", "1h", "default", 0},
		{"plain", "checks", "units", "default", 0},
		{"plain", "system", "", "default", 0},
	} {
		h, _ := inv.HostByName(want.host)
		got := row{host: want.host, key: want.key}
		for _, s := range Resolved(h) {
			if s.Key == want.key {
				got.value, got.from, got.line = s.Value, s.Origin.From, s.Origin.Line
			}
		}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// Without [ssh], root logs in and needs no elevation; any other user needs sudo.
func TestElevateFollowsTheUser(t *testing.T) {
	for text, want := range map[string]string{
		small:                         "none",
		small + "user = \"deploy\"\n": "sudo",
		small + "user = \"deploy\"\nelevate = \"none\"\n":  "none",
		small + "[ssh]\nuser = \"deploy\"\n":               "sudo",
		small + "user = \"root\"\n[ssh]\nuser = \"dep\"\n": "none",
	} {
		if got := mustParse(t, text).Hosts[0].Elevate; got != want {
			t.Errorf("elevate %q, want %q, for\n%s", got, want, text)
		}
	}
}

func TestResolvedIsStableAndComplete(t *testing.T) {
	h := mustParse(t, small+`[hosts.dev-1.override]
b = 1
a = "x"
[hosts.dev-1.override.force]
c = true
`).Hosts[0]
	var keys []string
	for _, s := range Resolved(h) {
		if s.Origin.From == "" {
			t.Errorf("%s came from nowhere", s.Key)
		}
		keys = append(keys, s.Key)
	}
	want := append(settingKeys(), "override.a", "override.b", "override.force.c")
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if len(h.Provenance) != len(want) {
		t.Errorf("provenance of %d keys, settings %d", len(h.Provenance), len(want))
	}
}

func TestHostKeyIsPinnedWithoutItsComment(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
	h := mustParse(t, small+`host_key = "`+key+` root@dev-1"`).Hosts[0]
	if h.HostKey != key {
		t.Errorf("host key %q", h.HostKey)
	}
	for _, bad := range []string{"ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa " + key[12:], key[12:], key[:40] + "!", "ssh-dss AAAA"} {
		if p := problemsOf(t, small+`host_key = "`+bad+`"`); len(p) != 1 {
			t.Errorf("%q: %v", bad, p)
		}
	}
}

func TestShareInJSON(t *testing.T) {
	in := []Share{{3, false}, {25, true}, {0, true}}
	data, err := json.Marshal(in)
	if err != nil || string(data) != `[3,"25%","0%"]` {
		t.Fatalf("%s, %v", data, err)
	}
	var out []Share
	if err := json.Unmarshal(data, &out); err != nil || !cmp.Equal(in, out) {
		t.Errorf("%v came back as %v, %v", in, out, err)
	}
	for _, bad := range []string{`"x"`, `-1`, `"101%"`, `1.5`, `null`} {
		if err := json.Unmarshal([]byte("["+bad+"]"), &out); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
