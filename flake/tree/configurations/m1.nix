# A laptop with Apple Silicon: the desktop on its own screen, and all that it
# takes to develop, for aarch64. Less than hetzner by remote access and by the
# services of a machine that the internet reaches.
{ lib, ... }:
let
  layer = import ../lib/priorities.nix lib;
in
{
  imports = [
    ./base.nix
    ../hardware/m1.nix
  ];

  nixdeploy = {
    desktop.plasma.enable = layer.target true;
    development.enable = layer.target true;

    packageProfile = layer.target "full";

    home = {
      ai-assistants.enable = layer.target true;
      editors.enable = layer.target true;
      terminal.enable = layer.target true;
      tools.enable = layer.target true;
    };
  };

  # A laptop goes from network to network, and its owner chooses them.
  networking.networkmanager.enable = layer.target true;
  hardware.bluetooth.enable = layer.target true;
  services.printing.enable = layer.target true;
}
