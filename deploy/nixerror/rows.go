package nixerror

import (
	"regexp"
	"sync"
)

// row is one kind of error: a sign in the flattened text, and what to do.
type row struct {
	sign *regexp.Regexp
	hint string
}

// option matches the path of an option in quotes, as the module system has it.
const option = `'([^' ][^']*)'`

// rows is the table. The first row that matches counts, so the particular ones
// stand before the general ones. Texts are those of Nix 2.8 to 2.36 and of
// nixpkgs 24.05 to 26.11.
var rows = sync.OnceValue(func() []row {
	return compiled(calls(), [][2]string{mismatch}, flakes(), systems(), options(), packages(), language())
})

// machineRows are those that hold for what a builder prints, too.
var machineRows = sync.OnceValue(func() []row { return compiled(calls(), [][2]string{mismatch}) })

func compiled(lists ...[][2]string) []row {
	var out []row
	for _, list := range lists {
		for _, r := range list {
			out = append(out, row{regexp.MustCompile(r[0]), r[1]})
		}
	}
	return out
}

// calls are about how Nix was called, and what it has on its machine: the host, or
// this one where it evaluates.
func calls() [][2]string {
	return [][2]string{
		{`experimental Nix feature '([a-z-]+)' is disabled`,
			`set nix.settings.experimental-features = [ "nix-command" "flakes" ] where Nix ran`},
		{`No space left on device`,
			`free space where Nix ran: nix-collect-garbage --delete-older-than 30d`},
		{`unable to download|Could not resolve host|Couldn't resolve host`,
			`a download failed: look at the network and the substituters of the machine that Nix ran on`},
		{`lacks a (?:valid )?signature by a trusted key`,
			`what is copied is not signed: add the signer to nix.settings.trusted-public-keys where Nix ran`},
	}
}

// mismatch is a download that is not what it should be.
var mismatch = [2]string{
	`NAR hash mismatch|hash mismatch in (?:file|input|fixed-output)`,
	`what was downloaded is not what is locked: somebody changed it; look why, then nixdeploy lock, or name another revision`,
}

// flakes are about the flake and its inputs.
func flakes() [][2]string {
	return [][2]string{
		{`does not provide attribute '(?:packages\.[^.]+\.)?(nixosConfigurations\.("[^"]*"|[^.' ]+))`,
			`the flake has no {1}: name the configuration in hosts.toml: [hosts.{host}] attribute = "..."`},
		{`does not provide attribute`,
			`name the configuration in hosts.toml: [hosts.{host}] attribute = "..."`},
		{`requires lock file changes|cannot update unlocked flake input|flake input '[^']*' is not locked|unlocked flake reference`,
			`nixdeploy lock, then commit flake.lock`},
		{`(?:Path|path) '([^']+)' in the repository "([^"]+)" is not tracked by Git`,
			`git -C {word2} add {word1}; only tracked files are part of a flake in git`},
		{`access to (?:absolute )?path '([^']+)' is forbidden in pure eval(?:uation)? mode`,
			`{1} is not part of the flake: copy it beside hosts.toml and name it relatively; a secret is given as a string, and read on the host`},
		{`cannot look up '<([^>]+)>' in pure eval(?:uation)? mode`,
			`a flake has no <{1}>: use the input instead (pkgs, or modulesPath for NixOS' own modules)`},
		{`in pure eval(?:uation)? mode, '([A-Za-z]+)' requires a 'sha256' argument`,
			`give {1} a hash, or make it an input of the flake`},
		{`attribute 'currentSystem' missing`,
			`builtins.currentSystem is not there in a flake: use pkgs.stdenv.hostPlatform.system`},
		{`attribute '(userborn|match)' missing`,
			`this input wants a newer nixpkgs ({1} is not in this one): raise [flake] nixpkgs, or lock an older revision of the input`},
		{`called without required argument ["']([A-Za-z0-9_-]+)`,
			`{1} is not given: where it is a package, this input and nixpkgs are of different ages, so lock the input's branch for the release of nixpkgs; where it is an input, hand it over in specialArgs`},
	}
}

