# All modules of the stand-in's NixOS: what there is (options), what it does on
# its own (behaviour), and what went away.
lib:
let
  inherit (lib.trivial) release;
  since = version: lib.versionAtLeast release version;
  declare = import ./declare.nix lib;
  area =
    file: name:
    lib.setDefaultModuleLocation "nixpkgs/nixos/${name}.nix" (import file { inherit lib declare since; });
  named =
    dir:
    lib.mapAttrsToList (n: _: area (dir + "/${n}") (lib.removeSuffix ".nix" n)) (builtins.readDir dir);
in
named ./options ++ named ./behaviour
