# NixOS in the Windows Subsystem for Linux: development without a desktop, with
# Docker Desktop, VS Code and the programs of Windows.
#
# There is no boot loader, no kernel and no disk of its own here, and a reboot
# is `wsl -t NAME` on Windows.
{
  config,
  inputs,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../lib/priorities.nix lib;
  people = builtins.attrNames config.nixdeploy.users;
  inherit (config.nixdeploy) user;
in
{
  imports = [
    ./base.nix
    inputs.nixos-wsl.nixosModules.default
  ];

  wsl = {
    enable = layer.target true;
    # Whom a terminal of Windows logs in as. On a machine that runs, a change of
    # it takes `nixos-rebuild boot` and `wsl -t NAME`.
    defaultUser = layer.target (
      if people != [ ] then
        builtins.head people
      else if user != "root" then
        user
      else
        "nixos"
    );
    # Windows interop: its programs are on the PATH, and can be started.
    interop.includePath = layer.target true;
    interop.register = layer.target true;
    startMenuLaunchers = layer.target true;

    # Docker runs in Windows.
    docker-desktop.enable = layer.target true;
    # Docker Desktop looks for these in /bin, from 4.80 on.
    extraBin = [
      { src = "${pkgs.coreutils}/bin/install"; }
      { src = "${pkgs.coreutils}/bin/mv"; }
    ];
  };

  nixdeploy = {
    development.enable = layer.target true;
    # Docker Desktop's, and never both.
    development.docker.enable = layer.target false;

    packageProfile = layer.target "development";

    home = {
      ai-assistants.enable = layer.target true;
      editors.enable = layer.target true;
      terminal.enable = layer.target true;
      tools.enable = layer.target true;
    };
  };

  # Neither a disk to trim, nor a boot to clean /tmp at.
  services.fstrim.enable = layer.target false;
  boot.tmp.cleanOnBoot = layer.target false;
}
