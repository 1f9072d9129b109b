# Short words for declarations. Descriptions are NixOS's to write.
lib:
let
  inherit (lib) mkOption types;
in
rec {
  inherit mkOption types;
  # an option with a default, and one that has none
  opt =
    type: default:
    mkOption {
      inherit type default;
      description = "See the manual of NixOS.";
    };
  must =
    type:
    mkOption {
      inherit type;
      description = "See the manual of NixOS.";
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
  subsOf = options: setOf (sub options);
  record = options: opt (sub options) { };
  package = pkgs: name: lib.mkPackageOption pkgs name { };
  # a set that takes any further key of a type, with some declared
  settings =
    freeform: options:
    opt (types.submodule {
      freeformType = freeform;
      inherit options;
    }) { };
  atom = types.nullOr (types.oneOf [
    types.bool
    types.int
    types.float
    types.str
    types.path
    types.package
  ]);
  atoms = types.attrsOf (types.either atom (types.listOf atom));
  ini = types.attrsOf atoms;
  json = types.attrsOf types.anything;
}
