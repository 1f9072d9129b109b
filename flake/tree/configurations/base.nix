# What every machine has, whatever its target.
{ lib, ... }:
let
  base = import ../lib/base-priority.nix lib;
in
{
  imports = [
    ../modules/nixdeploy
    ../system/packages.nix
  ];

  time.timeZone = base "UTC";
  i18n.defaultLocale = base "en_US.UTF-8";

  nix.settings.experimental-features = [
    "nix-command"
    "flakes"
  ];
  # Hosts would rather build than wait for a cache that does not answer.
  nix.settings.connect-timeout = base 5;
  nix.settings.fallback = base true;
  # What nixdeploy may have to return to is pinned by gc roots of its own.
  nix.gc.automatic = base true;
  nix.gc.dates = base "weekly";
  nix.gc.options = base "--delete-older-than 30d";
  nix.optimise.automatic = base true;

  networking.firewall.enable = base true;

  # Users are those of the configuration, and NixOS then refuses to evaluate a
  # machine that nobody could log in to.
  users.mutableUsers = base false;

  boot.tmp.cleanOnBoot = base true;

  # The manual costs seconds of each evaluation.
  documentation.nixos.enable = base false;

  # system.stateVersion is not set here: it is the release of the machine's
  # first installation, so only hosts.toml or a module can know it.
}
