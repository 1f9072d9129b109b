package nixerror

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// said are texts as Nix 2.8 to 2.36, lib and nixpkgs 24.05 to 26.11 print them,
// with what the hint has to say.
var said = []struct{ text, want string }{
	// calls
	{"error: experimental Nix feature 'nix-command' is disabled; add '--extra-experimental-features nix-command' to enable it", "experimental-features"},
	{"error: writing to file: No space left on device", "nix-collect-garbage --delete-older-than 30d"},
	{"error: unable to download 'https://cache.nixos.org/x': Couldn't resolve host name (6)", "look at the network"},
	{"error: cannot add path '/nix/store/x' because it lacks a signature by a trusted key", "trusted-public-keys"},

	// flakes
	{"error: flake 'path:/x' does not provide attribute 'packages.x86_64-linux.nixosConfigurations.\"web-1\".config.system.build.toplevel', 'legacyPackages.x86_64-linux.a' or 'a'\n       Did you mean web?", `the flake has no nixosConfigurations."web-1": name the configuration in hosts.toml: [hosts.web-1] attribute = "..."`},
	{"error: flake 'git+file:///r' does not provide attribute 'y'", "[hosts.web-1] attribute"},
	{"error: flake 'path:/x' requires lock file changes but they're not allowed due to '--no-update-lock-file'", "nixdeploy lock, then commit flake.lock"},
	{"error: cannot update unlocked flake input 'nixpkgs' in pure mode", "nixdeploy lock, then commit flake.lock"},
	{"error: cannot call 'getFlake' on unlocked flake reference 'path:/x' (use --impure to override)", "nixdeploy lock, then commit flake.lock"},
	{"error: Path 'x.nix' in the repository \"/r\" is not tracked by Git.\n\n       To make it visible to Nix, run:\n\n       git -C \"/r\" add \"x.nix\"", "git -C /r add x.nix"},
	{"error: NAR hash mismatch in input 'github:a/b' (/nix/store/x-source), expected 'sha256-a', got 'sha256-b'", "not what is locked"},
	{"error: access to absolute path '/boot/x' is forbidden in pure eval mode (use '--impure' to override)", "/boot/x is not part of the flake"},
	{"error: access to absolute path '/boot' is forbidden in pure evaluation mode (use '--impure' to override)", "/boot is not part of the flake"},
	{"error: cannot look up '<nixpkgs>' in pure evaluation mode (use '--impure' to override)", "a flake has no <nixpkgs>"},
	{"error: in pure evaluation mode, 'fetchurl' requires a 'sha256' argument", "give fetchurl a hash"},
	{"error: attribute 'currentSystem' missing", "pkgs.stdenv.hostPlatform.system"},
	{"error: attribute 'userborn' missing", "wants a newer nixpkgs"},
	{"error: attribute 'match' missing", "wants a newer nixpkgs"},
	{"error: evaluation aborted with the following error message: 'lib.customisation.callPackageWith: Function called without required argument \"buildGo125Module\" at /nix/store/x/default.nix:3, did you mean \"buildGo122Module\"?'", "buildGo125Module is not given"},

	// packages
	{"error: Package ‘terraform-1.8.3’ in /nix/store/x/pkgs/terraform.nix:52 has an unfree license (‘bsl11’), refusing to evaluate.", `[hosts.web-1.override] "nixdeploy.unfree.packages" = ["terraform"]`},
	{"error: Refusing to evaluate package 'claude-code-1.0.5' in /nix/store/x/package.nix:52 because it has an unfree license (‘unfree’)", `"nixdeploy.unfree.packages" = ["claude-code"]`},
	{"error: it has an unfree license", `"nixdeploy.unfree.packages" = ["NAME"]`},
	{"error: Package ‘nodejs-20.1.0’ in /nix/store/x:3 is marked as insecure, refusing to evaluate.", `permittedInsecurePackages = [ "nodejs-20.1.0" ]`},
	{"error: Refusing to evaluate package 'openssl-1.1.1w' in /nix/store/x:3 because it is marked as insecure", `permittedInsecurePackages = [ "openssl-1.1.1w" ]`},
	{"error: something is marked as insecure", `NAME-VERSION`},
	{"error: Refusing to evaluate package 'google-chrome-120' in /nix/store/x:9 because it is not available on the requested hostPlatform:", "google-chrome-120 does not exist for this system"},
	{"error: Package ‘google-chrome-120’ in /nix/store/x:9 is not available on the requested hostPlatform", "leave it out for web-1"},
	{"error: Refusing to evaluate package 'x-1' in /nix/store/x:9 because it has problems:\n       - broken", "broken in this nixpkgs"},
	{"error: Package ‘x-1’ in /nix/store/x:9 is marked as broken, refusing to evaluate.", "broken in this nixpkgs"},
	{"error: Package 'gemini-cli-0.47.0' in /nix/store/x:12 has the following problem: removal: Google ended it", "about to remove it"},
	{"error: 'du-dust' has been renamed to/replaced by 'dust'", "write dust instead of du-dust"},
	{"error: The xorg package set has been deprecated, 'xorg.xinit' has been renamed to 'xinit'", "write xinit instead of xorg.xinit"},
	{"error: 'exa' has been removed because it is unmaintained upstream. Consider using 'eza', a maintained fork.", "exa is gone from nixpkgs: write eza instead"},
	{"error: 'thefuck' has been removed due to lack of maintenance", "thefuck is gone from nixpkgs: use what the text names"},
	{"error: attribute 'nodejs_20' missing", "nodejs_22 or nodejs_24"},
	{"error: attribute 'nodePackages' missing", "stand at the top"},
	{"error: undefined variable 'neofetch'", "fastfetch"},
	{"error: undefined variable 'wslu'", "wsl-open"},
	{"error: attribute 'nixfmt-rfc-style' missing", "nixfmt instead of nixfmt-rfc-style"},
	{"error: attribute 'mysql80' missing", "mysql84"},
	{"error: attribute 'docker_27' missing", "docker_29"},
	{"error: undefined variable 'python2'", "python3 instead of python2"},
	{"error: undefined variable 'nerdfonts'", "nerd-fonts.NAME"},

	// systems
	{"error:\n       Failed assertions:\n       - The ‘fileSystems’ option does not specify your root file system.", "nixdeploy adopt web-1"},
	{"error: The option `fileSystems.\"/\".fsType' was accessed but has no value defined. Try setting the option.", "nixdeploy adopt web-1"},
	{"error:\n       Failed assertions:\n       - You must set the option ‘boot.loader.grub.devices’ or 'boot.loader.grub.mirroredBoots' to make the system bootable.", "nixdeploy adopt web-1"},
	{"error:\n       Failed assertions:\n       - systemd stage 1 does not support 'boot.initrd.postDeviceCommands'. Please convert it", "boot.initrd.systemd.services"},
	{"error:\n       Failed assertions:\n       - Asahi peripheral firmware extraction is enabled but the firmware location appears incorrect.", "nixdeploy.hardware.m1.firmware"},
	{"error:\n       Failed assertions:\n       - Neither the root account nor any wheel user has a password or SSH authorized key.", "give a user of hosts.toml keys"},
	{"error:\n       Failed assertions:\n       - Exactly one of users.users.bob.isSystemUser and users.users.bob.isNormalUser must be set.", "isNormalUser = true for a person"},
	{"error:\n       Failed assertions:\n       - users.users.bob.group is unset. This used to default to nogroup", "isSystemUser = true and a group"},
	{"error:\n       Failed assertions:\n       - The following users have a primary group that is undefined: bob", "users.groups.bob = { }"},
	{"error:\n       Failed assertions:\n       - Using PipeWire as the sound server conflicts with PulseAudio. This option requires", "choose one"},
	{"There are changes to critical components of the system:\n\ndbus-implementation : dbus -> broker\n\nSwitching into this system is not recommended.", "this change wants a reboot"},
	{"error:\n       Failed assertions:\n       - No key source configured for sops. Either set services.openssh.enable or set sops.age.keyFile or sops.gnupg.home", "no key to decrypt with"},
	{"error:\n       Failed assertions:\n       - age.identityPaths must be set, for example by enabling openssh.", "no key to decrypt with"},
	{"error: Default graphical session, 'plasmax12', not found. Valid names for 'services.displayManager.defaultSession' are:\n  plasma", `"plasmax12" is not offered`},

	// options
	{"error: The option `networking.hostname' does not exist. Definition values:\n       - In `hosts.toml, override of web-1': \"x\"\n\n       Did you mean `networking.hostName' or `networking.firewall'?", "nixdeploy option web-1 networking.hostName"},
	{"error: The option `networking.hostname' does not exist. Definition values:\n       - In `/nix/store/x/base.nix': \"x\"", "nixdeploy option web-1 networking.hostname"},
	{"error: The option `services.nope' defined in `<unknown-file>' does not exist.", "nixdeploy option web-1 services.nope"},
	{"error: The option `services.nginx.virtualHosts.\"a.b\".roof' does not exist. Definition values:", `nixdeploy option web-1 'services.nginx.virtualHosts."a.b".roof'`},
	{"error: The option `sound.enable' can no longer be used since it's been removed. The option was", "PipeWire"},
	{"error:\n       Failed assertions:\n       - The option definition `hardware.opengl.driSupport' in `/x' no longer has any effect; please remove it.", "hardware.graphics.enable"},
	{"error: The option `hardware.pulseaudio.enable' does not exist. Definition values:", "services.pulseaudio.enable"},
	{"error: The option `services.xserver.displayManager.sddm.enable' does not exist.", "services.displayManager.sddm.enable"},
	{"error: The option `services.xserver.desktopManager.plasma5.enable' can no longer be used since it's been removed.", "services.desktopManager.plasma6.enable"},
	{"error: The option `services.openssh.banner' does not exist.", "services.openssh.settings.Banner"},
	{"error: The option `services.openssh.passwordAuthentication' does not exist.", "services.openssh.settings"},
	{"error: The option `services.logind.lidSwitch' does not exist.", "services.logind.settings.Login"},
	{"error:\n       Failed assertions:\n       - The option definition `systemd.extraConfig' in `/x' no longer has any effect; please remove it.", "systemd.settings.Manager"},
	{"error: The option `systemd.sleep.extraConfig' can no longer be used since it's been removed.", "systemd.sleep.settings.Sleep"},
	{"error: The option `systemd.coredump.extraConfig' can no longer be used since it's been removed.", "systemd.coredump.settings.Coredump"},
	{"error: The option `systemd.user.extraConfig' can no longer be used since it's been removed.", "systemd.user.settings.Manager"},
	{"error: The option `services.timesyncd.extraConfig' can no longer be used since it's been removed.", "services.timesyncd.settings.Time"},
	{"error: The option `services.resolved.dnssec' does not exist.", "services.resolved.settings.Resolve"},
	{"error: The option `boot.readOnlyNixStore' can no longer be used since it's been removed.", "boot.nixStoreMountOpts"},
	{"error: The option `boot.vesa' can no longer be used since it's been removed.", "boot.kernelParams"},
	{"error:\n       Failed assertions:\n       - The option definition `virtualisation.libvirtd.qemu.ovmf.enable' in `/x' no longer has any effect; please remove it.", "its own OVMF"},
	{"error: The option `virtualisation.lxd.enable' can no longer be used since it's been removed.", "virtualisation.incus"},
	{"error: The option `virtualisation.docker.enableNvidia' can no longer be used since it's been removed.", "nvidia-container-toolkit"},
	{"error: The option `system.switch.enableNg' can no longer be used since it's been removed.", "there is only that one now"},
	{"error: The option `wsl.nativeSystemd' can no longer be used since it's been removed.", "NixOS-WSL"},
	{"error:\n       Failed assertions:\n       - The option definition `services.gone.enable' in `/x/base.nix' no longer has any effect; please remove it.\n       It went.", "remove services.gone.enable where"},
	{"error: The option `services.gone.enable' can no longer be used since it's been removed. It went.", "remove services.gone.enable; the text says"},
	{"trace: evaluation warning: The option `a.old' defined in `/x' has been renamed to `a.new'.\n", "write a.new instead of a.old"},
	{"error: The option `networking.hostName' has conflicting definition values:\n       - In `/nix/store/x/a.nix': \"a\"\n       - In `hosts.toml, override of web-1': \"b\"\n       Use `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.", "see both with nixdeploy option web-1 networking.hostName; then remove one, or set it in [hosts.web-1.override.force]"},
	{"error: The option `x' is defined multiple times while it's expected to be unique.", "it takes one definition"},
	{"error: A definition for option `networking.firewall.allowedTCPPorts.\"[definition 1-entry 1]\"' is not of type `16 bit unsigned integer; between 0 and 65535 (both inclusive)'. Definition values:", "an element of networking.firewall.allowedTCPPorts has to be: 16 bit unsigned integer"},
	{"error: A definition for option `networking.firewall.enable' is not of type `boolean'. Definition values:\n       - In `/x': \"yes\"", "networking.firewall.enable has to be: boolean"},
	{"error: A definition for option `a.list' is not of type `list of string'. TypeError: Definition values:", "a.list has to be: list of string"},
	{"error: The option value `services.nginx.enable' in `<unknown-file>' is not a boolean.", "services.nginx.enable has to be: boolean"},
	{"error: The option `system.stateVersion' is used but not defined.", "nixdeploy adopt web-1"},
	{"error: The option `system.stateVersion' was accessed but has no value defined. Try setting the option.", "nixdeploy adopt web-1"},
	{"error: The option `networking.hostId' was accessed but has no value defined. Try setting the option.", `[hosts.web-1.override] "networking.hostId" = ...`},
	{"error: The option `networking.hostId' is used but not defined.", "nixdeploy option web-1 networking.hostId"},
	{"error:\n       Failed assertions:\n       - Something that nobody foresaw.", "after \"Failed assertions\""},
	{"error: Module `/x.nix' has an unsupported attribute `services'. This is caused by introducing a top-level `config' or `options' attribute. Add", "move services into the module's config"},
	{"error: Could not load a value as a module, because it is of type \"flake\", in file /x.nix.", "inputs.NAME.nixosModules.default"},
	{"error: Expected a module, but found a value of type \"flake\", while trying to load a module into /x.nix.\n       Perhaps you forgot to select an attribute name?", "inputs.NAME.nixosModules.default"},
	{"error: The module /x.nix was imported into nixos instead of homeManager.", "home-manager.users.NAME.imports"},
	{"error: The module `/x.nix' (class: \"homeManager\") cannot be imported into a module evaluation that expects class \"nixos\".", "home-manager.users.NAME.imports"},

	// language
	{"error: infinite recursion encountered\n\n       at /nix/store/x/lib/modules.nix:1:1", "a value needs itself"},
	{"error: undefined variable 'hostname'\n\n       at /x.nix:3:5", "hostname is not known there"},
	{"error: attribute 'inputs' missing", "specialArgs"},
	{"error: attribute 'hostname' missing\n\n       at /x:1:2:\n       Did you mean hostName?", "did you mean hostName?"},
	{"error: attribute 'nosuchpkg' missing", "search.nixos.org"},
	{"error: attribute 'networking.hostName' already defined at /x/a.nix:1:3\n\n       at /x/a.nix:2:3", "first at /x/a.nix:1:3"},
	{"error: syntax error, unexpected '}', expecting ';'\n\n       at /x.nix:3:1:", "mend the Nix file"},
	{"error: getting status of '/p/nope.nix': No such file or directory", "the flake has no /p/nope.nix"},
	{"error: path '/nix/store/x-source/nope.nix' does not exist", "the flake has no nope.nix:"},
	{"error: cannot coerce an integer to a string", "toString"},
	{"error: cannot coerce an integer to a string: 5", "toString"},
	{"error: function 'anonymous lambda' called with unexpected argument 'extraArgs'", "specialArgs instead of extraArgs"},
}

