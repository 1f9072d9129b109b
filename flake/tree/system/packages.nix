# The packages of the machine's package profile, for all of its users.
{ config, pkgs, ... }:
{
  environment.systemPackages = (import ../shared/package-lists.nix pkgs).${config.nixdeploy.packageProfile};
}
