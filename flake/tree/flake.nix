# Rendered by nixdeploy from hosts.toml: change that, not this.
{
  description = "A NixOS fleet, rendered by nixdeploy";

  inputs.nixpkgs.url = "@nixpkgs@";
  inputs.nixos-wsl.url = "@nixos-wsl@";
  inputs.nixos-wsl.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nixos-apple-silicon.url = "@nixos-apple-silicon@";
  inputs.nixos-apple-silicon.inputs.nixpkgs.follows = "nixpkgs";
  inputs.home-manager.url = "@home-manager@";
  inputs.home-manager.inputs.nixpkgs.follows = "nixpkgs";
  # @secrets@

  outputs = inputs: import ./outputs.nix inputs;
}
