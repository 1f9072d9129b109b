package flake

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readExpr evaluates an expression, not a flake, and reads its result into v.
func readExpr(t *testing.T, expr string, v any) {
	t.Helper()
	readJSON(t, nix(t, "eval", "--impure", "--json", "--expr", expr), v)
}

// Each profile holds the one before it, none names a package twice but for what
// groups share, and what a platform adds is added where it belongs.
func TestPackageProfilesAreNestedAndByPlatform(t *testing.T) {
	needNix(t, "nix")
	expr := `let
	  np = ` + abs(t, "testdata/nixpkgs") + `; lib = import (np + "/lib");
	  lists = system: more: import ` + abs(t, "tree/shared/package-lists.nix") + ` ({ inherit lib; pkgs = import np { inherit system; }; } // more);
	  names = map (p: p.pname or p.name);
	  all = l: map (k: names l.${k}) [ "minimal" "essential" "development" "full" ];
	in builtins.mapAttrs (_: all) {
	  server = lists "x86_64-linux" { };
	  desktop = lists "x86_64-linux" { graphical = true; };
	  unfree = lists "x86_64-linux" { graphical = true; unfree = true; };
	  mac = lists "aarch64-linux" { graphical = true; unfree = true; };
	}`
	var got map[string][][]string
	readExpr(t, expr, &got)
	for platform, lists := range got {
		for i, list := range lists {
			if i > 0 && !cmp.Equal(lists[i-1], list[:len(lists[i-1])]) {
				t.Errorf("%s: list %d does not begin with the one before", platform, i)
			}
			sorted := slices.Sorted(slices.Values(list))
			if twice := len(sorted) - len(slices.Compact(sorted)); twice != 0 {
				t.Errorf("%s: list %d names %d packages twice", platform, i, twice)
			}
		}
	}
	full := func(platform string) []string { return got[platform][3] }
	for _, c := range []struct {
		name string
		on   string // the platforms that have it
	}{
		{"firefox", "desktop unfree mac"}, {"wl-clipboard", "desktop unfree mac"},
		{"terraform", "unfree mac"}, {"vscode", "unfree mac"}, {"google-chrome", "unfree"},
		{"awscli2", "server desktop unfree mac"},
	} {
		for platform := range got {
			if want, is := strings.Contains(c.on, platform), slices.Contains(full(platform), c.name); want != is {
				t.Errorf("%s in full of %s: %v, want %v", c.name, platform, is, want)
			}
		}
	}
}

// Nothing unfree comes in but by name, and only when it was allowed.
func TestUnfreePackagesAreNamed(t *testing.T) {
	files, hosts := map[string]string{}, object{}
	set := func(path string, value any) object {
		return object{"path": strings.Split(path, "."), "priority": "plain", "value": value, "file": "hosts.toml"}
	}
	hosts["free"] = withDisks(files, targetHost("hetzner", nil))
	hosts["unfree"] = withDisks(files, targetHost("hetzner", object{"overrides": []object{
		set("nixdeploy.unfree.enable", true), set("nixdeploy.unfree.packages", []string{"my-own"}),
	}}))
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)
	var got map[string]map[string]any
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: { config, ... }: {
	  lets = map (pname: (config.nixpkgs.config.allowUnfreePredicate or (_: false)) { inherit pname; }) [ "vscode" "claude-code" "my-own" "steam" ];
	  full = builtins.any (p: (p.pname or p.name) == "terraform") config.environment.systemPackages;
	  assistants = builtins.any (p: (p.pname or p.name) == "claude-code") config.home-manager.users.alice.home.packages;
	})`, &got)
	want := map[string]map[string]any{
		"free":   {"lets": []any{false, false, false, false}, "full": false, "assistants": false},
		"unfree": {"lets": []any{true, true, true, false}, "full": true, "assistants": true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Home modules are on by platform, then as hosts.toml says of each user.
func TestHomeModulesFollowPlatformAndUser(t *testing.T) {
	files, hosts := map[string]string{}, object{}
	person := func(home object) object { return object{"alice": object{"home": home}, "bob": object{}} }
	for name, home := range map[string]object{
		"container": {}, "container-on": {"shell": true}, "base": {}, "base-off": {"shell": false, "tools": true}, "wsl": {"ai-assistants": false},
	} {
		target, _, _ := strings.Cut(name, "-")
		hosts[name] = targetHost(target, object{"users": person(home)})
	}
	dir := layTree(t, "25.11", object{"hosts": hosts}, files)
	var got map[string]map[string][]string
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: c: builtins.mapAttrs (_: u:
	  builtins.filter (m: u.nixdeploy.home.${m}.enable) (builtins.attrNames u.nixdeploy.home)) c.config.home-manager.users)`, &got)
	every := []string{"ai-assistants", "editors", "shell", "terminal", "tools"}
	want := map[string]map[string][]string{
		"container":    {},
		"container-on": {"alice": {"shell"}},
		"base":         {"alice": {"shell"}, "bob": {"shell"}},
		"base-off":     {"alice": {"tools"}, "bob": {"shell"}},
		"wsl":          {"alice": every[1:], "bob": every},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What lies in the tree is Nix, but for scripts, a list that they share with it, and
// a page for people; and the scripts are clean.
func TestTreeHoldsNixAndCleanScripts(t *testing.T) {
	var scripts []string
	err := fs.WalkDir(tree, "tree", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() || strings.HasSuffix(path, ".nix"):
		case strings.HasPrefix(path, "tree/scripts/") && strings.HasSuffix(path, ".sh"):
			scripts = append(scripts, filepath.FromSlash(path))
		case path == "tree/modules/custom/README.md" || path == "tree/lib/secret-forms.txt" || path == "tree/options.txt" || path == "tree/packages.txt":
		default:
			t.Errorf("%s is neither Nix nor a script", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed: it is only the oracle of this test")
	}
	if len(scripts) == 0 {
		t.Fatal("no scripts")
	}
	out, err := exec.CommandContext(t.Context(), "shellcheck", scripts...).CombinedOutput()
	if err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}
