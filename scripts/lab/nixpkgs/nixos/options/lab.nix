# lab.*: what minios can be told of a system besides what NixOS has options for,
# above all how it shall go wrong. Its own arguments say what there is, so that a
# fault by another name is an error. What is not set stays as minios has it.
{ declare, lib, since }:
with declare;
let
  minios = builtins.functionArgs (import ../../minios/system.nix);
  faults = builtins.functionArgs (import ../../minios/faults.nix);
  # These come from options of NixOS: see behaviour/toplevel.nix.
  known = [
    "hostName"
    "version"
    "release"
    "configurationRevision"
    "kernelParams"
    "bootLoader"
    "bootDevice"
    "etc"
    "switchEnabled"
  ];
in
{
  options.lab = builtins.mapAttrs (_: _: maybe types.anything) (
    builtins.removeAttrs (minios // faults) known
  );
}
