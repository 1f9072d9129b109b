# The facts of hosts.toml that modules may read, and what the host's side of
# nixdeploy can be told.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.nixdeploy = {
    host = {
      enable = lib.mkEnableOption ''
        the host's side of nixdeploy: the user that it connects as, who is
        equivalent to root, sshd, and its folders
      '';
      deployers = mkOption {
        type = types.listOf (types.strMatching "[0-9A-Fa-f.:]+(/[0-9]+)?");
        default = [ ];
        example = [
          "192.0.2.7"
          "2001:db8::/64"
        ];
        description = ''
          Addresses, or networks, that deployments come from. fail2ban never
          bans them, and neither sshd nor the firewall limits their rate.
        '';
      };
    };
    target = mkOption {
      type = types.str;
      default = "base";
      description = "The target of this machine in hosts.toml.";
    };
    user = mkOption {
      type = types.str;
      default = "root";
      description = "The user that nixdeploy connects as; root, or a user that may become root.";
    };
    elevate = mkOption {
      type = types.enum [
        "none"
        "sudo"
        "doas"
      ];
      default = "sudo";
      description = "How that user becomes root.";
    };
    requireKey = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether to refuse a configuration in which that user has no ssh key.
        Turn it off where keys come from elsewhere, for instance from a
        certificate authority.
      '';
    };
    packageProfile = mkOption {
      type = types.enum [
        "minimal"
        "essential"
        "development"
        "full"
      ];
      default = "essential";
      description = "The package profile of this machine, see shared/package-lists.nix.";
    };
  };
}
