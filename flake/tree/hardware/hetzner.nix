# A virtual machine of Hetzner Cloud: KVM, VirtIO, and a screen that is a web
# page.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  layer = import ../lib/priorities.nix lib;
  cfg = config.nixdeploy.hardware.hetzner;
  arm = pkgs.stdenv.hostPlatform.system == "aarch64-linux";
in
{
  # VirtIO's drivers in the initrd. It cannot be turned off by an option.
  imports = [ "${modulesPath}/profiles/qemu-guest.nix" ];

  options.nixdeploy.hardware.hetzner.enable = lib.mkOption {
    type = lib.types.bool;
    default = true;
    description = "Whether this is a virtual machine of Hetzner Cloud. Off on a dedicated server of theirs.";
  };

  config = lib.mkIf cfg.enable {
    # The disk is /dev/sda, by virtio-scsi.
    boot.initrd.availableKernelModules = [
      "ahci"
      "sd_mod"
      "sr_mod"
      "virtio_pci"
      "virtio_scsi"
      "xhci_pci"
    ];
    # The virtual display, early enough to see the boot.
    boot.initrd.kernelModules = [ "virtio_gpu" ];

    boot.kernelParams = [
      # Rescue systems and logs read the serial line; the last console is the
      # one to type at, and Hetzner's is a screen.
      "console=ttyS0,115200"
      "console=tty0"
      # Do not wait for a dead disk or kernel: the guard needs the boot.
      "panic=10"
    ];

    # Whether an instance boots by BIOS or by EFI depends on its age. This boots
    # by both; facts.json of the host says what is really there.
    boot.loader.grub = {
      enable = layer.hardware true;
      efiSupport = layer.hardware true;
      efiInstallAsRemovable = layer.hardware true;
      device = layer.hardware (if arm then "nodev" else "/dev/sda");
    };
    boot.loader.timeout = layer.hardware 3;

    # The disk of a larger plan is larger, its partition is not.
    boot.growPartition = layer.hardware true;
    zramSwap.enable = layer.hardware true;

    services.qemuGuest.enable = layer.hardware true;
    # Hetzner sets a new root password by the agent, which calls chpasswd.
    systemd.services.qemu-guest-agent.path = [ pkgs.shadow ];

    # IPv4 comes by DHCP. IPv6 is static, and known to hosts.toml alone.
    networking.useDHCP = layer.hardware true;
  };
}
