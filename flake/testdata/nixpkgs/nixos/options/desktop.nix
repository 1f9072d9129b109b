# Display managers, desktops, sound, remote desktops
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options = {
    services = {
      desktopManager = {
        plasma6 = {
          enable = off;
          enableQt5Integration = on;
          notoPackage = package pkgs "noto-fonts";
        };
        gnome = {
          enable = off;
          extraGSettingsOverrides = lines;
        };
      };
      displayManager = {
        enable = off;
        defaultSession = maybe types.str;
        sessionPackages = opt (types.listOf types.package) [ ];
        autoLogin = {
          enable = opt types.bool (config.services.displayManager.autoLogin.user != null);
          user = maybe types.str;
        };
        hiddenUsers = opt (types.listOf types.str) [ "nobody" ];
        logToFile = off;
        environment = setOf types.str;
        preStart = lines;
        sddm = {
          enable = off;
          package = opt types.package pkgs.kdePackages.sddm;
          enableHidpi = on;
          theme = str "";
          extraPackages = packages;
          autoNumlock = off;
          settings = opt ini { };
          setupScript = lines;
          stopScript = lines;
          autoLogin = {
            relogin = off;
            minimumUid = opt types.ints.u16 1000;
          };
          wayland = {
            enable = off;
            compositor = opt (types.enum [ "kwin" "weston" ]) "weston";
            compositorCommand = str "";
          };
        };
        gdm = {
          enable = off;
          wayland = on;
          autoSuspend = on;
        };
        ly.enable = off;
      } // lib.optionalAttrs (since "26.05") {
        plasma-login-manager = {
          enable = off;
          package = opt types.package pkgs.kdePackages.plasma-login-manager;
          settings = opt ini { };
        };
      };
      xserver = {
        enable = off;
        autorun = on;
        exportConfiguration = off;
        videoDrivers = opt (types.listOf types.str) [
          "modesetting"
          "fbdev"
        ];
        deviceSection = lines;
        screenSection = lines;
        serverFlagsSection = lines;
        excludePackages = packages;
        dpi = maybe types.int;
        displayManager = {
          lightdm.enable = off;
          startx.enable = off;
          sessionCommands = lines;
          setupCommands = lines;
        };
        desktopManager = {
          xfce = {
            enable = off;
            noDesktop = off;
            enableXfwm = on;
            enableScreensaver = on;
            enableWaylandSession = off;
            waylandSessionCompositor = str "";
          };
          xterm.enable = off;
          runXdgAutostartIfNone = off;
          wallpaper.mode = str "scale";
        };
        windowManager = {
          i3.enable = off;
          icewm.enable = off;
          openbox.enable = off;
        };
        xkb = {
          layout = str "us";
          model = str "pc104";
          variant = str "";
          options = opt types.commas "terminate:ctrl_alt_bksp";
        };
      };
      libinput = {
        enable = opt types.bool config.services.xserver.enable;
        touchpad = {
          naturalScrolling = off;
          tapping = on;
          clickMethod = maybe types.str;
          disableWhileTyping = off;
          scrollMethod = str "twofinger";
        };
        mouse.naturalScrolling = off;
      };
      pipewire = {
        enable = off;
        package = package pkgs "pipewire";
        systemWide = off;
        socketActivation = on;
        audio.enable = opt types.bool (
          let
            cfg = config.services.pipewire;
          in
          cfg.alsa.enable || cfg.jack.enable || cfg.pulse.enable
        );
        alsa = {
          enable = off;
          support32Bit = off;
        };
        jack.enable = off;
        pulse.enable = off;
        raopOpenFirewall = off;
        configPackages = packages;
        extraLadspaPackages = packages;
        extraConfig = lib.genAttrs [ "pipewire" "client" "jack" "pipewire-pulse" ] (_: opt (types.lazyAttrsOf json) { });
        wireplumber = {
          enable = opt types.bool config.services.pipewire.enable;
          package = package pkgs "wireplumber";
          extraConfig = opt (types.attrsOf json) { };
          configPackages = packages;
        };
      };
      pulseaudio = {
        enable = off;
        package = opt types.package pkgs.pulseaudio;
        systemWide = off;
        support32Bit = off;
        configFile = maybe types.path;
        extraConfig = lines;
        extraModules = packages;
        daemon.config = setOf types.unspecified;
        zeroconf.discovery.enable = off;
        tcp.enable = off;
      };
      xrdp = {
        enable = off;
        package = package pkgs "xrdp";
        audio = {
          enable = off;
          package = package pkgs "pulseaudio-module-xrdp";
        };
        port = opt types.port 3389;
        openFirewall = off;
        sslKey = str "/etc/xrdp/key.pem";
        sslCert = str "/etc/xrdp/cert.pem";
        defaultWindowManager = str "xterm";
        confDir = mkOption {
          type = types.path;
          internal = true;
          readOnly = true;
          default = "/etc/xrdp";
          description = "See the manual of NixOS.";
        };
        extraConfDirCommands = lines;
      };
      gnome = {
        gnome-keyring.enable = off;
        glib-networking.enable = off;
        gnome-remote-desktop.enable = off;
      };
      sunshine = {
        enable = off;
        openFirewall = off;
        autoStart = on;
        capSysAdmin = off;
        settings = setOf types.anything;
      };
      blueman.enable = off;
      xserver.updateDbusEnvironment = off;
      speechd.enable = off;
      tumbler.enable = off;
      system-config-printer.enable = off;
      graphical-desktop.enable = opt types.bool (
        config.services.xserver.enable || config.services.displayManager.enable
      );
      orca.enable = off;
      greetd = {
        enable = off;
        settings = opt ini { };
      };
      code-server.enable = off;
    } // lib.optionalAttrs (since "26.05") {
      reframe.enable = off;
    };
  };
}
