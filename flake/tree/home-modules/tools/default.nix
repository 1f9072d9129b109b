# Development utilities: git, GitHub, environments by folder, Kubernetes.
{
  config,
  lib,
  osConfig,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
in
{
  options.nixdeploy.home.tools.enable = lib.mkEnableOption "development utilities";

  config = lib.mkIf config.nixdeploy.home.tools.enable {
    programs.git = {
      enable = layer.service true;
      settings = {
        init.defaultBranch = layer.service "main";
        pull.rebase = layer.service true;
        push.autoSetupRemote = layer.service true;
      };
    };
    programs.gh.enable = layer.service true;
    programs.direnv.enable = layer.service true;
    programs.direnv.nix-direnv.enable = layer.service true;
    # Where there is a cluster to look at.
    programs.k9s.enable = layer.service osConfig.nixdeploy.development.enable;
  };
}
