# sshd is how nixdeploy reaches the machine: on, and with keys only.
{ lib, ... }:
let
  base = import ../../lib/base-priority.nix lib;
in
{
  services.openssh = {
    enable = base true;
    # Containers have NixOS start sshd on demand, by a mkDefault, which is
    # stronger than base. A running sshd is what a deployment proves itself
    # with, so this is a little stronger still.
    startWhenNeeded = lib.mkOverride 990 false;
    settings = {
      PasswordAuthentication = base false;
      KbdInteractiveAuthentication = base false;
      PermitRootLogin = base "prohibit-password";
    };
  };
}
