package flake

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where LXC and Incus start /sbin/init, each switch has to move it: NixOS by
// itself does so in its module for LXC alone, whose own way is left in place.
func TestContainersStartWhatWasSwitchedTo(t *testing.T) {
	files := map[string]string{
		"lxc.nix": `{ modulesPath, ... }: { imports = [ "${modulesPath}/virtualisation/lxc-container.nix" ]; }`,
		"own.nix": `{ system.build.installBootLoader = "mine"; }`,
	}
	hosts := object{
		"container": targetHost("container", nil),
		"by-facts":  targetHost("base", object{"facts": targetFacts("container")}),
		"lxc":       targetHost("container", object{"modules": []string{"lxc.nix"}}),
		"own":       targetHost("container", object{"modules": []string{"own.nix"}}),
		"machine":   withDisks(files, targetHost("hetzner", nil)),
		"wsl":       targetHost("wsl", nil),
	}
	for _, release := range releases {
		dir := layTree(t, release, object{"hosts": hosts}, files)
		got := map[string]string{}
		readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: c: assert builtins.isString c.config.system.build.toplevel.drvPath;
		  builtins.unsafeDiscardStringContext (toString c.config.system.build.installBootLoader))`, &got)
		for name, by := range got {
			// without the store, and the hash of what lies there
			if at := strings.Index(by, "-"); strings.HasPrefix(by, "/") && at > 0 {
				got[name] = by[at+1:]
			}
		}
		want := map[string]string{
			"container": "nixdeploy-container-init /sbin/init", "by-facts": "nixdeploy-container-init /sbin/init",
			"lxc": "install-lxc-sbin-init.sh", "own": "mine", "machine": "install-boot-loader", "wsl": got["wsl"],
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", release, diff)
		}
		if strings.Contains(got["wsl"], "nixdeploy") {
			t.Errorf("WSL starts by %q", got["wsl"])
		}
	}
}

// The link of an init is moved where it names a system, and nothing else is.
func TestContainerInitMovesTheLinkOfASystem(t *testing.T) {
	const next = "/nix/store/new-nixos-system"
	for name, c := range map[string]struct{ is, want string }{
		"a system's init":           {"/nix/store/old-nixos-system/init", next + "/init"},
		"by a relative path":        {"../nix/store/old-nixos-system/init", next + "/init"},
		"already there":             {next + "/init", next + "/init"},
		"the profile's":             {"/nix/var/nix/profiles/system/init", "/nix/var/nix/profiles/system/init"},
		"another program":           {"/nix/store/x-systemd-shim/bin/systemd-shim", "/nix/store/x-systemd-shim/bin/systemd-shim"},
		"a file that is no link":    {"", ""},
		"an init that is not there": {"-", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			link := filepath.Join(dir, "init")
			switch c.is {
			case "":
				layOut(t, dir, map[string]string{"init": "#!/bin/sh\n"})
			case "-":
			default:
				if err := os.Symlink(c.is, link); err != nil {
					t.Fatal(err)
				}
				// what a power cut left behind
				if err := os.Symlink("/nix/store/x", link+".nixdeploy"); err != nil && c.want != c.is {
					t.Fatal(err)
				}
			}
			if out, err := exec.CommandContext(t.Context(), "sh", filepath.Join("tree", "scripts", "container-init.sh"), link, next).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got, err := os.Readlink(link)
			switch {
			case c.want == "-" && !os.IsNotExist(err), c.want == "" && err == nil:
				t.Errorf("it is now %q, %v", got, err)
			case c.want != "-" && c.want != "" && got != c.want:
				t.Errorf("it leads to %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
