# A stand-in for NixOS-WSL: its options, and what it turns off.
{
  description = "A stand-in for NixOS-WSL in tests";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    {
      nixosModules = {
        wsl = ./module.nix;
        default = ./module.nix;
      };
    };
}
