package flake

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// What the architecture promises of each target, on each release: the golden
// files are read by people, and a change of them is a change of the promise.
func TestTargetsKeepTheirPromises(t *testing.T) {
	apply, err := os.ReadFile("testdata/golden/promises.nix")
	if err != nil {
		t.Fatal(err)
	}
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			files, hosts := map[string]string{}, object{}
			for _, target := range []string{"hetzner", "m1", "wsl", "container"} {
				host := targetHost(target, nil)
				if target == "hetzner" || target == "m1" {
					host = withDisks(files, host)
				}
				hosts[target] = host
			}
			hosts["base"] = withDisks(files, targetHost("base", object{"facts": targetFacts("hetzner")}))
			dir := layTree(t, release, object{"hosts": hosts}, files)
			var got map[string]json.RawMessage
			readTree(t, dir, "nixosConfigurations", string(apply), &got)
			if len(got) != len(hosts) {
				t.Errorf("%d configurations, want %d", len(got), len(hosts))
			}
			for target, data := range got {
				compareGolden(t, filepath.Join("testdata/golden", target+".json"), data)
			}
		})
	}
}

// compareGolden compares JSON, laid out for people, with a golden file. Each
// release has to give the same: what differs between them is no promise.
func compareGolden(t *testing.T, path string, data []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (go test ./flake -run Targets -update writes it):\n%s", path, diff)
	}
}

