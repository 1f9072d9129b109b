# sops-nix: files encrypted with sops, decrypted with the host's own ssh key.
# Say which secrets a host has in a module of yours:
#
#   sops.defaultSopsFile = ./web-1.yaml;
#   sops.secrets.tailscale = { };
#
# and use them by path: config.sops.secrets.tailscale.path.
{ inputs, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
in
{
  imports = [ inputs.sops-nix.nixosModules.sops ];

  nixdeploy.secrets.provider = layer.host "sops-nix";

  # age, by the ed25519 host key that sshd has made; a recipient is
  # `ssh-keyscan HOST | ssh-to-age`. No GnuPG beside it.
  sops.age.sshKeyPaths = layer.service [ "/etc/ssh/ssh_host_ed25519_key" ];
  sops.gnupg.sshKeyPaths = layer.service [ ];
}
