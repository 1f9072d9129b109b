# A small system: what can be left out is left out, by mkDefault.
{ lib, ... }:
{
  documentation = {
    enable = lib.mkDefault false;
    doc.enable = lib.mkDefault false;
    info.enable = lib.mkDefault false;
    man.enable = lib.mkDefault false;
    nixos.enable = lib.mkDefault false;
  };
  environment = {
    defaultPackages = lib.mkDefault [ ];
    stub-ld.enable = lib.mkDefault false;
  };
  programs.command-not-found.enable = lib.mkDefault false;
  services = {
    logrotate.enable = lib.mkDefault false;
    udisks2.enable = lib.mkDefault false;
  };
  xdg = {
    autostart.enable = lib.mkDefault false;
    icons.enable = lib.mkDefault false;
    mime.enable = lib.mkDefault false;
    sounds.enable = lib.mkDefault false;
  };
}
