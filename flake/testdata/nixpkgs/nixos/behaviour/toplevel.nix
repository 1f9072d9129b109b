# system.build.toplevel: it holds what was set, and so is refused for whatever
# is wrong in it. Nothing in it can be built.
{ declare, lib, since }:
{ config, options, pkgs, ... }:
let
  failed = map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions);
  seen = builtins.removeAttrs options [
      "assertions"
      "warnings"
      "system"
      "nixpkgs"
      "lib"
      "specialisation"
    ];
  packages =
    config.environment.systemPackages
    ++ config.system.extraDependencies
    # programs that units start
    ++ builtins.concatMap (s: lib.toList (s.serviceConfig.ExecStart or [ ])) (
      builtins.attrValues config.systemd.services
    )
    ++ builtins.concatMap (u: u.packages) (builtins.attrValues config.users.users);
in
{
  config.system.build = {
    toplevel =
      if failed != [ ] then
        throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n\n" (m: "- ${m}") failed}"
      else
        lib.showWarnings config.warnings (
          builtins.seq (lib.standIn.settled seen) (
            pkgs.stdenv.mkDerivation {
              name = "nixos-system-${config.system.name}-${config.system.nixos.label}";
              text = lib.standIn.shown seen;
              packages = map toString packages;
              passthru = { inherit config options; };
            }
          )
        );
    etc = pkgs.stdenv.mkDerivation { name = "etc"; };
    tarball = pkgs.stdenv.mkDerivation { name = "tarball"; };
    vm = pkgs.stdenv.mkDerivation { name = "nixos-vm"; };
    installBootLoader = lib.mkOptionDefault (pkgs.stdenv.mkDerivation { name = "install-boot-loader"; });
  };
}
