# What NixOS refuses of a machine that boots, and what a container changes.
{ declare, lib, since }:
{ config, pkgs, ... }:
let
  inherit (config) boot fileSystems;
  grub = boot.loader.grub;
in
{
  config = lib.mkMerge [
    (lib.mkIf boot.isContainer {
      environment.variables.NIX_REMOTE = "daemon";
      networking.useHostResolvConf = lib.mkDefault (!config.services.resolved.enable);
      services.openssh.startWhenNeeded = lib.mkDefault true;
      nix.optimise.automatic = lib.mkDefault false;
      documentation.nixos.enable = lib.mkDefault false;
      powerManagement.enable = lib.mkDefault false;
      services.udisks2.enable = lib.mkDefault false;
      # Nothing is installed: an init outside of the store stays where it is.
      system.build.installBootLoader = lib.mkDefault "${pkgs.coreutils}/bin/true";
    })
    (lib.mkIf (boot.isContainer || boot.loader.external.enable) {
      boot.loader.grub.enable = lib.mkOverride 900 false;
    })
    (lib.mkIf boot.loader.systemd-boot.enable {
      boot.loader.grub.enable = lib.mkDefault false;
    })
    (lib.mkIf boot.loader.generic-extlinux-compatible.enable {
      boot.loader.grub.enable = lib.mkDefault false;
    })
    (lib.mkIf grub.enable {
      boot.loader.grub.devices = lib.mkIf (grub.device != "") [ grub.device ];
      assertions = [
        {
          assertion = grub.mirroredBoots != [ ] || grub.devices != [ ];
          message = "You must set the option ‘boot.loader.grub.devices’ or 'boot.loader.grub.mirroredBoots' to make the system bootable.";
        }
        {
          assertion = grub.efiInstallAsRemovable -> !boot.loader.efi.canTouchEfiVariables;
          message = "If you wish to to use boot.loader.grub.efiInstallAsRemovable, then turn off boot.loader.efi.canTouchEfiVariables";
        }
        {
          assertion = grub.efiInstallAsRemovable -> grub.efiSupport;
          message = "If you wish to to use boot.loader.grub.efiInstallAsRemovable, then turn on boot.loader.grub.efiSupport";
        }
      ];
    })
    {
      assertions = [
        {
          # NixOS asks in stage 1, which a container and WSL have not.
          assertion = !boot.initrd.enable || fileSystems ? "/";
          message = "The ‘fileSystems’ option does not specify your root file system.";
        }
        {
          assertion =
            !(
              boot.initrd.systemd.enable
              && boot.initrd.enable
              && (
                boot.initrd.postDeviceCommands != ""
                || boot.initrd.preDeviceCommands != ""
                || boot.initrd.preLVMCommands != ""
                || boot.initrd.postMountCommands != ""
              )
            );
          message = "systemd stage 1 does not support 'boot.initrd.postDeviceCommands'. Please\nconvert it to analogous systemd units in 'boot.initrd.systemd'.";
        }
        {
          assertion = builtins.length (builtins.filter (x: x) [ grub.enable boot.loader.systemd-boot.enable boot.loader.generic-extlinux-compatible.enable ]) <= 1;
          message = "The option `system.build.installBootLoader' is defined multiple times while it's expected to be unique.";
        }
      ];
    }
  ];
}
