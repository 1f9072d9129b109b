# The folder of uploads, records and guards: root's alone.
{ config, lib, ... }:
{
  systemd.tmpfiles.rules = [ "d /var/lib/nixdeploy 0700 root root -" ];

  warnings = lib.optional config.system.autoUpgrade.enable
    "system.autoUpgrade is on: it replaces what nixdeploy deploys, and neither knows of the other";
}
