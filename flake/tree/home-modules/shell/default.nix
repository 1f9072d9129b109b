# The shell environment: bash with a history, a prompt, and quick ways around.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
in
{
  options.nixdeploy.home.shell.enable = lib.mkEnableOption "the shell environment";

  config = lib.mkIf config.nixdeploy.home.shell.enable {
    programs.bash = {
      enable = layer.service true;
      historyControl = layer.service [ "ignoreboth" ];
      historySize = layer.service 100000;
      historyFileSize = layer.service 100000;
      shellAliases = {
        ll = layer.service "ls -l";
        la = layer.service "ls -la";
      };
    };
    programs.starship.enable = layer.service true;
    programs.zoxide.enable = layer.service true;
    programs.fzf.enable = layer.service true;
  };
}
