# Nix on the machine: flakes, binary caches, and builds that do not wait for a
# cache that is gone.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
  cfg = config.nixdeploy.nix;
in
{
  options.nixdeploy.nix = {
    enable = lib.mkEnableOption "the settings of Nix that a deployed machine needs: flakes, caches, no channels";

    caches = lib.mkOption {
      type = lib.types.attrsOf lib.types.str;
      default = { };
      example = {
        "https://cache.example.org" = "cache.example.org-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
      };
      description = ''
        Binary caches beside cache.nixos.org, each with its public key. Whoever
        holds the secret one can put anything on the machine.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    nix.settings = {
      experimental-features = [
        "nix-command"
        "flakes"
      ];
      substituters = builtins.attrNames cfg.caches;
      trusted-public-keys = builtins.attrValues cfg.caches;
      # Hosts would rather build than wait for a cache that does not answer.
      connect-timeout = layer.base 5;
      fallback = layer.base true;
      # A build that would fill the disk makes room first.
      min-free = layer.base (512 * 1024 * 1024);
      max-free = layer.base (2048 * 1024 * 1024);
    };
    # The flake is the only source of packages.
    nix.channel.enable = layer.base false;
  };
}
