# Space: old generations, the store, the journal.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  cfg = config.nixdeploy.storage;
  journal = ''
    [Journal]
    SystemMaxUse=${cfg.journalSize}
    MaxRetentionSec=${cfg.journalAge}
  '';
in
{
  options.nixdeploy.storage = {
    enable = lib.mkEnableOption "garbage collection, store optimisation and limits of the journal";

    keepGenerations = lib.mkOption {
      type = lib.types.strMatching "[0-9]+d";
      default = "30d";
      description = ''
        How long a generation is kept. The one that was in use at that time
        stays as well, so that there is always one to go back to; what a run of
        nixdeploy may have to return to is pinned by gc roots of its own.
      '';
    };
    journalSize = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[KMGT]?";
      default = "500M";
      description = "How much of the disk the journal may take.";
    };
    journalAge = lib.mkOption {
      type = lib.types.strMatching "[0-9]+(s|min|h|day|week|month|year)";
      default = "3month";
      description = "How long the journal is kept.";
    };
  };

  config = lib.mkIf cfg.enable {
    nix.gc = {
      automatic = layer.base true;
      dates = layer.base "weekly";
      options = layer.base "--delete-older-than ${cfg.keepGenerations}";
    };
    # At night, instead of at every build.
    nix.optimise.automatic = layer.base true;

    boot.tmp.cleanOnBoot = layer.base true;
    services.fstrim.enable = layer.base (!config.boot.isContainer);

    # Old entries fill a small ESP, and a full one is a failed deployment.
    boot.loader.systemd-boot.configurationLimit = layer.base 10;
    boot.loader.grub.configurationLimit = layer.base 20;

    # A drop-in, since the options for journald.conf have changed their form
    # between releases.
    environment.etc."systemd/journald.conf.d/20-nixdeploy.conf".text = journal;
    systemd.services.systemd-journald.restartTriggers = [ (pkgs.writeText "journald.conf" journal) ];
  };
}
