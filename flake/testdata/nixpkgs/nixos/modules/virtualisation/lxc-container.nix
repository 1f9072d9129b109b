{ lib, ... }:
{
  imports = [ ./lxc-instance-common.nix ];
  boot.isContainer = true;
  boot.postBootCommands = "# the closure of the image is registered here";
  users.users.root.initialHashedPassword = lib.mkOverride 150 "";
  services.openssh.startWhenNeeded = lib.mkDefault true;
  systemd.network.enable = lib.mkDefault false;
}
