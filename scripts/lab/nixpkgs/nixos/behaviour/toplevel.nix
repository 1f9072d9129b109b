# system.build.toplevel: a system that the lab's hosts can build, switch to and
# boot, made by minios of what the configuration says. The stand-in's own one is
# evaluated with it, for all that it refuses, and is not built.
given:
{ config, options, pkgs, ... }@args:
let
  inherit (given) lib;
  inherit (config) boot networking;

  checked = (import ../toplevel.nix given args).config.system.build;

  # Packages of the stand-in cannot be built: no text may depend on one.
  plain = builtins.unsafeDiscardStringContext;

  loader =
    if boot.isContainer || config.nixdeploy.target or "" == "wsl" then
      "none"
    else if boot.loader.systemd-boot.enable then
      "systemd-boot"
    else if boot.loader.generic-extlinux-compatible.enable then
      "extlinux"
    else if boot.loader.grub.enable then
      "grub"
    else
      "none";

  # As NixOS writes /etc/fstab; it checks none of the file systems of a lab host.
  escape = builtins.replaceStrings [ " " "\t" ] [ "\\040" "\\011" ];
  fstab = lib.concatMapStrings (
    fs:
    "${escape fs.device} ${escape fs.mountPoint} ${fs.fsType} ${escape (lib.concatStringsSep "," fs.options)} 0 0\n"
  ) (builtins.attrValues config.fileSystems);

  etc = lib.filterAttrs (_: file: file.enable && file.text != null) config.environment.etc;
  keys = lib.filterAttrs (_: user: user.openssh.authorizedKeys.keys != [ ]) config.users.users;

  system = import ../../minios/system.nix (
    {
      inherit (networking) hostName;
      version = config.system.nixos.label;
      inherit (config.system.nixos) release;
      inherit (config.system) configurationRevision;
      kernelParams = boot.kernelParams ++ [ "loglevel=${toString boot.consoleLogLevel}" ];
      bootLoader = loader;
      bootDevice = boot.loader.grub.device;
      switchEnabled = config.system.switch.enable;
      etc =
        lib.mapAttrs' (_: file: lib.nameValuePair file.target (plain file.text)) etc
        // lib.mapAttrs' (
          name: user:
          lib.nameValuePair "ssh/authorized_keys.d/${name}" (
            lib.concatMapStrings (key: key + "\n") user.openssh.authorizedKeys.keys
          )
        ) keys
        // {
          hostname = networking.hostName + "\n";
          fstab = "# This is a generated file.  Do not edit!\n\n# Filesystems.\n${fstab}";
        };
    }
    // lib.filterAttrs (_: value: value != null) config.lab
  );
in
{
  config.system.build =
    checked
    // system.config.system.build
    // {
      toplevel = builtins.seq checked.toplevel.drvPath system.config.system.build.toplevel;
    };
}
