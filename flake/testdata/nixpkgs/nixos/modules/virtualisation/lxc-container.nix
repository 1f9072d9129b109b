{ lib, pkgs, ... }:
{
  imports = [ ./lxc-instance-common.nix ];
  boot.isContainer = true;
  boot.postBootCommands = "# the closure of the image is registered here";
  system.build.installBootLoader = pkgs.writeScript "install-lxc-sbin-init.sh" "# makes /sbin/init a link to the init of its argument";
  users.users.root.initialHashedPassword = lib.mkOverride 150 "";
  services.openssh.startWhenNeeded = lib.mkDefault true;
  systemd.network.enable = lib.mkDefault false;
}
