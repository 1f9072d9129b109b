# What nixdeploy keeps on the machine, and what the machine says of itself.
{ config, lib, ... }:
let
  cfg = config.nixdeploy;
  boot = config.boot.loader;

  loader =
    if config.boot.isContainer || cfg.target == "wsl" then
      "none"
    else if boot.systemd-boot.enable then
      "systemd-boot"
    else if boot.grub.enable then
      "grub"
    else if boot.generic-extlinux-compatible.enable then
      "extlinux"
    else
      "unknown";

  # Those without which a machine does not come up, or not with this system.
  needed = lib.filterAttrs (
    at: _:
    lib.elem at [
      "/"
      "/boot"
      "/boot/efi"
      "/efi"
      "/nix"
    ]
  ) config.fileSystems;
in
{
  config = lib.mkIf cfg.host.enable {
    # Uploads, records and guards: root's alone.
    systemd.tmpfiles.rules = [ "d /var/lib/nixdeploy 0700 root root -" ];

    # Read before a new system is switched to, to compare it with the machine.
    environment.etc."nixdeploy/system.json".text = builtins.toJSON {
      format = 1;
      state_version = config.system.stateVersion;
      boot_loader = loader;
      mounts = builtins.mapAttrs (_: mount: {
        inherit (mount) device;
        type = mount.fsType;
      }) needed;
      user = {
        name = cfg.user;
        inherit (config.users.users.${cfg.user}.openssh.authorizedKeys) keys;
      };
    };

    warnings = lib.optional config.system.autoUpgrade.enable "system.autoUpgrade is on: it replaces what nixdeploy deploys, and neither knows of the other";
  };
}
