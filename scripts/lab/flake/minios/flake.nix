{
  description = "systems shaped like NixOS, from raw derivations";
  outputs = { self }: { lib.system = import ./system.nix; };
}
