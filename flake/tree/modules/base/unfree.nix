# Unfree packages: none, or exactly those that are named.
{ config, lib, ... }:
let
  cfg = config.nixdeploy.unfree;
in
{
  options.nixdeploy.unfree = {
    enable = lib.mkEnableOption "the unfree packages of shared/package-lists.nix, where their profile or module is in use";

    packages = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [ "steam-unwrapped" ];
      description = "Names of further packages (their pname) that may be unfree on this machine.";
    };
  };

  config = {
    nixdeploy.unfree.packages = lib.mkIf cfg.enable (import ../../shared/unfree-names.nix);
    nixpkgs.config = lib.mkIf (cfg.packages != [ ]) {
      allowUnfreePredicate = package: lib.elem (lib.getName package) cfg.packages;
    };
  };
}
