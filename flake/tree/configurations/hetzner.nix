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

  # Plasma turns these on by mkDefault, for a laptop. A machine in a data centre
  # has one wire and no battery.
  hardware.bluetooth.enable = layer.overNixos false;
  networking.networkmanager.enable = layer.overNixos false;
  services.power-profiles-daemon.enable = layer.overNixos false;
}
