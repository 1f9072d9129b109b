# A stand-in for agenix: its options.
{
  description = "A stand-in for agenix in tests";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    {
      nixosModules = {
        age = ./module.nix;
        default = ./module.nix;
      };
      packages = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: {
        default = nixpkgs.legacyPackages.${system}.stdenv.mkDerivation { pname = "agenix"; };
      });
    };
}
