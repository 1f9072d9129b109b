# Short words for declarations. Descriptions are home-manager's to write.
lib:
let
  inherit (lib) mkOption types;
in
rec {
  inherit mkOption types;
  opt =
    type: default:
    mkOption {
      inherit type default;
      description = "See the manual of home-manager.";
    };
  must =
    type:
    mkOption {
      inherit type;
      description = "See the manual of home-manager.";
    };
  enable = lib.mkEnableOption "this";
  on = opt types.bool true;
  off = opt types.bool false;
  str = opt types.str;
  int = opt types.int;
  lines = opt types.lines "";
  strings = opt (types.listOf types.str) [ ];
  packages = opt (types.listOf types.package) [ ];
  maybe = type: opt (types.nullOr type) null;
  setOf = type: opt (types.attrsOf type) { };
  sub = options: types.submodule { inherit options; };
  json = types.attrsOf types.anything;
  settings = opt json { };
  aliases = setOf types.str;
  variables = opt (types.lazyAttrsOf (types.oneOf [
    types.str
    types.path
    types.int
    types.float
    types.bool
  ])) { };
  # switches of the shells that a program hooks into
  shells = {
    enableBashIntegration = on;
    enableZshIntegration = on;
    enableFishIntegration = on;
    enableNushellIntegration = on;
  };
  package = pkgs: name: lib.mkPackageOption pkgs name { nullable = true; };
  plain = pkgs: name: {
    inherit enable;
    package = package pkgs name;
  };
  files = opt (types.attrsOf (
    types.submodule (
      { name, ... }:
      {
        options = {
          enable = on;
          target = str name;
          text = maybe types.lines;
          source = opt (types.nullOr types.path) null;
          executable = maybe types.bool;
          recursive = off;
          onChange = lines;
          force = off;
        };
      }
    )
  )) { };
}
