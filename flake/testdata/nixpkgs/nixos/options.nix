# What the tree reads back, and what NixOS itself sets by mkDefault in the
# cases that the tree has to win.
{ config, lib, ... }:
let
  inherit (lib) mkOption;
in
{
  options = {
    assertions = mkOption { default = [ ]; };
    warnings = mkOption { default = [ ]; };
    networking.hostName = mkOption { default = "nixos"; };
    boot.isContainer = mkOption { default = false; };
    system.autoUpgrade.enable = mkOption { default = false; };
    services.openssh.startWhenNeeded = mkOption { default = false; };
    security.sudo.extraRules = mkOption { default = [ ]; };
    security.sudo-rs.extraRules = mkOption { default = [ ]; };
    security.doas.extraRules = mkOption { default = [ ]; };
    users.users = mkOption {
      default = { };
      apply = builtins.mapAttrs (
        _: u:
        u
        // {
          openssh.authorizedKeys = {
            keys = [ ];
            keyFiles = [ ];
          } // (u.openssh.authorizedKeys or { });
        }
      );
    };
  };
  config = lib.mkIf config.boot.isContainer { services.openssh.startWhenNeeded = lib.mkDefault true; };
}
