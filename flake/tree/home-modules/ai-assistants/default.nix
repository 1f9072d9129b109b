# AI assistants for the command line. They move weekly: take newer ones from an
# overlay. Their keys come from the environment or from their own login, never
# from here.
{
  config,
  lib,
  osConfig,
  pkgs,
  ...
}:
let
  cfg = config.nixdeploy.home.ai-assistants;
in
{
  options.nixdeploy.home.ai-assistants = {
    enable = lib.mkEnableOption "AI assistants for the command line";
    packages = lib.mkOption {
      type = lib.types.listOf lib.types.package;
      default = [
        pkgs.aider-chat
        pkgs.codex
        pkgs.opencode
      ]
      # Unfree.
      ++ lib.optional osConfig.nixdeploy.unfree.enable pkgs.claude-code;
      defaultText = lib.literalExpression "aider-chat, codex, opencode, and claude-code where unfree packages are allowed";
      description = "Which of them.";
    };
  };

  config = lib.mkIf cfg.enable { home.packages = cfg.packages; };
}
