{ lib, ... }:
{
  networking.hostName = lib.mkDefault "";
  networking.useDHCP = lib.mkDefault true;
  networking.useHostResolvConf = false;
  networking.firewall.logRefusedConnections = lib.mkDefault false;
}
