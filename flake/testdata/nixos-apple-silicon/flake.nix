# A stand-in for nixos-apple-silicon: its options, and what it forces.
{
  description = "A stand-in for nixos-apple-silicon in tests";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    {
      nixosModules = {
        apple-silicon-support = ./module.nix;
        default = ./module.nix;
      };
    };
}
