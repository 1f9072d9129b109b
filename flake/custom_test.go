package flake

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// nixFiles are files as [flake] names them, one a line from line 5 on.
func nixFiles(paths ...string) []inventory.NixFile {
	var out []inventory.NixFile
	for i, p := range paths {
		out = append(out, inventory.NixFile{Path: p, Line: 5 + i})
	}
	return out
}

// Packages and overlays beside hosts.toml reach every host, extra_packages and the
// outputs of the flake; a later overlay sees what the ones before it made.
func TestOverlaysAndPackagesReachHostsAndOutputs(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"packages/greet.nix":        `{ writeShellApplication, jq }: writeShellApplication { name = "greet"; runtimeInputs = [ jq ]; text = "echo hello"; }`,
		"packages/tool/default.nix": `{ writeShellApplication, greet }: writeShellApplication { name = "tool"; runtimeInputs = [ greet ]; text = builtins.readFile ./tool.sh; }`,
		"packages/tool/tool.sh":     "greet\n",
		"overlays/htop.nix":         `final: prev: { htop = prev.htop.overrideAttrs { pname = "our-htop"; }; }`,
		"overlays/more.nix":         `final: prev: { more = prev.htop.overrideAttrs (old: { pname = old.pname + "-" + prev.greet.name; }); }`,
	})
	h := box("box-1")
	h.ExtraPackages = []string{"greet", "fleet.tool", "htop", "more", "fleet.host-summary"}
	inv := fleet(t, dir, h)
	inv.Flake.Packages = nixFiles("packages/greet.nix", "packages/tool")
	inv.Flake.Overlays = nixFiles("overlays/htop.nix", "overlays/more.nix")
	got, ref := evaluate(t, inv)
	c := got["box-1"]
	names := " " + strings.Join(c.Packages, " ") + " "
	for _, want := range []string{"greet", "tool", "our-htop", "our-htop-greet", "host-summary"} {
		if !strings.Contains(names, " "+want+" ") && !strings.Contains(names, " "+want+"-") {
			t.Errorf("the host has no %s: %s", want, names)
		}
	}
	if c.Top != "evaluates" {
		t.Errorf("%+v", c)
	}
	var outputs map[string]map[string]string
	readJSON(t, nix(t, "eval", "--json", "--no-write-lock-file", strings.TrimSuffix(ref, "nixosConfigurations")+"packages",
		"--apply", `builtins.mapAttrs (_: builtins.mapAttrs (_: d: d.drvPath))`), &outputs)
	for _, system := range []string{"x86_64-linux", "aarch64-linux"} {
		for _, name := range []string{"greet", "tool", "host-summary", "container-minimal"} {
			if !strings.HasSuffix(outputs[system][name], ".drv") {
				t.Errorf("packages.%s.%s: %q", system, name, outputs[system][name])
			}
		}
	}
}

// A package that nobody wrote is told with what to do, also beside some that
// somebody did.
func TestAnUnknownPackageIsNamed(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{"packages/greet.nix": `{ jq }: jq`})
	h := box("box-1")
	h.ExtraPackages = []string{"greeet"}
	inv := fleet(t, dir, h)
	inv.Flake.Packages = nixFiles("packages/greet.nix")
	standIns(t, &inv.Flake)
	ref := renderLocked(t, inv)
	_, err := nixTry(t, "eval", "--json", "--no-write-lock-file", ref, "--apply", `c: c.box-1.config.system.build.toplevel.drvPath`)
	if err == nil || !strings.Contains(err.Error(), "extra_packages of box-1: nixpkgs") || !strings.Contains(err.Error(), "no package greeet") ||
		!strings.Contains(err.Error(), "[flake] packages or overlays") {
		t.Errorf("got %v", err)
	}
}

func TestOverlaysAndPackagesAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(s *inventory.FlakeSource)
		want string
	}{
		"an overlay that is not there": {func(s *inventory.FlakeSource) { s.Overlays = nixFiles("a.nix", "nope.nix") }, "hosts.toml:6: [flake] overlay nope.nix does not exist"},
		"a package that is not there":  {func(s *inventory.FlakeSource) { s.Packages = nixFiles("nope.nix") }, "hosts.toml:5: [flake] package nope.nix does not exist"},
		"a package elsewhere":          {func(s *inventory.FlakeSource) { s.Packages = nixFiles("../x.nix") }, "does not lie beside hosts.toml"},
		"a folder of no package":       {func(s *inventory.FlakeSource) { s.Packages = nixFiles("empty") }, "hosts.toml:5: [flake] package empty: the folder has no default.nix"},
		"a link to elsewhere":          {func(s *inventory.FlakeSource) { s.Overlays = nixFiles("link.nix") }, "points out of the flake"},
		"a folder that is a link":      {func(s *inventory.FlakeSource) { s.Packages = nixFiles("out/x.nix") }, "package out/x.nix: a folder on the way to it is a symbolic link"},
		"a secret":                     {func(s *inventory.FlakeSource) { s.Overlays = nixFiles("secret.nix") }, "a plain secret in secret.nix"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			layOut(t, elsewhere, map[string]string{"x.nix": "{ jq }: jq"})
			layOut(t, dir, map[string]string{
				"a.nix": "final: prev: { }", "empty/x.nix": "", "link.nix": "->/etc/passwd", "out": "->" + elsewhere,
				"secret.nix": "final: prev: { x = \"" + someSecrets()["an AWS key"] + "\"; }",
			})
			inv := fleet(t, dir, box("box-1"))
			c.edit(&inv.Flake)
			_, err := Render(inv)
			wantRefusal(t, err, c.want)
		})
	}
}
