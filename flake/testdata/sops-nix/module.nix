{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.sops;
  opt =
    type: default:
    mkOption {
      inherit type default;
      description = "See the documentation of sops-nix.";
    };
  hostKeys =
    type:
    lib.optionals config.services.openssh.enable (
      map (k: k.path) (builtins.filter (k: k.type == type) config.services.openssh.hostKeys)
    );
  file = {
    mode = opt types.str "0400";
    owner = opt (types.nullOr types.str) null;
    group = opt (types.nullOr types.str) null;
    uid = opt (types.nullOr types.int) 0;
    gid = opt (types.nullOr types.int) 0;
    restartUnits = opt (types.listOf types.str) [ ];
    reloadUnits = opt (types.listOf types.str) [ ];
  };
in
{
  _file = "sops-nix/module.nix";
  options.sops = {
    defaultSopsFile = mkOption {
      type = types.path;
      description = "See the documentation of sops-nix.";
    };
    defaultSopsFormat = opt types.str "yaml";
    defaultSopsKey = opt (types.nullOr types.str) null;
    validateSopsFiles = opt types.bool true;
    keepGenerations = opt types.ints.unsigned 1;
    log = opt (types.listOf (types.enum [ "keyImport" "secretChanges" ])) [ "keyImport" "secretChanges" ];
    environment = opt (types.attrsOf (types.either types.str types.path)) { };
    useTmpfs = opt types.bool false;
    useSystemdActivation = opt types.bool config.services.userborn.enable;
    age = {
      keyFile = opt (types.nullOr (types.str // {
        check = x: builtins.isString x && lib.hasPrefix "/" x && !(lib.hasPrefix builtins.storeDir x);
        description = "path not in the Nix store";
      })) null;
      generateKey = opt types.bool false;
      sshKeyPaths = opt (types.listOf types.path) (hostKeys "ed25519");
      plugins = opt (types.listOf types.package) [ ];
    };
    gnupg = {
      home = opt (types.nullOr types.str) null;
      sshKeyPaths = opt (types.listOf types.path) (hostKeys "rsa");
    };
    secrets = opt (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = file // {
            name = opt types.str name;
            key = opt types.str name;
            path = opt types.str (
              if config.neededForUsers then "/run/secrets-for-users/${config.name}" else "/run/secrets/${config.name}"
            );
            format = opt (types.enum [ "yaml" "json" "binary" "dotenv" "ini" ]) cfg.defaultSopsFormat;
            sopsFile = opt types.path cfg.defaultSopsFile;
            neededForUsers = opt types.bool false;
          };
        }
      )
    )) { };
    placeholder = opt (types.attrsOf types.str) { };
    templates = opt (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = file // {
            name = opt types.str name;
            path = opt types.str "/run/secrets/rendered/${config.name}";
            content = opt types.lines "";
          };
        }
      )
    )) { };
  };
  config = lib.mkIf (cfg.secrets != { }) {
    sops.placeholder = lib.mapAttrs (name: _: "<SOPS:${builtins.hashString "sha256" name}:PLACEHOLDER>") cfg.secrets;
    assertions =
      [
        {
          assertion = cfg.gnupg.home != null || cfg.gnupg.sshKeyPaths != [ ] || cfg.age.keyFile != null || cfg.age.sshKeyPaths != [ ];
          message = "No key source configured for sops. Either set services.openssh.enable or set sops.age.keyFile or sops.gnupg.home";
        }
        {
          assertion = !(cfg.gnupg.home != null && cfg.gnupg.sshKeyPaths != [ ]);
          message = "Exactly one of sops.gnupg.home and sops.gnupg.sshKeyPaths must be set";
        }
      ]
      ++ lib.concatLists (
        lib.mapAttrsToList (name: s: [
          {
            assertion = !cfg.validateSopsFiles || builtins.pathExists s.sopsFile;
            message = "Cannot find path '${toString s.sopsFile}' set in sops.secrets.${lib.strings.escapeNixIdentifier name}.sopsFile";
          }
          {
            assertion = s.neededForUsers -> (s.owner == null || s.owner == "root");
            message = "neededForUsers cannot be used for secrets that are not root-owned";
          }
        ]) cfg.secrets
      );
  };
}
