# The overlays, in their order, for every host and for the flake's packages: the
# tree's own, then those that hosts.toml names ([flake] packages, [flake]
# overlays). In a tree that you go on with by hand add yours to the list: a file
# `final: prev: { ... }`.
let
  inventory = builtins.fromJSON (builtins.readFile ../inventory.json);
  # path + string only appends: what inventory.json says is never evaluated.
  within = file: ../. + "/${file}";
in
[
  # Local packages, as pkgs.fleet.NAME; those of hosts.toml as pkgs.NAME, too.
  (
    final: _:
    let
      own = builtins.mapAttrs (_: file: final.callPackage (within file) { }) (inventory.packages or { });
    in
    own // { fleet = import ../packages final // own; }
  )
]
++ map (file: import (within file)) (inventory.overlays or [ ])