func TestEachErrorHasItsHint(t *testing.T) {
	h := inventory.Host{Name: "web-1", Attribute: "web-1"}
	hit := map[*row]bool{}
	for _, c := range said {
		got := Hint(strings.Split(c.text, "\n"), h)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %q\nwant %q", c.text, got, c.want)
		}
		if strings.ContainsAny(strings.NewReplacer("{ config, lib, pkgs, ... }", "", "config = { ... }", "", " = { }", "").Replace(got), "{}") {
			t.Errorf("%s\nsomething is not filled in: %q", c.text, got)
		}
		for i := range rows() {
			if r := &rows()[i]; r.sign.MatchString(flat(Last(strings.Split(c.text, "\n")))) {
				hit[r] = true
				break
			}
		}
	}
	for i := range rows() {
		if r := &rows()[i]; !hit[r] {
			t.Errorf("no text shows what %s is for, or a row before it takes all", r.sign)
		}
	}
}

// Nix 2.26 prints how it got there first, Nix 2.8 after the error; nixos-rebuild
// says something after both.
func TestTheLastErrorCounts(t *testing.T) {
	h := inventory.Host{Name: "web-1"}
	for name, c := range map[string]struct{ text, want string }{
		"a trace before": {"error:\n       … while evaluating the option `system.build':\n\n       (stack trace truncated; use '--show-trace' to show the full, detailed trace)\n\n" +
			"       error: The option `services.nginx.enable' has conflicting definition values:\n       - In `a': true", "services.nginx.enable; then remove one"},
		"a trace behind":                  {"error: undefined variable 'foo'\n\n       at /x.nix:3:5:\n\n… while evaluating the attribute 'x'\nattribute 'gone' missing", "foo is not known"},
		"a warning before":                {"warning: unable to download 'https://x': HTTP error 500; retrying in 251 ms\nerror: infinite recursion encountered", "needs itself"},
		"a rename that is only warned of": {"trace: evaluation warning: The option `a.old' defined in `/x' has been renamed to `a.new'.\nerror: the moon is full", "at the place that Nix names"},
		"a warning on two lines":          {"evaluation warning: of long ago:\n  'exa' has been removed. Use 'eza'\nerror: the moon is full", "at the place that Nix names"},
		"nothing":                         {"", "at the place that Nix names"},
		"an unknown error":                {"error: the moon is full", "at the place that Nix names"},
		"colours":                         {"\x1b[31;1merror:\x1b[0m undefined variable 'foo'", "foo is not known"},
		"a word for the user":             {"error: attribute 'provide' missing", "provide is not there"},
	} {
		if got := Hint(strings.Split(c.text, "\n"), h); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// The error itself is shown, whatever comes after it.
func TestEvidenceHoldsTheError(t *testing.T) {
	var long []string
	for range 60 {
		long = append(long, "… while evaluating")
	}
	for name, lines := range map[string][]string{
		"before a long trace": append([]string{"error: the cause"}, long...),
		"after a long trace":  append(append([]string{}, long...), "       error: the cause"),
	} {
		got := Evidence(lines, 20)
		if len(got) > 20 || !strings.Contains(strings.Join(got, "\n"), "error: the cause") {
			t.Errorf("%s: %d lines: %q", name, len(got), got)
		}
	}
	if got := Evidence([]string{"a", "b"}, 20); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// A build fails by what its machine lacks, by its evaluation, or by what a builder
// says, which is no text of Nix.
func TestABuildHasItsHint(t *testing.T) {
	h := inventory.Host{Name: "web-1", Attribute: "web-1"}
	failed := "error: builder for '/nix/store/x-a.drv' failed with exit code 1;\n       last 3 log lines:\n       > "
	dependency := "\nerror: 1 dependencies of derivation '/nix/store/x-system.drv' failed to build"
	for name, c := range map[string]struct{ text, want string }{
		"no space":             {"writing\nerror: writing to file: No space left on device" + dependency, "free space where Nix ran"},
		"no space in its log":  {failed + "cc: No space left on device" + dependency, "free space where Nix ran"},
		"not signed":           {"error: cannot add path '/nix/store/x' because it lacks a signature by a trusted key" + dependency, "trusted-public-keys"},
		"another source":       {"error: hash mismatch in fixed-output derivation '/nix/store/x.drv':\n         specified: sha256-a" + dependency, "not what is locked"},
		"no network":           {"error: unable to download 'https://x': HTTP error 404" + dependency, "look at the network"},
		"a cache that is away": {"warning: unable to download 'https://x'; retrying in 251 ms\n" + failed + "boom" + dependency, "mend what the log names"},
		"its evaluation":       {"error: undefined variable 'hostname'\n       at /x.nix:3:5", "hostname is not known there"},
		"a builder's own text": {failed + "undefined variable 'foo'\n       > syntax error, unexpected" + dependency, "mend what the log names"},
		"a builder of new Nix": {"error: Cannot build '/nix/store/x-a.drv'.\n       Reason: builder failed with exit code 1.\n       Last 1 log lines:\n       > undefined variable 'foo'", "mend what the log names"},
		"nothing":              {"", "mend what the log names"},
	} {
		if got := BuildHint(strings.Split(c.text, "\n"), h); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
