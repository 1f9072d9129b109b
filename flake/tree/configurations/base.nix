# What every machine has, whatever its target: packages, Nix, a firewall, users,
# time and language, ssh. The modules are all imported here, and each is off
# until a target, hosts.toml or a module of yours turns it on.
{ lib, ... }:
let
  layer = import ../lib/priorities.nix lib;
in
{
  imports = [
    ../modules
    ../modules/users/home.nix
    ../system/packages.nix
    ../user/packages.nix
  ];

  nixpkgs.overlays = import ../overlays;
  nixpkgs.hostPlatform = layer.base "x86_64-linux";

  nixdeploy = {
    host.enable = layer.base true;
    nix.enable = layer.base true;
    secrets.refusePlaintext = layer.base true;
    storage.enable = layer.base true;
    userPackages.enable = layer.base true;
    # A person who logs in finds a shell to work in.
    home.shell.enable = layer.base true;
  };

  time.timeZone = layer.base "UTC";
  i18n.defaultLocale = layer.base "en_US.UTF-8";

  # Nothing comes in but what a module, or hosts.toml, opens a port for.
  networking.firewall.enable = layer.base true;

  # Users are those of the configuration, and NixOS then refuses to evaluate a
  # machine that nobody could log in to.
  users.mutableUsers = layer.base false;

  # The manual costs seconds of each evaluation.
  documentation.nixos.enable = layer.base false;

  # system.stateVersion is not set here: it is the release of the machine's
  # first installation, so only its facts or hosts.toml can know it.
}
