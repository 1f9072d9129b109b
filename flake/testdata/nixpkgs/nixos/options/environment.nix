# environment.*, fonts.*, xdg.*, qt.*, gtk.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  variables = opt (types.attrsOf (
    types.nullOr (types.either (types.oneOf [ types.str types.path types.int types.float ]) (types.listOf (types.oneOf [ types.str types.path ])))
  )) { };
in
{
  options = {
    environment = {
      systemPackages = packages;
      defaultPackages = opt (types.listOf types.package) [ pkgs.perl pkgs.rsync pkgs.strace ];
      corePackages = packages;
      pathsToLink = strings;
      extraOutputsToInstall = strings;
      extraSetup = lines;
      enableAllTerminfo = off;
      stub-ld.enable = on;
      variables = variables;
      sessionVariables = variables;
      profileRelativeSessionVariables = setOf (types.listOf types.str);
      localBinInPath = off;
      homeBinInPath = off;
      shells = opt (types.listOf (types.either types.package types.path)) [ ];
      shellAliases = setOf (types.nullOr (types.either types.str types.path));
      shellInit = lines;
      loginShellInit = lines;
      interactiveShellInit = lines;
      extraInit = lines;
      binsh = opt types.path "/bin/sh";
      usrbinenv = maybe types.path // {
        default = "/usr/bin/env";
      };
      memoryAllocator.provider = str "libc";
      wordlist.enable = off;
      unixODBCDrivers = packages;
      etc = opt (types.attrsOf (
        types.submodule (
          { name, config, ... }:
          {
            options = {
              enable = on;
              target = str name;
              text = maybe types.lines;
              source = must types.path;
              mode = str "symlink";
              uid = int 0;
              gid = int 0;
              user = str "+0";
              group = str "+0";
            };
            config.source = lib.mkIf (config.text != null) (
              lib.mkDefault (pkgs.writeText "etc-${baseNameOf name}" config.text)
            );
          }
        )
      )) { };
      plasma6.excludePackages = packages;
      gnome.excludePackages = packages;
      xfce.excludePackages = packages;
    };
    fonts = {
      packages = opt (types.listOf types.path) [ ];
      enableDefaultPackages = off;
      enableGhostscriptFonts = off;
      fontDir.enable = off;
      fontconfig = {
        enable = on;
        antialias = on;
        hinting.enable = on;
        defaultFonts = {
          monospace = strings;
          sansSerif = strings;
          serif = strings;
          emoji = strings;
        };
      };
    };
    xdg = {
      autostart.enable = on;
      icons.enable = on;
      menus.enable = on;
      mime = {
        enable = on;
        defaultApplications = setOf (types.either types.str (types.listOf types.str));
      };
      sounds.enable = on;
      terminal-exec.enable = off;
      portal = {
        enable = off;
        extraPortals = packages;
        configPackages = packages;
        wlr.enable = off;
        xdgOpenUsePortal = off;
        config = setOf (types.attrsOf (types.listOf types.str));
      };
    };
    qt = {
      enable = off;
      platformTheme = maybe types.str;
      style = maybe types.str;
    };
    gtk.iconCache.enable = off;
  };
}
