# KDE Plasma 6 on Wayland, with its applications, SDDM and sound.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  cfg = config.nixdeploy.desktop.plasma;
  pipewire = cfg.sound == "pipewire";
in
{
  options.nixdeploy.desktop.plasma = {
    enable = lib.mkEnableOption "the KDE Plasma 6 desktop";

    sound = lib.mkOption {
      type = lib.types.enum [
        "pipewire"
        "pulseaudio"
      ];
      default = "pipewire";
      description = "The sound server. xrdp can carry the sound of pulseaudio only.";
    };
    applications.enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether to install KDE's applications beyond those that come with Plasma.";
    };
  };

  config = lib.mkIf cfg.enable {
    # Plasma asks for X11 nowhere any more: services.xserver stays off.
    services.desktopManager.plasma6.enable = layer.desktop true;
    services.displayManager = {
      sddm.enable = layer.desktop true;
      sddm.wayland.enable = layer.desktop true;
      defaultSession = layer.desktop "plasma";
      # It would hold the seat, and a remote session of the same user with it.
      autoLogin.enable = layer.desktop false;
    };

    # Plasma turns PipeWire on by a mkDefault; beside PulseAudio it only serves
    # video, and no sound.
    services.pipewire = {
      enable = layer.desktop true;
      alsa.enable = layer.desktop pipewire;
      pulse.enable = layer.desktop pipewire;
    };
    services.pulseaudio.enable = layer.desktop (!pipewire);
    security.rtkit.enable = layer.desktop true;

    hardware.graphics.enable = layer.desktop true;
    services.printing.enable = layer.desktop false;

    environment.systemPackages = lib.optionals cfg.applications.enable (
      with pkgs.kdePackages;
      [
        filelight
        kcalc
        partitionmanager
      ]
    );
  };
}
