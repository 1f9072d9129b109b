# system.build.toplevel: it holds what was set, and so is refused for whatever
# is wrong in it. Nothing in it can be built.
{ declare, lib, since }:
{ config, options, pkgs, ... }:
let
  failed = map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions);
  settled = lib.standIn.settled (
    builtins.removeAttrs options [
      "assertions"
      "warnings"
      "system"
      "nixpkgs"
      "lib"
      "specialisation"
    ]
  );
  packages = builtins.filter lib.isDerivation config.environment.systemPackages;
in
{
  config.system.build = {
    toplevel =
      if failed != [ ] then
        throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n\n" (m: "- ${m}") failed}"
      else
        lib.showWarnings config.warnings (
          builtins.seq settled (
            pkgs.stdenv.mkDerivation {
              name = "nixos-system-${config.system.name}-${config.system.nixos.label}";
              packages = map toString packages;
              passthru = { inherit config options; };
            }
          )
        );
    etc = pkgs.stdenv.mkDerivation { name = "etc"; };
    tarball = pkgs.stdenv.mkDerivation { name = "tarball"; };
    vm = pkgs.stdenv.mkDerivation { name = "nixos-vm"; };
    installBootLoader = lib.mkDefault (pkgs.stdenv.mkDerivation { name = "install-boot-loader"; });
  };
}
