# One configuration for each host and one for each target. A host that is
# called like a target wins: nobody deploys a bare target.
{ nixpkgs }:
let
  # Data, never code: what hosts.toml holds reaches Nix by this file alone.
  inventory = builtins.fromJSON (builtins.readFile ./inventory.json);
  system = import ./lib/system.nix { inherit nixpkgs; };
in
{
  nixosConfigurations = builtins.mapAttrs (_: system) (inventory.targets // inventory.hosts);
}
