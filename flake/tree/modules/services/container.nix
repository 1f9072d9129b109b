# Services of a container: few, and what VS Code's remote server needs.
{
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  base = import ../../lib/base-priority.nix lib;
in
{
  imports = [ "${modulesPath}/profiles/minimal.nix" ];

  documentation.enable = base false;

  # VS Code downloads a server that expects an ordinary dynamic linker, and
  # fetches it with wget.
  programs.nix-ld.enable = base true;
  environment.systemPackages = [ pkgs.wget ];
}
