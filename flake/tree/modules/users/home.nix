# home-manager as a part of the system: the modules of home-modules/, for the
# users that have one of them on. More for one user goes into a module of yours,
# as home-manager.users.NAME.
{
  config,
  inputs,
  lib,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  withHome = lib.filterAttrs (
    _: user: lib.any (module: module.enable) (builtins.attrValues user.home)
  ) config.nixdeploy.users;
in
{
  imports = [ inputs.home-manager.nixosModules.home-manager ];

  home-manager = {
    # The machine's packages and its rules for unfree ones.
    useGlobalPkgs = layer.base true;
    useUserPackages = layer.base true;
    # A file that is in the way would fail the activation, and the deployment.
    backupFileExtension = layer.base "before-nixdeploy";

    users = builtins.mapAttrs (_: user: {
      imports = [ ../../home-modules ];
      nixdeploy.home = builtins.mapAttrs (_: module: { enable = layer.service module.enable; }) user.home;
      home.stateVersion = layer.service config.system.stateVersion;
    }) withHome;
  };
}
