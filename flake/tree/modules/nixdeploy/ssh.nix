# sshd is how nixdeploy reaches the machine: on, with keys only, and with room
# for those that deploy.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
  inherit (config.nixdeploy.host) enable deployers;
in
{
  config = lib.mkIf enable {
    services.openssh = {
      enable = layer.base true;
      # Containers have NixOS start sshd on demand, by a mkDefault. A running
      # sshd is what a deployment proves itself with, so this is stronger.
      startWhenNeeded = layer.overNixos false;
      settings = {
        PasswordAuthentication = layer.base false;
        KbdInteractiveAuthentication = layer.base false;
        PermitRootLogin = layer.base "prohibit-password";
        # Of OpenSSH 9.8: who misbehaves is turned away for a while, by itself.
        PerSourcePenaltyExemptList = lib.mkIf (deployers != [ ]) (
          layer.base (lib.concatStringsSep "," deployers)
        );
      };
    };

    # In vain where fail2ban is off.
    services.fail2ban.ignoreIP = deployers;
  };
}
