package inventory

import "slices"

// scope is a kind of table of hosts.toml.
type scope string

const (
	scopeFile   scope = "hosts.toml"
	scopeFleet  scope = "[fleet]"
	scopeFlake  scope = "[flake]"
	scopeSSH    scope = "[ssh]"
	scopePlans  scope = "[plans]"
	scopeStages scope = "[stages]"
	scopeStage  scope = "[stages.NAME]"
	scopeCheck  scope = "[checks.NAME]"
	scopeTarget scope = "[targets.NAME]"
	scopeHost   scope = "[hosts.NAME]"
	scopeInputs scope = "[flake.inputs]"
	scopeUser   scope = "[users.NAME]"
	scopeHome   scope = "[users.NAME.home]"
)

// schema says which key belongs where. What each key means is in settings.go.
type schema struct {
	keys  map[scope][]string
	sets  map[scope]map[string]bool
	order []scope // in which a misplaced key is looked for
}

func newSchema() schema {
	ssh := []string{"user", "bootstrap_user", "elevate", "port", "identity_files", "jump"}
	activation := []string{"checks", "activation", "activation_timeout", "confirm_timeout", "build_timeout", "accept_guard_loss", "return_reboot"}
	target := slices.Concat([]string{"package_profile", "system", "attribute", "modules", "tags",
		"users", "home", "time_zone", "locale", "extra_packages", "tcp_ports", "udp_ports"}, ssh, activation)
	s := schema{
		keys: map[scope][]string{
			scopeFile:   {"fleet", "flake", "ssh", "plans", "stages", "checks", "users", "targets", "hosts"},
			scopeFleet:  {"name"},
			scopeFlake:  {"source", "nixpkgs", "secrets", "inputs", "overlays", "packages"},
			scopeInputs: inputNames(),
			scopeUser:   {"keys", "admin", "description", "home"},
			scopeHome:   homeModules(),
			scopeSSH:    ssh,
			scopePlans:  {"allowed_signers", "require_signature"},
			scopeStages: {"order"},
			scopeStage: slices.Concat([]string{"soak", "batches", "parallel", "max_failures", "on_failure",
				"gate", "frozen", "approval", "windows", "freeze"}, activation),
			scopeTarget: target,
			scopeHost:   slices.Concat([]string{"address", "target", "stage", "host_key", "override"}, target),
			scopeCheck: {"type", "units", "url", "expect_status", "from", "address", "command",
				"interval", "timeout", "successes", "deadline"},
		},
		order: []scope{scopeHost, scopeStage, scopeSSH, scopeTarget, scopeStages, scopeCheck, scopeUser, scopeFlake, scopeInputs, scopeHome, scopePlans, scopeFleet, scopeFile},
		sets:  map[scope]map[string]bool{},
	}
	for sc, keys := range s.keys {
		s.sets[sc] = make(map[string]bool, len(keys))
		for _, k := range keys {
			s.sets[sc][k] = true
		}
	}
	return s
}

func (s *schema) has(sc scope, key string) bool { return s.sets[sc][key] }

// hint says in which other table an unknown key belongs, or else what it was
// meant to be.
func (s *schema) hint(key string, here scope) string {
	for _, sc := range s.order {
		if sc != here && s.has(sc, key) && here != scopeFile {
			return "it belongs in " + string(sc)
		}
	}
	if here == scopeFile {
		return didYouMean(key, "tables", s.keys[here])
	}
	return didYouMean(key, "keys of "+string(here), s.keys[here])
}
