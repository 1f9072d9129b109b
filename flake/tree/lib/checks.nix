# What `nix flake check` builds beside evaluating every configuration.
{ lib, pkgs }:
let
  tree = ../.;
in
{
  # No file of the flake may look like a plain secret. The same is an assertion
  # of every host (modules/secrets); this one reads binary files as well.
  plaintext-secrets = pkgs.runCommand "plaintext-secrets" { } ''
    sh ${tree}/scripts/plaintext-secrets.sh ${tree}
    touch $out
  '';

  scripts = pkgs.runCommand "scripts" { nativeBuildInputs = [ pkgs.shellcheck ]; } ''
    shellcheck ${tree}/scripts/*.sh
    touch $out
  '';
}
# The packages of this flake build.
// lib.mapAttrs' (name: lib.nameValuePair "package-${name}") pkgs.fleet
