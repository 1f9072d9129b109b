{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.hardware.asahi;
  opt =
    type: default:
    mkOption {
      inherit type default;
      description = "See the documentation of nixos-apple-silicon.";
    };
  gone = name: lib.mkRemovedOptionModule [ "hardware" "asahi" name ] "It is no longer needed.";
  # Pure evaluation sees no file outside of the flake, so this is null there.
  found = lib.findFirst (path: builtins.pathExists (path + "/firmware.cpio")) null [
    /boot/vendorfw
    /mnt/boot/vendorfw
  ];
in
{
  _file = "nixos-apple-silicon/module.nix";
  imports = map gone [
    "useExperimentalGPUDriver"
    "experimentalGPUInstallMode"
    "withRust"
    "addEdgeKernelConfig"
  ];
  options.hardware.asahi = {
    enable = opt types.bool true;
    peripheralFirmwareDirectory = opt (types.nullOr types.path) found;
    extractPeripheralFirmware = opt types.bool true;
    setupAsahiSound = opt types.bool cfg.enable;
    pkgsSystem = opt types.str "aarch64-linux";
    overlay = opt types.raw (_: _: { });
  };
  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        assertions = [
          {
            assertion = cfg.extractPeripheralFirmware -> cfg.peripheralFirmwareDirectory != null;
            message = "Asahi peripheral firmware extraction is enabled but the firmware\nlocation appears incorrect.";
          }
        ];
        warnings =
          lib.optional (options.hardware.asahi.enable.highestPrio >= 1500)
            "hardware.asahi.enable is on by default, which will change: set it";
        boot.loader.efi.canTouchEfiVariables = lib.mkForce false;
        boot.loader.grub = lib.mkDefault {
          efiSupport = true;
          efiInstallAsRemovable = true;
          device = "nodev";
        };
        boot.kernelParams = [
          "earlycon"
          "console=tty0"
          "boot.shell_on_fail"
          "nvme_apple.flush_interval=0"
        ];
        hardware.sensor.iio.enable = lib.mkOverride 900 true;
        system.extraDependencies = lib.mkForce [ pkgs.stdenv.cc.cc ];
        boot.kernelPackages = pkgs.linuxPackages;
        powerManagement.cpuFreqGovernor = lib.mkOverride 800 "schedutil";
        hardware.deviceTree.enable = true;
      }
      (lib.mkIf cfg.setupAsahiSound {
        services.pulseaudio.enable = false;
        services.pipewire = {
          enable = true;
          alsa.enable = true;
          pulse.enable = true;
          wireplumber.enable = true;
        };
        security.rtkit.enable = true;
      })
    ]
  );
}