// packages are about what is in nixpkgs, under which name and licence.
func packages() [][2]string {
	return [][2]string{
		{`[Pp]ackage '([^']*?)-[0-9][^']*' in \S+ (?:because it )?has an unfree license`,
			`allow it by name: [hosts.{host}.override] "nixdeploy.unfree.packages" = ["{1}"]; in a flake of your own nixpkgs.config.allowUnfreePredicate = p: builtins.elem (lib.getName p) [ "{1}" ]`},
		{`unfree license`,
			`allow it by name: [hosts.{host}.override] "nixdeploy.unfree.packages" = ["NAME"]; in a flake of your own nixpkgs.config.allowUnfreePredicate = p: builtins.elem (lib.getName p) [ "NAME" ]`},
		{`[Pp]ackage '([^']+)' in \S+ (?:because it )?is marked as insecure`,
			`use a newer package; or accept the risk: nixpkgs.config.permittedInsecurePackages = [ "{1}" ]`},
		{`marked as insecure`,
			`use a newer package; or accept the risk: nixpkgs.config.permittedInsecurePackages = [ "NAME-VERSION" ]`},
		{`[Pp]ackage '([^']+)' in \S+ (?:because it )?is not available on the requested hostPlatform`,
			`{1} does not exist for this system: leave it out for {host}, for instance by lib.optionals pkgs.stdenv.hostPlatform.isx86_64`},
		{`[Pp]ackage '([^']+)' in \S+ (?:because it )?(?:is marked as broken|has problems:)`,
			`it is broken in this nixpkgs: leave it out, or name another revision in [flake] nixpkgs and type nixdeploy lock`},
		{`[Pp]ackage '([^']+)' in \S+ has the following problem: removal`,
			`nixpkgs is about to remove it: use what the text names instead, or leave it out`},
		{`'([^'/ ]+)' has been renamed to(?:/replaced by)? '([^']+)'`,
			`write {2} instead of {1}`},
		{`'([^']+)' (?:has been|was) (?:removed|deprecated)[^']*?(?:Consider using|[Uu]se|[Ss]witch to|replaced by|in favou?r of) '([^']+)'`,
			`{1} is gone from nixpkgs: write {2} instead`},
		{`'([^']+)' (?:has been|was|is) removed`,
			`{1} is gone from nixpkgs: use what the text names instead, or leave it out`},
		{`(?:attribute|undefined variable) 'nodejs_2[05]'`, `write nodejs_22 or nodejs_24`},
		{`(?:attribute|undefined variable) '(nodePackages|node2nix)'`, `nodePackages is gone: its packages stand at the top (typescript-language-server, prettier, eslint)`},
		{`(?:attribute|undefined variable) 'neofetch'`, `write fastfetch instead of neofetch`},
		{`(?:attribute|undefined variable) 'wslu'`, `write wsl-open instead of wslu`},
		{`(?:attribute|undefined variable) '(nixfmt-rfc-style|nixfmt-classic|nixpkgs-fmt)'`, `write nixfmt instead of {1}`},
		{`(?:attribute|undefined variable) '(mysql80|mysql-client)'`, `write mysql84, or mariadb.client for the client, instead of {1}`},
		{`(?:attribute|undefined variable) 'docker_2[678]'`, `write docker, or docker_29`},
		{`(?:attribute|undefined variable) '(python|python2|python3Full)'`, `write python3 instead of {1}`},
		{`(?:attribute|undefined variable) 'nerdfonts'`, `write nerd-fonts.NAME (nerd-fonts.jetbrains-mono) instead of nerdfonts`},
	}
}

// systems are assertions that keep a machine bootable, and those who use it in.
func systems() [][2]string {
	return [][2]string{
		{`'fileSystems' option does not specify your root file system`,
			`the host's own hardware is not in the flake: nixdeploy adopt {host}`},
		{`option (?:definition )?'fileSystems\.[^']*\.(?:fsType|device)' (?:was accessed but has no value|is used but not defined)`,
			`the host's file systems are not told completely (fsType has no default since 26.05): nixdeploy adopt {host}`},
		{`boot\.loader\.grub\.(?:devices|mirroredBoots)' .*to make the system bootable|You must set the option 'boot\.loader\.grub\.devices?'`,
			`no boot loader is chosen for this machine: nixdeploy adopt {host}`},
		{`boot\.initrd\.(postDeviceCommands|preDeviceCommands|postMountCommands|preLVMCommands|preFailCommands|network\.postCommands|extraUtilsCommands)`,
			`stage 1 is systemd since 26.05: move boot.initrd.{1} into boot.initrd.systemd.services`},
		{`Asahi peripheral firmware extraction is enabled but the firmware location appears incorrect`,
			`copy the Mac's /boot/vendorfw beside hosts.toml and set nixdeploy.hardware.m1.firmware to that folder in a module there; in a flake of your own hardware.asahi.peripheralFirmwareDirectory, or hardware.asahi.extractPeripheralFirmware = false`},
		{`Neither the root account nor any wheel user has a password or SSH authorized key`,
			`nobody could log in: give a user of hosts.toml keys, or set users.users.NAME.openssh.authorizedKeys.keys`},
		{`Exactly one of users\.users\.\S+\.isSystemUser and .*isNormalUser must be set|users\.users\.\S+\.group is unset`,
			`say what kind of user it is: isNormalUser = true for a person; isSystemUser = true and a group for a service`},
		{`The following users have a primary group that is undefined: (\S+)`,
			`declare the group: users.groups.{1} = { }`},
		{`Using PipeWire as the sound server conflicts with PulseAudio`,
			`choose one: services.pulseaudio.enable = false, or services.pipewire.pulse.enable = false`},
		{`There are changes to critical components of the system`,
			`this change wants a reboot: on the host, nixos-rebuild boot and reboot; then nixdeploy plan --on {host}`},
		{`No key source configured for sops|age\.identityPaths must be set`,
			`the host has no key to decrypt with: services.openssh.enable = true makes one, or name a key file of the host`},
		{`Default graphical session, '([^']+)', not found`,
			`services.displayManager.defaultSession = "{1}" is not offered by the desktop: use one of those that the text lists`},
	}
}

