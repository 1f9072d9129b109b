# A machine that is a container (systemd-nspawn, LXC) with an init of its own,
# reached over ssh like any other. It is built on base: without users, sshd and
# Nix it could be deployed once and never again.
{ lib, modulesPath, ... }:
let
  layer = import ../lib/priorities.nix lib;
in
{
  imports = [
    ./base.nix
    "${modulesPath}/profiles/minimal.nix"
  ];

  boot.isContainer = layer.target true;

  nixdeploy = {
    container.enable = layer.target true;
    packageProfile = layer.target "minimal";
    # Nobody lives here.
    userPackages.enable = layer.target false;
    home.shell.enable = layer.target false;
  };
}
