# What is called something else, or is no more, by release.
{ declare, lib, since }:
let
  inherit (lib) mkRemovedOptionModule mkRenamedOptionModule;
  from = version: lib.optionals (since version);
in
{
  imports = [
    (mkRemovedOptionModule [ "sound" "enable" ] "The option was heavily overloaded and can be removed from most configurations.\n")
    (mkRemovedOptionModule [ "hardware" "opengl" "driSupport" ] "The setting can be removed.")
    (mkRenamedOptionModule [ "hardware" "opengl" "enable" ] [ "hardware" "graphics" "enable" ])
    (mkRenamedOptionModule [ "hardware" "opengl" "driSupport32Bit" ] [ "hardware" "graphics" "enable32Bit" ])
    (mkRenamedOptionModule [ "hardware" "opengl" "extraPackages" ] [ "hardware" "graphics" "extraPackages" ])
    (mkRenamedOptionModule [ "hardware" "pulseaudio" ] [ "services" "pulseaudio" ])
    (mkRenamedOptionModule [ "services" "xserver" "displayManager" "defaultSession" ] [ "services" "displayManager" "defaultSession" ])
    (mkRenamedOptionModule [ "services" "xserver" "displayManager" "sddm" "enable" ] [ "services" "displayManager" "sddm" "enable" ])
    (mkRenamedOptionModule [ "services" "xserver" "displayManager" "autoLogin" ] [ "services" "displayManager" "autoLogin" ])
    (mkRenamedOptionModule [ "services" "xserver" "desktopManager" "plasma6" "enable" ] [ "services" "desktopManager" "plasma6" "enable" ])
    (mkRenamedOptionModule [ "services" "xserver" "libinput" ] [ "services" "libinput" ])
    (mkRenamedOptionModule [ "services" "openssh" "passwordAuthentication" ] [ "services" "openssh" "settings" "PasswordAuthentication" ])
    (mkRenamedOptionModule [ "services" "openssh" "permitRootLogin" ] [ "services" "openssh" "settings" "PermitRootLogin" ])
    (mkRenamedOptionModule [ "services" "openssh" "kbdInteractiveAuthentication" ] [ "services" "openssh" "settings" "KbdInteractiveAuthentication" ])
    (mkRenamedOptionModule [ "boot" "cleanTmpDir" ] [ "boot" "tmp" "cleanOnBoot" ])
    (mkRenamedOptionModule [ "services" "logind" "lidSwitch" ] [ "services" "logind" "settings" "Login" "HandleLidSwitch" ])
    (mkRemovedOptionModule [ "services" "logind" "extraConfig" ] "Use services.logind.settings.Login instead.")
    (mkRemovedOptionModule [ "systemd" "extraConfig" ] "Use systemd.settings.Manager instead.")
    (mkRenamedOptionModule [ "systemd" "watchdog" "runtimeTime" ] [ "systemd" "settings" "Manager" "RuntimeWatchdogSec" ])
    (mkRemovedOptionModule [ "boot" "readOnlyNixStore" ] "Please use the `boot.nixStoreMountOpts' option to define mount options for the Nix store, including 'ro'")
    (mkRemovedOptionModule [ "virtualisation" "libvirtd" "qemu" "ovmf" ] "The 'virtualisation.libvirtd.qemu.ovmf' submodule has been removed. All OVMF images distributed with QEMU are now available by default.")
    (mkRemovedOptionModule [ "virtualisation" "lxd" ] "LXD has been removed from NixOS due to lack of Nixpkgs maintenance.\nConsider migrating or switching to Incus, or remove from your configuration.")
    (mkRemovedOptionModule [ "services" "xserver" "desktopManager" "plasma5" ] "The Plasma 5 desktop has been removed, as it has reached end of life. Please migrate to Plasma 6.")
    (mkRemovedOptionModule [ "system" "switch" "enableNg" ] "switch-to-configuration-ng is now the only implementation of switch-to-configuration.")
  ]
  ++ from "26.05" [
    (mkRemovedOptionModule [ "services" "openssh" "banner" ] "Use services.openssh.settings.Banner instead.")
    (mkRemovedOptionModule [ "system" "rebuild" "enableNg" ] "nixos-rebuild-ng is now the only implementation of nixos-rebuild.")
    (mkRemovedOptionModule [ "systemd" "coredump" "extraConfig" ] "Use systemd.coredump.settings.Coredump instead.")
    (mkRemovedOptionModule [ "systemd" "sleep" "extraConfig" ] "Use systemd.sleep.settings.Sleep instead.")
    (mkRenamedOptionModule [ "documentation" "man" "generateCaches" ] [ "documentation" "man" "cache" "enable" ])
    (mkRenamedOptionModule [ "services" "resolved" "dnssec" ] [ "services" "resolved" "settings" "Resolve" "DNSSEC" ])
    (mkRenamedOptionModule [ "services" "resolved" "llmnr" ] [ "services" "resolved" "settings" "Resolve" "LLMNR" ])
    (mkRenamedOptionModule [ "services" "resolved" "fallbackDns" ] [ "services" "resolved" "settings" "Resolve" "FallbackDNS" ])
  ];
}
