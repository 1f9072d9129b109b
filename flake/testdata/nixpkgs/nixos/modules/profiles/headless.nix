{ ... }:
{
  systemd.services."serial-getty@hvc0".enable = false;
  systemd.services."getty@tty1".enable = false;
  systemd.enableEmergencyMode = false;
}
