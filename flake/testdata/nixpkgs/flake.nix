# A stand-in for nixpkgs: as much of its library and of NixOS as the rendered
# tree uses, so that a test can evaluate the tree without a network.
{
  outputs = { self }: { lib = import ./lib.nix; };
}
