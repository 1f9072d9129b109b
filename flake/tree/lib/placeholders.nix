# A bare target is no machine: it has no disks and no history. These stand in
# for hosts/HOST/hardware.nix and facts.json, so that it can be evaluated and
# looked at. Nobody can deploy it: nixdeploy deploys hosts.
{ config, lib, ... }:
let
  inherit ((import ./priorities.nix lib)) placeholder;
  disks = !config.boot.isContainer && config.nixdeploy.target != "wsl";
in
{
  config = lib.mkMerge [
    {
      system.stateVersion = placeholder lib.trivial.release;
      # Nobody's keys are known here.
      nixdeploy.requireKey = placeholder false;
      users.allowNoPasswordLogin = placeholder true;
    }
    (lib.mkIf disks {
      fileSystems."/" = {
        device = placeholder "/dev/disk/by-label/nixos";
        fsType = placeholder "ext4";
      };
      fileSystems."/boot" = {
        device = placeholder "/dev/disk/by-label/boot";
        fsType = placeholder "vfat";
      };
      boot.loader.grub.device = placeholder "nodev";
    })
  ];
}
