# The facts of hosts.toml that modules may read.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.nixdeploy = {
    target = mkOption {
      type = types.str;
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
