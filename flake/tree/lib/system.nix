# From one machine of inventory.json to its NixOS configuration.
{ inputs, secrets }:
let
  inherit (inputs.nixpkgs) lib;
  host = import ./host.nix lib;
  facts = import ./facts.nix lib;
  overrides = import ./overrides.nix { inherit lib; };
  # path + string only appends: what inventory.json says is never evaluated.
  within = file: ../. + "/${file}";
  # Imported only when chosen: their options come with the flake input.
  providers = {
    none = [ ];
    sops-nix = [ ../modules/secrets/sops-nix.nix ];
    agenix = [ ../modules/secrets/agenix.nix ];
  };
in
machine:
# No `system` argument: nixpkgs.hostPlatform says it, and can be overridden.
lib.nixosSystem {
  specialArgs = {
    inherit inputs;
  };
  modules = [
    (within "configurations/${machine.configuration}.nix")
    (host machine)
  ]
  ++ providers.${secrets}
  ++ lib.optional (machine ? facts) (facts machine)
  ++ lib.optional (machine.bare or false) ./placeholders.nix
  ++ map within (machine.modules or [ ])
  ++ overrides (machine.overrides or [ ]);
}