// options are about the options of the module system.
func options() [][2]string {
	return [][2]string{
		{`option ` + option + ` does not exist\..*Did you mean '([^']+)'`,
			`there is no such option; did you mean {2}? What it is: nixdeploy option {host} {word2}`},
		{`option (?:definition )?'(sound\.enable)' `, `remove {1}: PipeWire does it, services.pipewire.enable = true`},
		{`option (?:definition )?'(hardware\.opengl)[^']*'`, `write hardware.graphics.enable (and .enable32Bit) instead of {1}`},
		{`option (?:definition )?'(hardware\.pulseaudio)([^']*)'`, `write services.pulseaudio{2} instead of {1}{2}`},
		{`option (?:definition )?'services\.xserver\.displayManager\.(sddm|defaultSession|autoLogin)([^']*)'`, `write services.displayManager.{1}{2}: it is no longer below xserver`},
		{`option (?:definition )?'services\.xserver\.desktopManager\.plasma[56]([^']*)'`, `write services.desktopManager.plasma6{1}; Plasma 5 is gone`},
		{`option (?:definition )?'services\.openssh\.banner'`, `write services.openssh.settings.Banner`},
		{`option (?:definition )?'services\.openssh\.(passwordAuthentication|permitRootLogin|kbdInteractiveAuthentication|forwardX11|useDns|ciphers|macs|kexAlgorithms|logLevel|gatewayPorts)'`,
			`write services.openssh.settings with sshd's own name of {1} (PasswordAuthentication, PermitRootLogin, ...)`},
		{`option (?:definition )?'services\.logind\.(?:lidSwitch|extraConfig|killUserProcesses|power)[^']*'`, `write services.logind.settings.Login (HandleLidSwitch, KillUserProcesses, ...)`},
		{`option (?:definition )?'systemd\.(?:extraConfig|watchdog[^']*)'`, `write systemd.settings.Manager`},
		{`option (?:definition )?'systemd\.sleep\.extraConfig'`, `write systemd.sleep.settings.Sleep`},
		{`option (?:definition )?'systemd\.coredump\.extraConfig'`, `write systemd.coredump.settings.Coredump`},
		{`option (?:definition )?'systemd\.user\.extraConfig'`, `write systemd.user.settings.Manager`},
		{`option (?:definition )?'services\.timesyncd\.extraConfig'`, `write services.timesyncd.settings.Time`},
		{`option (?:definition )?'services\.resolved\.(?:dnssec|llmnr|fallbackDns|domains|dnsovertls|extraConfig)'`, `write services.resolved.settings.Resolve`},
		{`option (?:definition )?'boot\.readOnlyNixStore'`, `write boot.nixStoreMountOpts`},
		{`option (?:definition )?'boot\.vesa'`, `write boot.kernelParams = [ "vga=0x317" "nomodeset" ]`},
		{`option (?:definition )?'virtualisation\.libvirtd\.qemu\.ovmf[^']*'`, `remove it: QEMU brings its own OVMF`},
		{`option (?:definition )?'virtualisation\.lxd[^']*'`, `write virtualisation.incus`},
		{`option (?:definition )?'virtualisation\.docker\.enableNvidia'`, `write hardware.nvidia-container-toolkit.enable`},
		{`option (?:definition )?'system\.(?:switch|rebuild)\.enableNg'`, `remove it: there is only that one now`},
		{`option (?:definition )?'wsl\.(?:docker-native|nativeSystemd|tarball\.includeConfig|interop\.preserveArgvZero)[^']*'`, `remove it: NixOS-WSL has no such option any more`},
		{`option definition ` + option + ` in '?[^ ]*.* no longer has any effect`, `remove {1} where the text says that it is set`},
		{`option ` + option + ` can no longer be used since it's been removed`, `remove {1}; the text says what takes its place`},
		{`option ` + option + ` defined in '[^']*' has been renamed to '([^']+)'`, `write {2} instead of {1}`},
		{`option ` + option + `(?: defined in '[^']*')? does not exist`, // with the file: lib before 2021
			`there is no such option in this release: look for its name with nixdeploy option {host} {word1}`},
		{`option ` + option + ` has conflicting definition`,
			`two files set it and neither is stronger: see both with nixdeploy option {host} {word1}; then remove one, or set it in [hosts.{host}.override.force]`},
		{`option ` + option + ` is defined multiple times while it's expected to be unique`,
			`it takes one definition: see all with nixdeploy option {host} {word1}; then remove the others, or set it in [hosts.{host}.override.force]`},
		{`definition for option '([^'"]+)\."?\[definition [^']*' is not of type '([^']+)'`,
			`an element of {1} has to be: {2}; see what is set with nixdeploy option {host} {word1}`},
		{`definition for option ` + option + ` is not of type '([^']+)'`,
			`{1} has to be: {2}; see what is set with nixdeploy option {host} {word1}`},
		{`option value ` + option + ` in '[^']*' is not (?:a |an )?([^.]+)`, // lib before 2021
			`{1} has to be: {2}; see what is set with nixdeploy option {host} {word1}`},
		{`option (?:definition )?'(system\.stateVersion)' (?:was accessed but has no value|is used but not defined)`,
			`set it to the release that the machine was installed with, [hosts.{host}.override] "{1}" = "..."; its own configuration says it: nixdeploy adopt {host}`},
		{`option ` + option + ` (?:was accessed but has no value defined|is used but not defined)`,
			`nothing sets it: [hosts.{host}.override] "{1}" = ...; what it takes: nixdeploy option {host} {word1}`},
		{`has an unsupported attribute '([^']+)'\. This is caused by introducing a top-level 'config' or 'options'`,
			`move {1} into the module's config = { ... }`},
		{`value as a module, because it is of type "flake"|found a value of type "flake", while trying to load a module`,
			`a flake is no module: take one of its modules, as in inputs.NAME.nixosModules.default`},
		{`was imported into nixos instead of|cannot be imported into a module evaluation that expects class "nixos"`,
			`this is no NixOS module: one of home-manager belongs into home-manager.users.NAME.imports`},
	}
}

