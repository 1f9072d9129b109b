package view

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func optionPage(o deploy.OptionFacts) OptionPage {
	o.Kind, o.Path, o.Loc = deploy.OptionKind, []string{"time", "timeZone"}, []string{"time", "timeZone"}
	return OptionPage{Host: "web-1", Rendered: true, One: true, Options: []deploy.OptionFacts{o}}
}

func TestAnOptionOnAScreen(t *testing.T) {
	page := optionPage(deploy.OptionFacts{
		Type: "null or string", Value: "Mine", Declared: []string{"nixpkgs/nixos/modules/config/locale.nix"}, Complete: true,
		Description: "The time zone.\n\nA long story.",
		HasDefault:  true,
		Definitions: []deploy.OptionDefinition{
			{File: "configurations/base.nix", Priority: 1400, Value: "UTC"},
			{File: "modules/custom/clock.nix", Priority: 100, Value: "Mine", Won: true},
			{File: "hosts.toml, override.default of web-1", Priority: 1000, Value: "Host"},
		},
	})
	want := `time.timeZone of web-1
  value     "Mine"
  type      null or string
  default   null
  about     The time zone.
  declared  nixpkgs/nixos/modules/config/locale.nix
     set by                                 priority         layer  value
  ✓  modules/custom/clock.nix               plain            host   "Mine"
  ·  hosts.toml, override.default of web-1  mkDefault        host   "Host"
  ·  configurations/base.nix                mkOverride 1400  base   "UTC"
`
	if got := (Style{Unicode: true}).Options(page); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	page.Options[0].HasDefault = false
	if got := (Style{}).Options(page); strings.Contains(got, "default  ") {
		t.Errorf("it has no default:\n%s", got)
	}
	page.Rendered = false
	if got := (Style{Unicode: true}).Options(page); strings.Contains(got, "layer") {
		t.Errorf("a flake of one's own has layers:\n%s", got)
	}
}

func TestAnOptionThatHasNoValueSaysWhy(t *testing.T) {
	two := []deploy.OptionDefinition{{File: "a.nix", Priority: 100, Value: "A", Won: true}, {File: "b.nix", Priority: 100, Value: "B", Won: true}}
	for name, c := range map[string]struct {
		facts deploy.OptionFacts
		wants []string
	}{
		"a conflict":       {deploy.OptionFacts{Fails: true, Definitions: two, Complete: true}, []string{"2 definitions are as strong as each other", "[hosts.web-1.override.force]", `"A"`, `"B"`}},
		"nothing":          {deploy.OptionFacts{Fails: true, Complete: true}, []string{"nothing sets it"}},
		"losers not known": {deploy.OptionFacts{Definitions: two[:1], Value: "A"}, []string{"what it overrode cannot be told"}},
	} {
		if got := (Style{}).Options(optionPage(c.facts)); !containsAll(strings.Join(strings.Fields(got), " "), c.wants) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// What a flake says cannot write to the terminal.
func TestAnOptionIsCleaned(t *testing.T) {
	evil := "x\x1b[2J\u202e"
	page := optionPage(deploy.OptionFacts{
		Type: evil, Value: evil, Description: evil, Declared: []string{evil},
		Definitions: []deploy.OptionDefinition{{File: evil, Value: map[string]any{evil: evil}, Won: true}},
	})
	page.Overridden = evil
	table := page
	table.One, table.Flake, table.Inputs = false, evil, map[string]string{evil: evil}
	folder := page
	folder.Options = []deploy.OptionFacts{{Kind: deploy.NamespaceKind, Path: []string{evil}, Names: []string{evil}}}
	for _, p := range []OptionPage{page, table, folder} {
		if got := (Style{Unicode: true}).Options(p); strings.ContainsAny(got, "\x1b\u202e") {
			t.Errorf("%q", got)
		}
		if got := string(JSONOptions("1", p)); strings.Contains(got, "\x1b") {
			t.Errorf("%q", got)
		}
	}
}

func TestValuesAreWrittenAsNix(t *testing.T) {
	for text, want := range map[string]string{
		`null`: "null", `true`: "true", `12`: "12", `9007199254740993`: "9007199254740993", `1.5`: "1.5", `"a\"b${c}"`: `"a\"b\${c}"`,
		`[]`: "[ ]", `{}`: "{ }", `["a",1]`: `[ "a" 1 ]`, `{"b":1,"a.b":[true]}`: `{ "a.b" = [ true ]; b = 1; }`, `"«function»"`: "«function»",
	} {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if got := NixText(v); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
