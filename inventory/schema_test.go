package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tableOf is a valid fleet with room for one key in a table of each scope.
func tableOf(s scope, key string) string {
	with := func(header string) string { return small + header + "\n" + key + "\n" }
	switch s {
	case scopeFile:
		return key + "\n" + strings.Replace(small, "["+strings.Fields(key)[0]+"]", "[x]", 1)
	case scopeFleet:
		return strings.Replace(small, `name = "home"`, key, 1)
	case scopeFlake:
		return with("[flake]")
	case scopeInputs, scopeUser, scopeHome:
		return with(strings.Replace(string(s), "NAME", "ann", 1))
	case scopeSSH:
		return with("[ssh]")
	case scopePlans:
		return with("[plans]")
	case scopeStages:
		return strings.Replace(small, `order = ["dev"]`, key, 1)
	case scopeStage:
		return with("[stages.dev]")
	case scopeCheck:
		return with("[checks.c]")
	case scopeTarget:
		return with("[targets.mine]")
	case scopeHost:
		name := strings.Fields(key)[0]
		text := small
		for _, required := range []string{"address", "target", "stage"} {
			if name == required {
				text = strings.Replace(text, required+" =", "#", 1)
			}
		}
		return text + key + "\n"
	}
	return ""
}

// Each key of the schema is read: a value of a type that no key has (a date) is
// refused in every table that knows the key, at its place. A key that only the
// schema knew would be accepted and ignored.
func TestEveryKeyOfTheSchemaIsRead(t *testing.T) {
	s := newSchema()
	for sc, keys := range s.keys {
		for _, key := range keys {
			t.Run(string(sc)+" "+key, func(t *testing.T) {
				text := tableOf(sc, key+" = 1979-05-27")
				at := 1 + strings.Count(text[:strings.Index(text, "1979")], "\n")
				problems := problemsOf(t, text)
				if !slices.ContainsFunc(problems, func(p Problem) bool {
					return p.Line == at && p.Col == len(key)+4 && strings.Contains(p.What, key+": ") && strings.Contains(p.What, "a date or time")
				}) {
					t.Errorf("%s is not read: %v", key, problems)
				}
			})
		}
	}
}

// A key that belongs elsewhere is refused wherever it does not belong, with a
// word on where it does.
func TestMisplacedKeys(t *testing.T) {
	s := newSchema()
	for _, sc := range []scope{scopeFleet, scopeFlake, scopeInputs, scopeUser, scopeHome, scopeSSH, scopePlans, scopeStage, scopeCheck, scopeTarget, scopeHost} {
		for _, owner := range []scope{scopeFlake, scopeInputs, scopeUser, scopeHome, scopeSSH, scopePlans, scopeStage, scopeCheck, scopeHost} {
			for _, key := range s.keys[owner] {
				if s.has(sc, key) {
					continue
				}
				problems := problemsOf(t, tableOf(sc, key+" = 1"))
				want := fmt.Sprintf("unknown key %q", key)
				if !slices.ContainsFunc(problems, func(p Problem) bool {
					return strings.HasSuffix(p.What, want) && strings.HasPrefix(p.Hint, "it belongs in [")
				}) {
					t.Errorf("%s in %s: %v", key, sc, problems)
				}
			}
		}
	}
}

// Every key that hosts.toml knows is in the list of Resolved, or is a matter of
// a stage, a check or the file.
func TestEverySettingOfAHostIsShown(t *testing.T) {
	s := newSchema()
	for _, key := range s.keys[scopeHost] {
		if key != "override" && !slices.Contains(settingKeys(), key) {
			t.Errorf("%s is not shown by Resolved", key)
		}
	}
	for _, key := range settingKeys() {
		if !s.has(scopeHost, key) {
			t.Errorf("%s is shown, and no host may have it", key)
		}
	}
}

func TestOwnFlake(t *testing.T) {
	for _, source := range []string{".", "./nixos", "../nixos", "/etc/nixos", "nixos", "flakes/home"} {
		inv := mustParse(t, small+"[flake]\nsource = \""+source+"\"\n")
		if inv.Flake.Rendered() || inv.Flake.Source != source || inv.Flake.Nixpkgs != "" {
			t.Errorf("%q: %+v", source, inv.Flake)
		}
	}
	if inv := mustParse(t, small); !inv.Flake.Rendered() || inv.Flake.Nixpkgs != DefaultNixpkgs {
		t.Errorf("without [flake]: %+v", inv.Flake)
	}
}

func TestModulesStayInTheFolder(t *testing.T) {
	inv := mustParse(t, small+`modules = ["./a.nix", "x/../b.nix", "c/d e.nix"]`)
	if got := strings.Join(inv.Hosts[0].Modules, "|"); got != "a.nix|b.nix|c/d e.nix" {
		t.Errorf("modules %q", got)
	}
	for _, bad := range []string{"/a.nix", "../a.nix", "a/../../b.nix", "..", ".", "~/a.nix", "https://x/a.nix"} {
		if p := problemsOf(t, small+"modules = [\""+bad+"\"]"); len(p) != 1 || p[0].Line != 11 {
			t.Errorf("%q: %v", bad, p)
		}
	}
	// Two ways to write one file are one file.
	if p := problemsOf(t, small+`modules = ["a.nix", "./a.nix"]`); !strings.Contains(p[0].What, "listed twice") {
		t.Errorf("got %v", p)
	}
}

// A mistake in a default is one problem, not one for each host that has it.
func TestMistakesInDefaultsAreReportedOnce(t *testing.T) {
	text := strings.Replace(small, `"hetzner"`, `"mine"`, 1) + "[targets.mine]\nport = 0\n[ssh]\nuser = \"-x\"\n[stages.dev]\nchecks = [\"x\"]\n"
	for i := range 5 {
		text += fmt.Sprintf("[hosts.h%d]\naddress = \"192.0.2.9%d\"\ntarget = \"mine\"\nstage = \"dev\"\n", i, i)
	}
	if p := problemsOf(t, text); len(p) != 3 {
		t.Errorf("got %d problems: %v", len(p), p)
	}
}