// language are errors of the Nix language.
func language() [][2]string {
	return [][2]string{
		{`infinite recursion encountered`,
			`a value needs itself: most often imports, or an mkIf around options, looks at config; what decides about imports belongs into hosts.toml (modules, target)`},
		{`undefined variable '([^']+)'`,
			`{1} is not known there: a missing argument of the module ({ config, lib, pkgs, ... }:), or a package that this nixpkgs does not have under that name`},
		{`attribute 'inputs' missing`,
			`a module has no inputs by itself: hand them over in specialArgs`},
		{`attribute '([^']+)' missing.*Did you mean (?:one of )?'?([A-Za-z0-9_.-]+)`,
			`{1} is not there under that name: did you mean {2}?`},
		{`attribute '([^']+)' missing`,
			`{1} is not there under that name in this release: look for it on search.nixos.org, in the release of [flake] nixpkgs`},
		{`attribute '([^']+)' already defined at (\S+)`,
			`{1} stands twice in one file, first at {2}: join the two`},
		{`syntax error, ([^:]+?)(?: at |$)`,
			`mend the Nix file at the place that the text names`},
		{`(?:getting status of|[Pp]ath) '(?:/nix/store/[^/']+/)?([^']+)'(?:: No such file or directory| does not exist)`,
			`the flake has no {1}: it is not there, not tracked by git, or not named in hosts.toml (modules)`},
		{`cannot coerce`,
			`a value of another kind stands where text is wanted: toString turns numbers into text`},
		{`called with unexpected argument '([^']+)'`,
			`{1} is not taken there: since 26.11 lib.nixosSystem takes specialArgs instead of extraArgs, and no check`},
		{`Failed assertions:`,
			`NixOS itself refuses this configuration, and says why in the lines after "Failed assertions"`},
	}
}
