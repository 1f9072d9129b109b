# The overlays, in their order, for every host and for the flake's packages.
# Add yours to the list: a file `final: prev: { ... }`.
[
  # Local packages, as pkgs.fleet.NAME.
  (final: _: { fleet = import ../packages final; })
]
