# A machine that is a container (systemd-nspawn, LXC) with an init of its own,
# reached over ssh like any other. It is built on base: without users, sshd and
# Nix it could be deployed once and never again.
{ lib, ... }:
let
  base = import ../lib/base-priority.nix lib;
in
{
  imports = [
    ./base.nix
    ../modules/services/container.nix
  ];

  boot.isContainer = base true;

  nixdeploy.packageProfile = base "minimal";
}
