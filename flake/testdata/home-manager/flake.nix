# A stand-in for home-manager as a NixOS module: its options, typed, and what it
# refuses. It is of the release of the nixpkgs that it follows, as a branch of
# home-manager is.
{
  description = "A stand-in for home-manager in tests: nothing in it can be built";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    {
      nixosModules.home-manager = ./nixos;
      nixosModules.default = ./nixos;
      lib.hm = import ./hm.nix nixpkgs.lib;
    };
}
