# hardware.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options = {
    hardware = {
      enableAllFirmware = off;
      enableRedistributableFirmware = off;
      firmware = opt (types.listOf types.package) [ ];
      firmwareCompression = opt (types.enum [ "xz" "zstd" "none" "auto" ]) "auto";
      wirelessRegulatoryDatabase = off;
      enableAllHardware = off;
      cpu = {
        amd.updateMicrocode = off;
        intel.updateMicrocode = off;
        x86.msr.enable = off;
      };
      graphics = {
        enable = off;
        enable32Bit = off;
        package = opt types.package pkgs.mesa;
        extraPackages = packages;
        extraPackages32 = packages;
      };
      bluetooth = {
        enable = off;
        powerOnBoot = on;
        package = package pkgs "bluez";
        settings = opt ini { };
      };
      deviceTree = {
        enable = off;
        name = maybe types.str;
      };
      nvidia = {
        open = maybe types.bool;
        modesetting.enable = off;
      };
      nvidia-container-toolkit.enable = off;
      alsa.enable = off;
      i2c.enable = off;
      uinput.enable = off;
      sane.enable = off;
      sensor.iio.enable = off;
      ksm.enable = off;
      usb-modeswitch.enable = off;
      logitech.wireless.enable = off;
      keyboard.zsa.enable = off;
      steam-hardware.enable = off;
      acpilight.enable = off;
      brillo.enable = off;
    };
  };
}
