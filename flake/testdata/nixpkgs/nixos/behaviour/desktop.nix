# What Plasma and its like set by themselves, mostly by mkDefault.
{ declare, lib, since }:
{ config, pkgs, ... }:
let
  inherit (config) services;
  sessions =
    lib.optionals services.desktopManager.plasma6.enable [ "plasma" "plasmax11" ]
    ++ lib.optional services.xserver.desktopManager.xfce.enable "xfce"
    ++ lib.optional services.xserver.windowManager.i3.enable "none+i3"
    ++ lib.optional services.xserver.windowManager.icewm.enable "none+icewm"
    ++ lib.optional services.xserver.windowManager.openbox.enable "none+openbox"
    ++ lib.optional config.programs.sway.enable "sway"
    ++ lib.optional config.programs.labwc.enable "labwc";
  default = services.displayManager.defaultSession;
in
{
  config = lib.mkMerge [
    (lib.mkIf services.desktopManager.plasma6.enable {
      environment.systemPackages = with pkgs.kdePackages; [ plasma-workspace plasma-desktop kwin dolphin konsole kate ];
      programs.xwayland.enable = true;
      programs.dconf.enable = true;
      programs.chromium.enablePlasmaBrowserIntegration = true;
      services.accounts-daemon.enable = true;
      services.udisks2.enable = true;
      services.upower.enable = lib.mkDefault config.powerManagement.enable;
      services.power-profiles-daemon.enable = lib.mkDefault true;
      services.pipewire.enable = lib.mkDefault true;
      services.libinput.enable = lib.mkDefault true;
      services.geoclue2.enable = lib.mkDefault true;
      services.displayManager.sddm = {
        package = pkgs.kdePackages.sddm;
        theme = lib.mkDefault "breeze";
        wayland = {
          enable = lib.mkDefault true;
          compositor = "kwin";
        };
      };
      hardware.bluetooth.enable = lib.mkDefault true;
      networking.networkmanager.enable = lib.mkDefault true;
      security.polkit.enable = true;
      security.rtkit.enable = lib.mkDefault true;
      hardware.graphics.enable = lib.mkDefault true;
      fonts.enableDefaultPackages = lib.mkDefault true;
      xdg.portal.enable = true;
      xdg.portal.extraPortals = [ pkgs.kdePackages.xdg-desktop-portal-kde ];
      xdg.icons.enable = true;
    })
    (lib.mkIf services.displayManager.sddm.enable {
      services.displayManager.enable = true;
    })
    (lib.mkIf services.xserver.enable {
      hardware.graphics.enable = lib.mkDefault true;
      services.displayManager.enable = lib.mkDefault true;
    })
    (lib.mkIf services.pipewire.enable {
      systemd.user.services.pipewire.wantedBy = lib.mkIf services.pipewire.socketActivation [ "default.target" ];
    })
    {
      assertions = [
        {
          assertion = default != null && services.displayManager.enable -> builtins.elem default sessions;
          message = "Default graphical session, '${toString default}', not found.\nValid names for 'services.displayManager.defaultSession' are:\n  ${lib.concatStringsSep "\n  " sessions}";
        }
        {
          assertion = services.displayManager.autoLogin.enable -> services.displayManager.autoLogin.user != null;
          message = "services.displayManager.autoLogin.enable requires services.displayManager.autoLogin.user to be set";
        }
      ]
      ++ lib.optional (since "26.05") {
        assertion = !(services.displayManager.sddm.enable && services.displayManager.plasma-login-manager.enable);
        message = "SDDM and plasma-login-manager cannot be enabled at the same time.";
      };
    }
  ];
}
