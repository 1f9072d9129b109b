package flake

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A rendered system boots where the machine's own did, and lets the same
// people in: facts.json decides, whatever the target would choose.
func TestFactsDecideBootAndLogin(t *testing.T) {
	facts := func(change object) object {
		out := targetFacts("hetzner")
		maps.Copy(out, change)
		return out
	}
	esp := func(at string) object { return object{at: object{"device": "/dev/sda1", "type": "vfat"}} }
	cases := map[string]struct {
		target string
		facts  object
		want   string
	}{
		"bios":         {"hetzner", facts(nil), "grub /dev/sda"},
		"mirrored":     {"hetzner", facts(object{"boot_devices": []string{"/dev/sda", "/dev/sdb"}}), "grub /dev/sda /dev/sdb"},
		"efi-grub":     {"hetzner", facts(object{"firmware": "efi", "mounts": esp("/boot")}), "grub nodev efi removable at /boot"},
		"efi-subdir":   {"hetzner", facts(object{"firmware": "efi", "mounts": esp("/boot/efi")}), "grub nodev efi removable at /boot/efi"},
		"systemd-boot": {"hetzner", facts(object{"firmware": "efi", "boot_loader": "systemd-boot", "mounts": esp("/efi")}), "systemd-boot at /efi"},
		"extlinux":     {"base", facts(object{"boot_loader": "extlinux"}), "extlinux"},
		"unknown":      {"hetzner", facts(object{"boot_loader": "unknown", "boot_devices": []string{"/dev/vda"}}), "grub /dev/vda efi removable at /boot"},
		"container":    {"base", facts(object{"kind": "container", "boot_loader": "none"}), "none"},
		"mac":          {"m1", targetFacts("m1"), "systemd-boot at /boot"},
	}
	files, hosts := map[string]string{}, object{}
	for name, c := range cases {
		hosts[name] = withDisks(files, targetHost(c.target, object{"facts": c.facts}))
	}
	adoptedAsRoot := facts(object{"user": object{"name": "root", "keys": []string{"ssh-ed25519 ROOT r@example.org"}}})
	hosts["as-root"] = withDisks(files, targetHost("base", object{"facts": adoptedAsRoot, "users": object{}}))
	stranger := facts(object{"user": object{"name": "carol", "uid": 1007, "keys": []string{"ssh-ed25519 DDDD carol@example.org"}}})
	hosts["stranger"] = withDisks(files, targetHost("base", object{"facts": stranger, "users": object{}, "user": "root"}))
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)

	got := map[string]string{}
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: { config, ... }: let b = config.boot.loader; efi = b.efi.efiSysMountPoint; in
	  if config.boot.isContainer then "none"
	  else if b.systemd-boot.enable && !b.grub.enable then "systemd-boot at ${efi}"
	  else if b.generic-extlinux-compatible.enable && !b.grub.enable then "extlinux"
	  else "grub ${builtins.concatStringsSep " " (builtins.sort builtins.lessThan b.grub.devices)}" + (if b.grub.efiSupport then " efi" else "") + (if b.grub.efiInstallAsRemovable then " removable at ${efi}" else ""))`, &got)
	for name, c := range cases {
		if got[name] != c.want {
			t.Errorf("%s: boots by %q, want %q", name, got[name], c.want)
		}
	}

	who := map[string]any{}
	readTree(t, dir, "nixosConfigurations", `cs: {
	  uid = cs.bios.config.users.users.deploy.uid; version = cs.bios.config.system.stateVersion;
	  keys = cs.bios.config.users.users.deploy.openssh.authorizedKeys.keys;
	  asRoot = map (u: cs.as-root.config.users.users.${u}.openssh.authorizedKeys.keys) [ "root" "deploy" ];
	  stranger = cs.stranger.config.users.users ? carol;
	  file = builtins.fromJSON cs.bios.config.environment.etc."nixdeploy/system.json".text;
	}`, &who)
	want := map[string]any{
		"uid": 1000.0, "version": "25.11", "keys": []any{"ssh-ed25519 CCCC op@example.org"},
		"asRoot":   []any{[]any{"ssh-ed25519 ROOT r@example.org"}, []any{"ssh-ed25519 ROOT r@example.org"}},
		"stranger": false,
		"file": object{
			"format": 1.0, "state_version": "25.11", "boot_loader": "grub",
			"mounts": object{
				"/":     object{"device": "/dev/disk/by-uuid/root", "type": "ext4"},
				"/boot": object{"device": "/dev/disk/by-uuid/1234-ABCD", "type": "vfat"},
			},
			"user": object{"name": "deploy", "keys": []any{"ssh-ed25519 CCCC op@example.org"}},
		},
	}
	if diff := cmp.Diff(want, who); diff != "" {
		t.Error(diff)
	}
}

// Those that deploy are not banned or slowed down, whatever the rate limit; and
// an address is an address, not a rule.
func TestDeployersHaveRoom(t *testing.T) {
	files := map[string]string{}
	deployers := func(addresses ...string) object {
		return withDisks(files, targetHost("hetzner", object{"overrides": []object{{
			"path": []string{"nixdeploy", "host", "deployers"}, "priority": "plain", "value": addresses, "file": "hosts.toml",
		}}}))
	}
	hosts := object{
		"open":   withDisks(files, targetHost("hetzner", nil)),
		"exempt": deployers("192.0.2.7", "2001:db8::/64"),
		"evil":   deployers("192.0.2.7 } accept; ip saddr { 0.0.0.0/0"),
	}
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)
	var got map[string]any
	readTree(t, dir, "nixosConfigurations", `cs: {
	  rules = builtins.filter builtins.isString (builtins.split "\n" cs.exempt.config.networking.firewall.extraInputRules);
	  open = builtins.match ".*saddr [{] .*" cs.open.config.networking.firewall.extraInputRules == null;
	  ignored = cs.exempt.config.services.fail2ban.ignoreIP;
	  sshd = cs.exempt.config.services.openssh.settings.PerSourcePenaltyExemptList;
	}`, &got)
	want := map[string]any{
		"rules": []any{
			"ip saddr { 192.0.2.7 } tcp dport { 22 } accept",
			"ip6 saddr { 2001:db8::/64 } tcp dport { 22 } accept",
			`iifname "tailscale0" tcp dport { 22 } accept`,
			"tcp dport { 22 } ct state new meter ssh4 { ip saddr limit rate over 10/minute burst 20 packets } drop",
			"tcp dport { 22 } ct state new meter ssh6 { ip6 saddr limit rate over 10/minute burst 20 packets } drop",
			"tcp dport { 22 } accept",
		},
		"open": true, "ignored": []any{"192.0.2.7", "2001:db8::/64"}, "sshd": "192.0.2.7,2001:db8::/64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err := tryTree(t, dir, "nixosConfigurations.evil.config.networking.firewall.extraInputRules", "x: x")
	if err == nil || !strings.Contains(err.Error(), "nixdeploy.host.deployers") {
		t.Errorf("an address that is a rule: %v", err)
	}
}

// Apple's firmware is taken from the flake when a module brings it, and never
// from a path that pure evaluation cannot see.
func TestAppleFirmwareComesFromTheFlake(t *testing.T) {
	files := map[string]string{
		"modules/custom/fw/default.nix":   "{ nixdeploy.hardware.m1.firmware = ./.; }",
		"modules/custom/fw/firmware.cpio": "070701",
	}
	hosts := object{
		"without": withDisks(files, targetHost("m1", nil)),
		"with":    withDisks(files, targetHost("m1", object{"modules": []string{"modules/custom/fw"}})),
	}
	dir := layTree(t, "25.11", object{"hosts": hosts}, files)
	var got map[string][]any
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: { config, ... }: let a = config.hardware.asahi; in
	  [ a.extractPeripheralFirmware (if a.peripheralFirmwareDirectory == null then null else builtins.pathExists (a.peripheralFirmwareDirectory + "/firmware.cpio"))
	    (builtins.isString config.system.build.toplevel.drvPath) ])`, &got)
	want := map[string][]any{"without": {false, nil, true}, "with": {true, true, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
