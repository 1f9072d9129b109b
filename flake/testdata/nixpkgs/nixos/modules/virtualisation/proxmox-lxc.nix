{ lib, config, ... }:
{
  options.proxmoxLXC = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether this is a container of Proxmox.";
    };
    privileged = lib.mkEnableOption "a privileged container";
    manageNetwork = lib.mkEnableOption "network settings of this configuration";
    manageHostName = lib.mkEnableOption "the host name of this configuration";
  };
  config = {
    boot.isContainer = true;
    services.openssh.startWhenNeeded = lib.mkDefault true;
    networking.hostName = lib.mkIf (!config.proxmoxLXC.manageHostName) (lib.mkForce "");
  };
}
