# agenix: files encrypted with age to ssh keys, decrypted with the host's own.
# Say which secrets a host has in a module of yours:
#
#   age.secrets.tailscale.file = ./tailscale.age;
#
# and use them by path: config.age.secrets.tailscale.path.
{ inputs, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
in
{
  imports = [ inputs.agenix.nixosModules.default ];

  nixdeploy.secrets.provider = layer.host "agenix";

  age.identityPaths = layer.service [ "/etc/ssh/ssh_host_ed25519_key" ];
}
