# Neovim, as the editor of everything that asks for one.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
  release = import ../../lib/release.nix lib;
in
{
  options.nixdeploy.home.editors.enable = lib.mkEnableOption "Neovim";

  config = lib.mkIf config.nixdeploy.home.editors.enable {
    programs.neovim = {
      enable = layer.service true;
      defaultEditor = layer.service true;
      viAlias = layer.service true;
      vimAlias = layer.service true;
      # Their defaults depend on the release.
      withPython3 = layer.service false;
      withRuby = layer.service false;
      ${release.neovimLua} = ''
        vim.opt.number = true
        vim.opt.ignorecase = true
        vim.opt.smartcase = true
        vim.opt.expandtab = true
        vim.opt.shiftwidth = 2
        vim.opt.undofile = true
      '';
    };
  };
}
