# A Mac with Apple Silicon, by nixos-apple-silicon: its kernel, its sound, its
# Wi-Fi and Bluetooth. The ESP is the one that Asahi's installer has made.
{
  config,
  inputs,
  lib,
  ...
}:
let
  layer = import ../lib/priorities.nix lib;
  cfg = config.nixdeploy.hardware.m1;
in
{
  imports = [ inputs.nixos-apple-silicon.nixosModules.default ];

  options.nixdeploy.hardware.m1 = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether this is a Mac with Apple Silicon.";
    };
    firmware = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = lib.literalExpression "./.";
      description = ''
        A folder of the flake with what is in the Mac's /boot/vendorfw
        (firmware.cpio; with older versions of nixos-apple-silicon it is
        /boot/asahi and all_firmware.tar.gz). Without it the machine works, but
        for Wi-Fi and Bluetooth, unless its module loads it from the ESP.
        Evaluation is pure, so that it cannot be read from /boot; and Apple lets
        nobody pass it on, so that it belongs into no public repository.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    nixpkgs.hostPlatform = layer.hardware "aarch64-linux";

    hardware.asahi = {
      enable = layer.hardware true;
      extractPeripheralFirmware = layer.hardware (cfg.firmware != null);
      # With null, newer versions load it from the ESP when the machine boots.
      peripheralFirmwareDirectory = layer.hardware cfg.firmware;
      # Apple's speakers are kept from harm by its settings of PipeWire.
      setupAsahiSound = layer.hardware true;
    };

    boot.loader.systemd-boot.enable = layer.hardware true;
    # 500 MB, with a kernel and an initrd each.
    boot.loader.systemd-boot.configurationLimit = layer.hardware 5;
    boot.loader.grub.enable = layer.hardware false;

    # Wi-Fi of a Mac is said to work best with iwd.
    networking.networkmanager.wifi.backend = layer.hardware "iwd";
    zramSwap.enable = layer.hardware true;
    services.libinput.enable = layer.hardware true;
  };
}
