# A stand-in for nixpkgs, so that tests can evaluate the rendered tree with a
# real Nix and without a network: a module system, the options of NixOS that
# such a tree sets, and packages that are names with a version.
#
# The file `release` says which NixOS it stands for. Tests copy this folder and
# change that file to get another one.
{
  description = "A stand-in for nixpkgs in tests: nothing in it can be built";

  outputs =
    { self }:
    let
      lib = import ./lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs systems (system: import ./. { inherit system; });
      nixosModules.notDetected = ./nixos/modules/installer/scan/not-detected.nix;
    };
}
