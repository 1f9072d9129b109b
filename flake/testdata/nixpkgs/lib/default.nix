# The library: one attribute set, flat and by area, as nixpkgs has it.
let
  release = builtins.head (builtins.split "\n" (builtins.readFile ../release));
  areas = lib: {
    trivial = import ./trivial.nix lib // {
      inherit release;
      version = "${release}.stand-in";
      codeName = "Stand-in";
    };
    fixedPoints = import ./fixed-points.nix lib;
    lists = import ./lists.nix lib;
    attrsets = import ./attrsets.nix lib;
    strings = import ./strings.nix lib;
    versions = import ./versions.nix lib;
    generators = import ./generators.nix lib;
    meta = import ./meta.nix lib;
    customisation = import ./customisation.nix lib;
    options = import ./options.nix lib;
    priorities = import ./priorities.nix lib;
    modules = import ./modules.nix lib // import ./renames.nix lib;
    types = import ./types.nix lib;
    systems = import ./systems.nix lib;
    licenses = import ./licenses.nix lib;
    nixos = import ./nixos.nix lib;
    standIn = import ./stand-in.nix lib;
  };
  # areas that are reached by their name only
  apart = [
    "generators"
    "types"
    "systems"
    "licenses"
    "standIn"
  ];
  build =
    lib:
    let
      parts = areas lib;
      flat = builtins.removeAttrs parts apart;
    in
    builtins.foldl' (all: name: all // flat.${name}) { } (builtins.attrNames flat)
    // parts
    // {
      platforms = {
        linux = [
          "x86_64-linux"
          "aarch64-linux"
        ];
        unix = [
          "x86_64-linux"
          "aarch64-linux"
        ];
      };
      maintainers = { };
      teams = { };
      extend = f: lib // f lib lib;
      inherit (parts.trivial) version;
    };
  lib = build lib;
in
lib
