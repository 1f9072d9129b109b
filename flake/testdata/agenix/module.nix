{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.age;
  opt =
    type: default:
    mkOption {
      inherit type default;
      description = "See the documentation of agenix.";
    };
in
{
  _file = "agenix/module.nix";
  options.age = {
    ageBin = opt types.str "${pkgs.age}/bin/age";
    secretsDir = opt types.path "/run/agenix";
    secretsMountPoint = opt types.str "/run/agenix.d";
    identityPaths = opt (types.listOf types.path) (
      lib.optionals config.services.openssh.enable (
        map (k: k.path) (builtins.filter (k: k.type == "rsa" || k.type == "ed25519") config.services.openssh.hostKeys)
      )
    );
    secrets = opt (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            name = opt types.str name;
            file = mkOption {
              type = types.path;
              description = "See the documentation of agenix.";
            };
            path = opt types.str "${cfg.secretsDir}/${config.name}";
            mode = opt types.str "0400";
            owner = opt types.str "0";
            group = opt types.str "0";
            symlink = opt types.bool true;
          };
        }
      )
    )) { };
  };
  config = lib.mkIf (cfg.secrets != { }) {
    assertions = [
      {
        assertion = cfg.identityPaths != [ ];
        message = "age.identityPaths must be set, for example by enabling openssh.";
      }
    ];
    system.activationScripts.agenix = lib.mkIf (!config.services.userborn.enable) "# secrets are decrypted here";
  };
}
