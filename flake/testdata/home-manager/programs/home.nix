# home.*, xdg.*, systemd.user.*, nix.*, and what every user has
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options = {
    assertions = opt (types.listOf types.unspecified) [ ];
    warnings = opt (types.listOf types.str) [ ];
    lib = setOf types.attrs;
    home = {
      username = must types.str;
      homeDirectory = must types.path;
      stateVersion = must (types.enum [
        "18.09" "19.03" "19.09" "20.03" "20.09" "21.03" "21.05" "21.11" "22.05" "22.11" "23.05" "23.11" "24.05" "24.11"
        "25.05" "25.11" "26.05"
      ]);
      enableNixpkgsReleaseCheck = on;
      packages = packages;
      path = opt types.raw null;
      profileDirectory = opt types.path "/etc/profiles/per-user/${config.home.username}";
      sessionVariables = variables;
      sessionVariablesExtra = lines;
      sessionPath = strings;
      sessionSearchVariables = setOf (types.listOf types.str);
      shellAliases = aliases;
      shell = {
        enableShellIntegration = on;
        enableBashIntegration = on;
        enableZshIntegration = on;
        enableFishIntegration = on;
      };
      file = files;
      activation = opt (lib.hm.types.dagOf types.str) { };
      language = setOf types.str;
      keyboard = maybe types.attrs;
      extraOutputsToInstall = strings;
      preferXdgDirectories = off;
      pointerCursor = maybe types.attrs;
    };
    xdg = {
      enable = off;
      configHome = opt types.path "${config.home.homeDirectory}/.config";
      dataHome = opt types.path "${config.home.homeDirectory}/.local/share";
      stateHome = opt types.path "${config.home.homeDirectory}/.local/state";
      cacheHome = opt types.path "${config.home.homeDirectory}/.cache";
      configFile = files;
      dataFile = files;
      mimeApps = {
        enable = off;
        defaultApplications = setOf (types.either types.str (types.listOf types.str));
      };
      userDirs.enable = off;
    };
    systemd.user = {
      services = setOf json;
      timers = setOf json;
      sockets = setOf json;
      startServices = opt (types.either types.bool (types.enum [ "suggest" "legacy" "sd-switch" ])) true;
      sessionVariables = variables;
      tmpfiles.rules = strings;
    };
    nix = {
      settings = opt types.attrs { };
      gc.automatic = off;
    };
    nixpkgs = {
      config = maybe types.attrs;
      overlays = maybe (types.listOf types.raw);
    };
    news.display = opt (types.enum [ "silent" "notify" "show" ]) "notify";
    manual = {
      manpages.enable = on;
      html.enable = off;
      json.enable = off;
    };
    fonts.fontconfig.enable = off;
    dconf = {
      enable = on;
      settings = setOf json;
    };
    services = {
      ssh-agent.enable = off;
      gpg-agent = {
        enable = off;
        enableSshSupport = off;
        pinentry.package = maybe types.package;
      };
      lorri.enable = off;
      home-manager.autoUpgrade.enable = off;
    };
  };
}
