# A cloud workstation at Hetzner: the desktop, reached from afar, and all that
# it takes to develop. The reference that the other targets are compared with.
{ lib, ... }:
let
  layer = import ../lib/priorities.nix lib;
in
{
  imports = [
    ./base.nix
    ../hardware/hetzner.nix
  ];

  nixdeploy = {
    desktop.plasma.enable = layer.target true;
    desktop.remoteAccess.enable = layer.target true;
    development.enable = layer.target true;
    networking.enable = layer.target true;

    packageProfile = layer.target "full";

    home = {
      ai-assistants.enable = layer.target true;
      editors.enable = layer.target true;
      terminal.enable = layer.target true;
      tools.enable = layer.target true;
    };
  };

  # One wire, and no radio.
  hardware.bluetooth.enable = layer.target false;
  networking.networkmanager.enable = layer.target false;

  # Plasma turns these on by mkDefault, for somebody who sits before a machine of
  # theirs: energy profiles, updates of its firmware, where it is, a voice that
  # reads its screen, and a mail suite.
  services.power-profiles-daemon.enable = layer.overNixos false;
  services.fwupd.enable = layer.overNixos false;
  services.geoclue2.enable = layer.overNixos false;
  services.orca.enable = layer.overNixos false;
  programs.kde-pim.enable = layer.overNixos false;
}
