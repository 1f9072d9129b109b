# System-wide tools: the machine's package profile, for all of its users.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  lists = import ../shared/package-lists.nix {
    inherit lib pkgs;
    graphical = config.nixdeploy.desktop.plasma.enable;
    unfree = config.nixdeploy.unfree.enable;
  };
in
{
  environment.systemPackages = lists.${config.nixdeploy.packageProfile};
}
