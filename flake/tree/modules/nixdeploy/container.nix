# What a container starts next. NixOS installs no boot loader in one, but LXC and
# Incus start /sbin/init, and in images of NixOS that is a link to the init of
# one system: where it does not follow the switch, the container comes back as
# what it was, and nixdeploy, which reads it, takes the switch for half done.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  init = pkgs.writeShellScript "nixdeploy-container-init" ''
    PATH=${lib.makeBinPath [ pkgs.coreutils ]}
    ${builtins.readFile ../../scripts/container-init.sh}
  '';
in
{
  config = lib.mkIf (config.nixdeploy.host.enable && config.boot.isContainer) {
    # NixOS sets a mkDefault that does nothing. What lxc-container.nix says
    # plainly wins.
    system.build.installBootLoader = layer.overNixos "${init} /sbin/init";
  };
}
