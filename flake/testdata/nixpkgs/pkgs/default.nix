# The packages: names with a version, changed by overlays and a config.
{
  system ? builtins.currentSystem,
  localSystem ? system,
  crossSystem ? null,
  overlays ? [ ],
  config ? { },
  ...
}:
let
  lib = import ../lib;
  stages = [
    (_: _: {
      inherit lib config overlays;
      _type = "pkgs";
      inherit system;
    })
    (import ./builders.nix { inherit lib system config; })
    (import ./sets.nix lib)
    (import ./aliases.nix lib)
  ];
  make =
    more:
    lib.fix (
      builtins.foldl' (f: overlay: lib.extends overlay f) (_: { }) (
        stages
        ++ overlays
        ++ more
        ++ [
          (final: _: {
            extend = overlay: make (more ++ [ overlay ]);
            appendOverlays = list: if list == [ ] then final else make (more ++ list);
          })
        ]
      )
    );
in
make [ ]
