# Services of a container: few, and what VS Code's remote server and people who
# work with Nix need. NixOS's own minimal profile, which cannot be turned off by
# an option, is imported by configurations/container.nix.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  cfg = config.nixdeploy.container;
in
{
  options.nixdeploy.container = {
    enable = lib.mkEnableOption "the services of a container, and none of what only a machine needs";

    vscode.enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether VS Code's remote server can run here.";
    };
    nixHelpers.enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether to set up direnv with nix-direnv.";
    };
  };

  config = lib.mkIf cfg.enable {
    documentation.enable = layer.service false;
    documentation.man.enable = layer.service false;
    documentation.info.enable = layer.service false;
    documentation.doc.enable = layer.service false;

    # The kernel, its firmware and the disks are those of the machine outside.
    hardware.enableRedistributableFirmware = layer.service false;
    services.fstrim.enable = layer.service false;
    services.udisks2.enable = layer.service false;
    powerManagement.enable = layer.service false;
    fonts.fontconfig.enable = layer.service false;
    environment.defaultPackages = layer.service [ ];

    # VS Code downloads a server that expects an ordinary dynamic linker, and
    # fetches it with wget.
    programs.nix-ld = lib.mkIf cfg.vscode.enable {
      enable = layer.service true;
      libraries = with pkgs; [
        stdenv.cc.cc
        zlib
        openssl
        icu
      ];
    };
    programs.direnv.enable = lib.mkIf cfg.nixHelpers.enable (layer.service true);

    environment.systemPackages = lib.optional cfg.vscode.enable pkgs.wget;
  };
}
