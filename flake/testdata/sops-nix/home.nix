{ lib, ... }:
let
  opt =
    type: default:
    lib.mkOption {
      inherit type default;
      description = "See the documentation of sops-nix.";
    };
in
{
  _file = "sops-nix/home.nix";
  options.sops = {
    defaultSopsFile = opt (lib.types.nullOr lib.types.path) null;
    age.keyFile = opt (lib.types.nullOr lib.types.str) null;
    age.sshKeyPaths = opt (lib.types.listOf lib.types.path) [ ];
    secrets = opt (lib.types.attrsOf lib.types.anything) { };
    templates = opt (lib.types.attrsOf lib.types.anything) { };
  };
}
