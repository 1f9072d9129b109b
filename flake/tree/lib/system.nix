# From one machine of inventory.json to its NixOS configuration.
{ nixpkgs }:
let
  inherit (nixpkgs) lib;
  base = import ./base-priority.nix lib;
  overrides = import ./overrides.nix { inherit lib; };
  # path + string only appends: what inventory.json says is never evaluated.
  within = file: ../. + "/${file}";
in
machine:
let
  facts = {
    _file = "inventory.json";
    config = lib.mkMerge [
      { nixdeploy.target = machine.target; }
      { nixpkgs.hostPlatform = if machine ? system then machine.system else base "x86_64-linux"; }
      (lib.optionalAttrs (machine ? hostName) { networking.hostName = base machine.hostName; })
      (lib.optionalAttrs (machine ? domain) { networking.domain = base machine.domain; })
      (lib.optionalAttrs (machine ? user) { nixdeploy.user = machine.user; })
      (lib.optionalAttrs (machine ? elevate) { nixdeploy.elevate = machine.elevate; })
      (lib.optionalAttrs (machine ? packageProfile) { nixdeploy.packageProfile = machine.packageProfile; })
    ];
  };
in
# No `system` argument: nixpkgs.hostPlatform says it, and can be overridden.
lib.nixosSystem {
  modules =
    [
      (within "configurations/${machine.configuration}.nix")
      facts
    ]
    ++ map within machine.modules
    ++ overrides machine.overrides;
}
