{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.home-manager;
  since = lib.versionAtLeast lib.trivial.release;
  hmLib = lib // {
    hm = import ../hm.nix lib;
  };
  declare = import ../declare.nix hmLib;
  area =
    file: name:
    lib.setDefaultModuleLocation "home-manager/programs/${name}.nix" (
      import file {
        inherit declare since;
        lib = hmLib;
      }
    );
  areas = lib.mapAttrsToList (n: _: area (../programs + "/${n}") (lib.removeSuffix ".nix" n)) (
    builtins.readDir ../programs
  );
  user = types.submoduleWith {
    description = "Home Manager module";
    class = "homeManager";
    specialArgs = {
      lib = hmLib;
      osConfig = config;
      nixosConfig = config;
      modulesPath = toString ../.;
    } // cfg.extraSpecialArgs;
    modules =
      areas
      ++ [
        (
          { name, ... }:
          {
            _file = "home-manager/nixos/default.nix";
            _module.args.pkgs = lib.mkForce pkgs;
            home = {
              username = config.users.users.${name}.name;
              homeDirectory = config.users.users.${name}.home;
            };
          }
        )
      ]
      ++ cfg.sharedModules;
  };
  switch =
    default:
    mkOption {
      type = types.bool;
      inherit default;
      description = "See the manual of home-manager.";
    };
in
{
  _file = "home-manager/nixos/default.nix";
  options.home-manager =
    {
      useGlobalPkgs = switch false;
      useUserPackages = switch false;
      verbose = switch false;
      minimal = switch false;
      overwriteBackup = switch false;
      enableLegacyProfileManagement = switch true;
      backupFileExtension = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "See the manual of home-manager.";
      };
      backupCommand = mkOption {
        type = types.nullOr (types.either types.str types.path);
        default = null;
        description = "See the manual of home-manager.";
      };
      extraSpecialArgs = mkOption {
        type = types.attrs;
        default = { };
        description = "See the manual of home-manager.";
      };
      sharedModules = mkOption {
        type = types.listOf types.raw;
        default = [ ];
        description = "See the manual of home-manager.";
      };
      users = mkOption {
        type = types.attrsOf user;
        default = { };
        description = "See the manual of home-manager.";
      };
    }
    // lib.optionalAttrs (since "26.05") { startAsUserService = switch false; };

  config = {
    assertions =
      lib.concatLists (
        lib.mapAttrsToList (
          name: u:
          map (a: {
            inherit (a) assertion;
            message = "${name} profile: ${a.message}";
          }) u.assertions
        ) cfg.users
      )
      ++ lib.mapAttrsToList (name: _: {
        assertion = config.users.users ? ${name};
        message = "home-manager.users.${name}: there is no such user in users.users.";
      }) cfg.users;
    warnings = lib.concatLists (
      lib.mapAttrsToList (name: u: map (w: "${name} profile: ${w}") u.warnings) cfg.users
    );
    systemd.services = lib.mapAttrs' (
      name: u:
      lib.nameValuePair "home-manager-${name}" {
        description = "Home Manager environment for ${name}";
        wantedBy = [ "multi-user.target" ];
        wants = [ "nix-daemon.socket" ];
        after = [ "nix-daemon.socket" ];
        before = [ "systemd-user-sessions.service" ];
        serviceConfig = {
          Type = "oneshot";
          TimeoutStartSec = "5m";
          ExecStart = "${
            pkgs.buildEnv {
              name = "home-manager-generation-of-${name}";
              paths = u.home.packages;
            }
          }/activate";
        };
      }
    ) cfg.users;
    environment.pathsToLink = lib.mkIf (cfg.useUserPackages && cfg.users != { }) [ "/etc/profile.d" ];
    users.users = lib.mkIf cfg.useUserPackages (
      lib.mapAttrs (_: u: { packages = u.home.packages; }) cfg.users
    );
  };
}
