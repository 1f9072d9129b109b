# What the flake gives: a configuration for each host and each target, images,
# packages, checks, a shell to work in, and the modules for a flake of your own.
inputs:
let
  inherit (inputs.nixpkgs) lib;

  # Data, never code: what hosts.toml holds reaches Nix by this file alone.
  inventory = builtins.fromJSON (builtins.readFile ./inventory.json);

  mkSystem = import ./lib/system.nix {
    inherit inputs;
    secrets = inventory.secrets or "none";
  };

  eachSystem =
    f:
    lib.genAttrs [
      "x86_64-linux"
      "aarch64-linux"
    ] (system: f (inputs.nixpkgs.legacyPackages.${system}.appendOverlays (import ./overlays)));

  imagesOf =
    pkgs:
    let
      mkContainer = import ./lib/container-image.nix { inherit lib pkgs; };
      profiles = import ./shared/package-lists.nix { inherit lib pkgs; };
    in
    {
      container-minimal = mkContainer "minimal" profiles.minimal;
      container-essential = mkContainer "essential" profiles.essential;
      container-dev = mkContainer "dev" profiles.development;
      container-full = mkContainer "full" profiles.full;
    };
in
{
  # The names are apart: a hosts.toml with a host that is called like a target is
  # refused.
  nixosConfigurations =
    builtins.mapAttrs (_: target: mkSystem (target // { bare = true; })) inventory.targets
    // builtins.mapAttrs (_: mkSystem) inventory.hosts;

  packages = eachSystem (pkgs: imagesOf pkgs // pkgs.fleet);

  checks = eachSystem (pkgs: import ./lib/checks.nix { inherit lib pkgs; });

  devShells = eachSystem (pkgs: {
    default = pkgs.mkShell {
      packages = [
        pkgs.nixfmt
        pkgs.shellcheck
      ]
      ++ builtins.attrValues pkgs.fleet;
    };
  });

  formatter = eachSystem (pkgs: pkgs.nixfmt);

  nixosModules =
    let
      on = path: {
        imports = [ ./modules ];
        config = lib.setAttrByPath ([ "nixdeploy" ] ++ path ++ [ "enable" ]) (lib.mkDefault true);
      };
    in
    {
      # All options of nixdeploy.*, for a flake of your own; each is off.
      default = ./modules;
      # Only what a machine needs for nixdeploy to come back to it; off, too.
      host = ./modules/nixdeploy;
      # All options, with one part on.
      development = on [ "development" ];
      networking = on [ "networking" ];
      container = on [ "container" ];
      plasma = on [
        "desktop"
        "plasma"
      ];
      remote-access = on [
        "desktop"
        "remoteAccess"
      ];
    };
}
