# A stand-in for sops-nix: its options.
{
  description = "A stand-in for sops-nix in tests";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    {
      nixosModules = {
        sops = ./module.nix;
        default = ./module.nix;
      };
      homeManagerModules.sops = ./home.nix;
      homeModules.sops = ./home.nix;
    };
}
