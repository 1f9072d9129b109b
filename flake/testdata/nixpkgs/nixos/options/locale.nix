# time.*, i18n.*, console.*, location.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options = {
    time = {
      timeZone = maybe (types.strMatching "[^ ]*" // { description = "string without spaces"; });
      hardwareClockInLocalTime = off;
    };
    i18n = {
      defaultLocale = str "en_US.UTF-8";
      defaultCharset = str "UTF-8";
      extraLocaleSettings = setOf types.str;
      localeCharsets = setOf types.str;
      extraLocales = opt (types.either (types.listOf types.str) (types.enum [ "all" ])) [ ];
      supportedLocales = strings;
      glibcLocales = opt types.path pkgs.glibcLocales;
      inputMethod = {
        enable = off;
        type = maybe (types.enum [ "ibus" "fcitx5" "nabi" "uim" "hime" "kime" ]);
        fcitx5.addons = packages;
        fcitx5.waylandFrontend = off;
      };
    };
    console = {
      enable = on;
      keyMap = opt (types.either types.str types.path) "us";
      font = opt (types.nullOr (types.either types.str types.path)) null;
      packages = packages;
      colors = strings;
      earlySetup = off;
      useXkbConfig = off;
    };
    location = {
      provider = opt (types.enum [ "manual" "geoclue2" ]) "manual";
      latitude = must types.float;
      longitude = must types.float;
    };
  };
}
