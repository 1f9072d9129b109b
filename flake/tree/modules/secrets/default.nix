# Secrets: none of them in the tree, which every user of a host can read. A
# provider decrypts them on the host, when it is activated.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  scan = import ../../lib/plaintext-secrets.nix lib;
  found = scan ../..;

  withPassword = lib.filter (
    name:
    let
      user = config.users.users.${name};
    in
    user.password != null || user.initialPassword != null
  ) (builtins.attrNames config.users.users);
in
{
  options.nixdeploy.secrets = {
    provider = mkOption {
      type = types.enum [
        "none"
        "sops-nix"
        "agenix"
      ];
      default = "none";
      description = "What decrypts secrets on this machine. Chosen in hosts.toml, as [flake] secrets.";
    };
    refusePlaintext = lib.mkEnableOption ''
      the refusal of passwords that end in the Nix store, and of a flake in
      which a file looks like a plain secret
    '';
  };

  config.assertions = lib.optionals config.nixdeploy.secrets.refusePlaintext [
    {
      assertion = found == [ ];
      message = ''
        These files of the flake hold plain secrets, which every user of a host could read in the Nix store:
        ${lib.concatMapStringsSep "\n" (file: "  ${file}") found}
        Encrypt them with sops or age (docs/nixos-tree.md, Secrets), or take them out.'';
    }
    {
      assertion = withPassword == [ ];
      message = ''
        users.users.*.password and initialPassword end in the Nix store, for every user of the host to read: ${lib.concatStringsSep ", " withPassword}.
        Use hashedPasswordFile with a path on the host.'';
    }
    {
      assertion =
        config.services.tailscale.authKeyFile == null
        || !lib.hasPrefix builtins.storeDir (toString config.services.tailscale.authKeyFile);
      message = ''
        services.tailscale.authKeyFile is in the Nix store, for every user of the host to read.
        Give the path on the host as a string, for instance "/run/secrets/tailscale".'';
    }
  ];
}
