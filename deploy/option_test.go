package deploy

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// The layers that option tells are those of the tree.
func TestLayersAreThoseOfTheTree(t *testing.T) {
	text, err := os.ReadFile("../flake/tree/lib/priorities.nix")
	if err != nil {
		t.Fatal(err)
	}
	tree := map[int]string{}
	for _, m := range regexp.MustCompile(`(?m)^  (\w+) = lib\.mkOverride (\d+);`).FindAllStringSubmatch(string(text), -1) {
		if n, err := strconv.Atoi(m[2]); err == nil && m[1] != "overNixos" {
			tree[n] = m[1]
		}
	}
	if !maps.Equal(tree, layerPriorities()) {
		t.Errorf("the tree has %v, option tells %v", tree, layerPriorities())
	}
}

func TestLayerOfADefinition(t *testing.T) {
	for _, c := range []struct {
		file     string
		priority int
		want     string
	}{
		{"modules/nixdeploy/ssh.nix", 1400, "base"},
		{"configurations/wsl.nix", 1200, "target"},
		{"inventory.json", 1100, "host"},
		{"hosts.toml, override.force of web-1", 50, "host"},
		{"modules/custom/nix/web.nix", 100, "host"},
		{"modules/services/networking.nix", 100, "service"}, // a list
		{"modules/desktop/remote-access.nix", 990, "desktop"},
		{"configurations/base.nix", 100, "base"},
		{"configurations/hetzner.nix", 100, "target"},
		{"nixpkgs/nixos/modules/services/networking/ssh/sshd.nix", 1000, "nixos"},
		{"nixpkgs/nixos/modules/x.nix", 1100, "nixos"},
		{"home-manager/nixos/common.nix", 100, ""},
	} {
		if got := Layer(OptionDefinition{File: c.file, Priority: c.priority}); got != c.want {
			t.Errorf("%s at %d: %q, want %q", c.file, c.priority, got, c.want)
		}
	}
}

func TestFilesAreNamedAsInTheirFlake(t *testing.T) {
	a := OptionAnswer{
		Sources: []OptionSource{{"", "/nix/store/a-source"}, {"nixpkgs", "/nix/store/b-source"}},
		Options: []OptionFacts{{
			Declared: []string{"/nix/store/b-source/nixos/x.nix"},
			Definitions: []OptionDefinition{
				{File: "/nix/store/a-source/configurations/base.nix"},
				{File: "/tmp/elsewhere/nix/store/a-source/base.nix"},
				{File: "hosts.toml, override of web-1"},
			},
		}},
	}
	a.Localise()
	o := a.Options[0]
	if o.Declared[0] != "nixpkgs/nixos/x.nix" || o.Definitions[0].File != "configurations/base.nix" ||
		o.Definitions[1].File != "base.nix" || o.Definitions[2].File != "hosts.toml, override of web-1" {
		t.Errorf("%+v", o)
	}
}
