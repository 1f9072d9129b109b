# Terminal tools: tmux, and what makes a terminal pleasant to read.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
in
{
  options.nixdeploy.home.terminal.enable = lib.mkEnableOption "terminal tools";

  config = lib.mkIf config.nixdeploy.home.terminal.enable {
    programs.tmux = {
      enable = layer.service true;
      terminal = layer.service "tmux-256color";
      mouse = layer.service true;
      baseIndex = layer.service 1;
      escapeTime = layer.service 10;
      historyLimit = layer.service 50000;
      keyMode = layer.service "vi";
    };
    programs.bat.enable = layer.service true;
    programs.eza.enable = layer.service true;
  };
}
