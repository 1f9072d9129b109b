package flake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// NixOS-WSL gives its default user the uid 1000 and root without a password:
// it is who had that uid, else the one admin, and otherwise has to be said. A
// name that hosts.toml gets later changes nothing.
func TestWSLDefaultUserIsNobodyByChance(t *testing.T) {
	person := func(admin bool) object {
		return object{"keys": []string{"ssh-ed25519 AAAA x@example.org"}, "admin": admin}
	}
	login := func(name string, uid int) object {
		facts := targetFacts("wsl")
		facts["user"] = object{"name": name, "uid": uid, "keys": []string{"ssh-ed25519 CCCC op@example.org"}}
		return facts
	}
	plain := func(value any, path ...string) object {
		return object{"path": path, "priority": "plain", "value": value, "file": "hosts.toml"}
	}
	keyless := plain(false, "nixdeploy", "requireKey")
	said := func(name string) []object { return []object{keyless, plain(name, "wsl", "defaultUser")} }
	people := func(admins ...string) object {
		out := object{"zoe": person(false)}
		for _, name := range admins {
			out[name] = person(true)
		}
		return out
	}
	const asks = "Whom does a terminal of Windows log in as?"
	cases := map[string]struct {
		host object
		want string // who, and which uids are fixed; or a part of the refusal
	}{
		"adopted":                {object{"user": "nixos", "facts": login("nixos", 1000), "users": people("ann")}, "nixos nixos=1000"},
		"adopted, and others":    {object{"user": "nixos", "facts": login("nixos", 1000), "users": people("aaron", "ann")}, "nixos nixos=1000"},
		"adopted, not deploys":   {object{"facts": login("nixos", 1000), "users": people("ann")}, "nixos nixos=1000"},
		"adopted, an admin":      {object{"facts": login("ann", 1000), "users": people("aaron", "ann")}, "ann ann=1000"},
		"adopted, no admin":      {object{"facts": login("zoe", 1000), "users": people("ann")}, "zoe, who it was, is no admin"},
		"another is said":        {object{"user": "nixos", "facts": login("nixos", 1000), "users": people("ann"), "overrides": said("ann")}, "ann nixos=1000"},
		"another, all the way":   {object{"facts": login("nixos", 1000), "users": people("ann"), "overrides": said("ann")}, "ann ann=1000"},
		"no admin is said":       {object{"facts": login("deploy", 1001), "users": people("ann"), "overrides": said("zoe")}, "zoe deploy=1001 zoe=1000"},
		"the one admin":          {object{"facts": login("deploy", 1001), "users": people("ann")}, "ann ann=1000 deploy=1001"},
		"who deploys is none":    {object{"facts": login("deploy", 1001), "users": people("deploy", "zed")}, "zed deploy=1001 zed=1000"},
		"several admins":         {object{"facts": login("deploy", 1001), "users": people("aaron", "ann")}, "hosts.toml has several admins"},
		"no admin":               {object{"facts": login("deploy", 1001), "users": people()}, "hosts.toml has no admin"},
		"nobody but who deploys": {object{"user": "zoe", "facts": login("root", 0), "users": people()}, "nixos nixos=1000"},
		"adopted, who deploys":   {object{"user": "zoe", "facts": login("zoe", 1000), "users": people()}, "zoe zoe=1000"},
		"nobody":                 {object{"facts": login("deploy", 1001), "users": object{}}, "nixos deploy=1001 nixos=1000"},
	}
	hosts := object{}
	for name, c := range cases {
		if c.host["overrides"] == nil {
			c.host["overrides"] = []object{keyless}
		}
		hosts[name] = targetHost("wsl", c.host)
	}
	dir := layTree(t, "26.05", object{"hosts": hosts, "targets": object{"wsl": object{"configuration": "wsl", "target": "wsl"}}}, nil)
	got := map[string]string{}
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: { config, ... }: let
	  failed = builtins.filter (a: !a.assertion) config.assertions;
	  fixed = builtins.filter (u: u.isNormalUser && u.uid != null) (builtins.attrValues config.users.users);
	in builtins.concatStringsSep " " (if failed != [ ] then map (a: a.message) failed
	  else [ config.wsl.defaultUser ] ++ map (u: "${u.name}=${toString u.uid}") fixed))`, &got)
	for name, c := range cases {
		switch refused := strings.Contains(c.want, " is no ") || strings.Contains(c.want, "hosts.toml"); {
		case refused && (!strings.Contains(got[name], asks) || !strings.Contains(got[name], c.want)):
			t.Errorf("%s: %q does not say %q", name, got[name], c.want)
		case !refused && !cmp.Equal(got[name], c.want):
			t.Errorf("%s: %q, want %q", name, got[name], c.want)
		}
	}
	if got["wsl"] != "nixos nixos=1000" {
		t.Errorf("the bare target: %q", got["wsl"])
	}
}
