# What home-manager sets and says by itself.
{ declare, lib, since }:
{ config, pkgs, ... }:
let
  inherit (config) programs;
  names = [
    "git" "gh" "lazygit" "delta" "neovim" "tmux" "bat" "yazi" "k9s" "ripgrep" "fd" "jq" "htop" "starship" "direnv"
    "fzf" "zoxide" "eza" "claude-code" "codex" "opencode" "aider-chat"
  ];
in
{
  home.packages = map (n: programs.${n}.package) (
    builtins.filter (n: programs.${n}.enable && programs.${n}.package != null) names
  );
  home.sessionVariables = lib.mkIf (programs.neovim.enable && programs.neovim.defaultEditor) {
    EDITOR = "nvim";
  };
  warnings =
    lib.optional (programs.ssh.enable && programs.ssh.enableDefaultConfig)
      "`programs.ssh` default values will be removed in the future. Consider setting `programs.ssh.enableDefaultConfig` to false, and manually set the default values you want to keep at `programs.ssh.${
        if since "26.05" then "settings" else "matchBlocks"
      }.\"*\"`."
    ;
}
