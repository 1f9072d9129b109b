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
    (lib.mkIf services.graphical-desktop.enable {
      boot.kernel.sysctl."fs.inotify.max_user_watches" = lib.mkDefault 524288;
      environment.systemPackages = [ pkgs.xdg-utils ];
      fonts.enableDefaultPackages = lib.mkDefault true;
      hardware.graphics.enable = lib.mkDefault true;
      programs.gnupg.agent.pinentryPackage = lib.mkOverride 1100 pkgs.pinentry-gnome3;
      services.speechd.enable = lib.mkDefault true;
      xdg = {
        autostart.enable = true;
        menus.enable = true;
        mime.enable = true;
        icons.enable = true;
      };
    })
    (lib.mkIf services.desktopManager.plasma6.enable {
      qt.enable = true;
      environment.systemPackages = with pkgs.kdePackages; [
        plasma-workspace
        plasma-desktop
        kwin
        dolphin
        konsole
        kate
      ];
      programs = {
        xwayland.enable = true;
        dconf.enable = true;
        chromium.enablePlasmaBrowserIntegration = true;
        kde-pim.enable = lib.mkDefault true;
        gnupg.agent.pinentryPackage = lib.mkDefault pkgs.pinentry-qt;
        ssh.askPassword = lib.mkDefault "${pkgs.kdePackages.ksshaskpass}/bin/ksshaskpass";
      };
      services = {
        accounts-daemon.enable = true;
        power-profiles-daemon.enable = lib.mkDefault true;
        system-config-printer.enable = lib.mkIf services.printing.enable (lib.mkDefault true);
        udisks2.enable = true;
        upower.enable = config.powerManagement.enable;
        libinput.enable = lib.mkDefault true;
        pipewire.enable = lib.mkDefault true;
        orca.enable = lib.mkDefault true;
        # in nixpkgs's main; which release is the first was not looked up
        geoclue2.enable = lib.mkIf (since "26.05") (lib.mkDefault true);
        fwupd.enable = lib.mkIf (since "26.05") (lib.mkDefault true);
        displayManager.defaultSession = lib.mkDefault "plasma";
        displayManager.sddm = {
          package = pkgs.kdePackages.sddm;
          theme = lib.mkDefault "breeze";
          wayland = lib.mkDefault {
            enable = true;
            compositor = "kwin";
          };
        };
      };
      xdg.icons.enable = true;
      xdg.portal = {
        enable = true;
        extraPortals = [ pkgs.kdePackages.xdg-desktop-portal-kde ];
        configPackages = lib.mkDefault [ pkgs.kdePackages.plasma-workspace ];
      };
    })
    (lib.mkIf services.xserver.desktopManager.xfce.enable {
      environment.systemPackages = [ pkgs.xfce4-session ];
      programs = {
        gnupg.agent.pinentryPackage = lib.mkDefault pkgs.pinentry-gtk2;
        xfconf.enable = true;
        thunar.enable = true;
        dconf.enable = true;
        bash.vteIntegration = lib.mkDefault true;
      };
      security.polkit.enable = true;
      services = {
        accounts-daemon.enable = true;
        udisks2.enable = true;
        upower.enable = config.powerManagement.enable;
        gnome.glib-networking.enable = true;
        gvfs.enable = true;
        tumbler.enable = true;
        colord.enable = lib.mkDefault true;
        libinput.enable = lib.mkDefault true;
        xserver.updateDbusEnvironment = true;
        system-config-printer.enable = lib.mkIf services.printing.enable (lib.mkDefault true);
      };
      xdg.portal.configPackages = lib.mkDefault [ pkgs.xfce4-session ];
    })
    (lib.mkIf services.displayManager.sddm.enable {
      services.displayManager.enable = true;
      assertions = [
        {
          assertion = services.xserver.enable || services.displayManager.sddm.wayland.enable;
          message = "SDDM requires either services.xserver.enable or services.displayManager.sddm.wayland.enable to be true";
        }
      ];
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