// hetzner is the reference: this is what the others have less and more. Keys
// are paths in the golden files.
func TestTargetsDifferFromTheReference(t *testing.T) {
	reference := readGolden(t, "hetzner")
	for target, want := range map[string]map[string]string{
		"m1": {
			"desktop.remote.rdp": "true -> false", "desktop.remote.vnc": "true -> false", "desktop.remote.session": `"xfce" -> null`,
			"desktop.sound":     `"pulseaudio" -> "pipewire"`,
			"desktop.bluetooth": "false -> true", "desktop.printing": "false -> true",
			"network.tailscale": "true -> false", "network.fail2ban": "true -> false", "network.rateLimit": "true -> false", "network.nftables": "true -> false",
			"network.publicTcp": "[] -> [22]", "network.publicUdp": "[41641] -> []",
			"network.tailnetPorts": "[3389] -> null", "network.sshOpenedBy": `"a limited rule" -> "services.openssh"`, "network.manager": "false -> true",
			"hardware.virtio": "true -> false", "hardware.guestAgent": "true -> false", "hardware.growPartition": "true -> false",
			"hardware.asahi": "false -> true", "hardware.loader": `"grub" -> "systemd-boot"`, "hardware.consoles": `["ttyS0,115200","tty0"] -> ["tty0"]`,
			"system": `"x86_64-linux" -> "aarch64-linux"`,
		},
		"wsl": {
			"people.alice.groups": `["docker","wheel"] -> ["wheel"]`,
			"desktop.plasma":      "true -> false", "desktop.wayland": "true -> false", "desktop.sddm": "true -> false", "desktop.sound": `"pulseaudio" -> null`,
			"desktop.remote.rdp": "true -> false", "desktop.remote.vnc": "true -> false", "desktop.remote.session": `"xfce" -> null`,
			"network.tailscale": "true -> false", "network.fail2ban": "true -> false", "network.rateLimit": "true -> false", "network.nftables": "true -> false",
			"network.publicTcp": "[] -> [22]", "network.publicUdp": "[41641] -> []",
			"network.tailnetPorts": "[3389] -> null", "network.sshOpenedBy": `"a limited rule" -> "services.openssh"`,
			"hardware.virtio": "true -> false", "hardware.guestAgent": "true -> false", "hardware.growPartition": "true -> false",
			"hardware.loader": `"grub" -> "none"`, "hardware.consoles": `["ttyS0,115200","tty0"] -> []`, "hardware.zram": "true -> false",
			"development.docker": `"on its socket" -> "Docker Desktop"`, "development.cloud": "true -> false",
			"packages.profile": `"full" -> "development"`, "wsl": `null -> {"defaultUser":"alice","interop":true}`,
			"space.trim": "true -> false", "space.cleanTmp": "true -> false",
		},
	} {
		t.Run(target, func(t *testing.T) {
			got := map[string]string{}
			differences("", reference, readGolden(t, target), got)
			for key := range got {
				// What each system is called, and how many packages that makes.
				if strings.HasPrefix(key, "facts.") || key == "packages.names" || key == "warnings" {
					delete(got, key)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func readGolden(t *testing.T, target string) any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/golden", target+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// differences puts each path whose value differs into out, as "old -> new".
func differences(at string, a, b any, out map[string]string) {
	left, isLeft := a.(object)
	right, isRight := b.(object)
	if !isLeft || !isRight {
		if x, y := compact(a), compact(b); x != y {
			out[at] = x + " -> " + y
		}
		return
	}
	keys := map[string]bool{}
	for key := range left {
		keys[key] = true
	}
	for key := range right {
		keys[key] = true
	}
	for key := range keys {
		differences(strings.TrimPrefix(at+"."+key, "."), left[key], right[key], out)
	}
}

func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was JSON
	}
	return string(data)
}

// Each output of the flake evaluates, on each release: what `nix flake check
// --no-build` would say.
func TestEveryOutputEvaluates(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			targets := object{"own": object{"configuration": "base", "target": "own"}}
			for _, name := range []string{"wsl", "hetzner", "m1", "container"} {
				targets[name] = object{"configuration": name, "target": name}
			}
			dir := layTree(t, release, object{"targets": targets}, nil)
			var tops map[string]string
			readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: c: c.config.system.build.toplevel.drvPath)`, &tops)
			for name := range targets {
				if !strings.HasSuffix(tops[name], ".drv") {
					t.Errorf("bare target %s: %q", name, tops[name])
				}
			}
			for output, want := range map[string][]string{
				"packages":  {"container-minimal", "container-essential", "container-dev", "container-full", "host-summary", "evaluate-hosts"},
				"checks":    {"plaintext-secrets", "scripts", "package-host-summary"},
				"devShells": {"default"},
			} {
				var got map[string]map[string]string
				readTree(t, dir, output, `builtins.mapAttrs (_: builtins.mapAttrs (_: d: d.drvPath))`, &got)
				for _, system := range []string{"x86_64-linux", "aarch64-linux"} {
					for _, name := range want {
						if !strings.HasSuffix(got[system][name], ".drv") {
							t.Errorf("%s.%s.%s: %q", output, system, name, got[system][name])
						}
					}
				}
			}
			var formatter map[string]string
			readTree(t, dir, "formatter", `builtins.mapAttrs (_: d: d.name)`, &formatter)
			if len(formatter) != 2 || !strings.Contains(formatter["x86_64-linux"], "nixfmt") {
				t.Errorf("formatter: %v", formatter)
			}
			var modules []string
			readTree(t, dir, "nixosModules", `builtins.attrNames`, &modules)
			if want := []string{"container", "default", "development", "host", "networking", "plasma", "remote-access"}; !cmp.Equal(modules, want) {
				t.Errorf("nixosModules: %v", modules)
			}
		})
	}
}

// The modules serve in a flake of one's own, too: without the tree's special
// arguments, and without changing anything until they are turned on.
func TestModulesServeInAnotherFlake(t *testing.T) {
	dir := layTree(t, "26.05", object{}, nil)
	apply := `m: let
	  lib = import ` + abs(t, "testdata/nixpkgs/lib") + `;
	  eval = modules: (lib.nixosSystem { modules = modules ++ [ { nixpkgs.hostPlatform = "x86_64-linux"; system.stateVersion = "26.05"; } ]; }).config;
	  facts = c: { ssh = c.services.openssh.enable; docker = c.virtualisation.docker.enable; nftables = c.networking.nftables.enable;
	    xrdp = c.services.xrdp.enable; plasma = c.services.desktopManager.plasma6.enable; file = c.environment.etc ? "nixdeploy/system.json"; gc = c.nix.gc.automatic; };
	in {
	  off = facts (eval [ m.default ]);
	  refused = builtins.concatMap (a: if a.assertion then [ ] else [ a.message ]) (eval [ m.default {
	    users.users.me = { isNormalUser = true; group = "users"; initialPassword = "x"; };
	    services.tailscale.authKeyFile = "/nix/store/x"; fileSystems."/" = { device = "/dev/sda1"; fsType = "ext4"; }; boot.loader.grub.device = "/dev/sda";
	  } ]).assertions;
	  host = facts (eval [ m.host { nixdeploy.host.enable = true; } ]);
	  parts = facts (eval [ m.development m.networking m.plasma m.remote-access ]);
	  container = (eval [ m.container ]).documentation.enable;
	}`
	var got map[string]any
	readJSON(t, nix(t, "eval", "--impure", "--json", "--no-write-lock-file", "path:"+dir+"#nixosModules", "--apply", apply), &got)
	all := func(on ...string) object {
		out := object{}
		for _, name := range []string{"ssh", "docker", "nftables", "xrdp", "plasma", "file", "gc"} {
			out[name] = slices.Contains(on, name)
		}
		return out
	}
	want := map[string]any{
		"off": all(), "refused": []any{}, "host": all("ssh", "file"), "parts": all("docker", "nftables", "xrdp", "plasma"), "container": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
