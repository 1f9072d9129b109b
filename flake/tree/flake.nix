# Rendered by nixdeploy from hosts.toml: change that, not this.
{
  description = "A NixOS fleet, rendered by nixdeploy";

  inputs.nixpkgs.url = "@nixpkgs@";

  outputs = { self, nixpkgs }: import ./outputs.nix { inherit nixpkgs; };
}
