# A desktop from afar: RDP by xrdp, with sound and clipboard, and VNC.
#
# Neither port is ever open to the world: RDP and VNC take passwords, so that
# they are reached over Tailscale, or through ssh.
#
# xrdp starts sessions of X11 only, and Plasma has none from 6.8 on: a remote
# session is Xfce, while the seat keeps Plasma on Wayland.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  release = import ../../lib/release.nix lib;
  inherit (lib) mkOption types;
  cfg = config.nixdeploy.desktop.remoteAccess;
  tailnet = config.services.tailscale.interfaceName;

  sessions = {
    xfce = "xfce4-session";
    icewm = "icewm-session";
    plasma = "startplasma-x11";
  };
  session = sessions.${cfg.session};

  sharedVnc = cfg.vnc.user != null && cfg.vnc.passwordFile != null;
  xvnc = pkgs.writeShellApplication {
    name = "nixdeploy-xvnc";
    runtimeInputs = [
      config.systemd.package
      pkgs.bashInteractive
      pkgs.coreutils
      pkgs.tigervnc
      pkgs.util-linux
      (release.xauth pkgs)
    ];
    text = builtins.readFile ../../scripts/xvnc-session.sh;
  };

  withPassword = lib.any (
    name:
    config.users.users.${name}.hashedPasswordFile != null
    || config.users.users.${name}.hashedPassword != null
  ) (builtins.attrNames config.nixdeploy.users);
in
{
  options.nixdeploy.desktop.remoteAccess = {
    enable = lib.mkEnableOption "remote desktops: RDP, and VNC";

    session = mkOption {
      type = types.enum (builtins.attrNames sessions);
      default = "xfce";
      description = "What a remote session runs. plasma is Plasma on X11, which ends with Plasma 6.8 (NixOS 26.11).";
    };

    rdp.enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to run xrdp, reachable on the tailnet. Its users log in by password.";
    };
    sound.enable = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether RDP carries sound. xrdp does that with PulseAudio only, so that
        the machine then has PulseAudio in place of PipeWire.
      '';
    };

    vnc = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = ''
          Whether each user has a VNC session on demand, on a socket of their
          own: ssh -L 5901:/run/user/UID/nixdeploy-vnc.sock HOST
        '';
      };
      user = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "alice";
        description = "Whose VNC session is reachable on the tailnet as well; that needs passwordFile.";
      };
      passwordFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/run/secrets/vnc";
        description = "A file on the host, readable by that user, as vncpasswd writes it.";
      };
      port = mkOption {
        type = types.port;
        default = 5901;
        description = "That session's TCP port.";
      };
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        assertions = [
          {
            assertion = cfg.session != "plasma" || release.plasmaX11;
            message = ''nixdeploy.desktop.remoteAccess.session = "plasma": Plasma has no X11 session in NixOS ${lib.trivial.release}. Use "xfce".'';
          }
          {
            assertion = (cfg.vnc.user == null) == (cfg.vnc.passwordFile == null);
            message = "nixdeploy.desktop.remoteAccess.vnc: user and passwordFile are set together, or not at all.";
          }
        ];

        services.xserver.enable = layer.desktop true;
        services.xserver.desktopManager.xfce.enable = layer.desktop (cfg.session == "xfce");
        services.xserver.windowManager.icewm.enable = layer.desktop (cfg.session == "icewm");
        # Plasma and Xfce both set it by mkDefault, to different packages.
        programs.gnupg.agent.pinentryPackage = lib.mkIf config.nixdeploy.desktop.plasma.enable (
          layer.overNixos pkgs.pinentry-qt
        );
      }

      (lib.mkIf cfg.rdp.enable {
        services.xrdp = {
          enable = layer.desktop true;
          openFirewall = layer.desktop false;
          defaultWindowManager = layer.desktop session;
          audio.enable = layer.desktop cfg.sound.enable;
        };
        nixdeploy.desktop.plasma.sound = lib.mkIf cfg.sound.enable (layer.desktop "pulseaudio");
        networking.firewall.interfaces.${tailnet}.allowedTCPPorts = [ 3389 ];

        warnings =
          lib.optional (config.nixdeploy.users != { } && !withPassword)
            "xrdp takes passwords, and no user of hosts.toml has one: set users.users.NAME.hashedPasswordFile, or nixdeploy.desktop.remoteAccess.rdp.enable = false";
      })

      (lib.mkIf cfg.vnc.enable {
        # Started by the first connection, with the session behind it.
        systemd.user.sockets.nixdeploy-vnc = {
          description = "VNC, on demand";
          wantedBy = [ "sockets.target" ];
          listenStreams = [ "%t/nixdeploy-vnc.sock" ];
          socketConfig.SocketMode = "0600";
        };
        systemd.user.services.nixdeploy-vnc = {
          description = "From the socket of VNC to its server";
          # A session that has ended takes this with it, so that the next
          # connection comes by the socket again, and starts another one.
          bindsTo = [ "nixdeploy-xvnc.service" ];
          after = [ "nixdeploy-xvnc.service" ];
          serviceConfig.ExecStart = "${config.systemd.package}/lib/systemd/systemd-socket-proxyd %t/nixdeploy-xvnc.sock";
        };
        systemd.user.services.nixdeploy-xvnc = {
          description = "A desktop behind VNC";
          environment.NIXDEPLOY_SESSION = session;
          serviceConfig = {
            Type = "notify";
            NotifyAccess = "all";
            ExecStart = "${xvnc}/bin/nixdeploy-xvnc";
          };
        };
      })

      (lib.mkIf (cfg.vnc.enable && sharedVnc) {
        systemd.user.sockets.nixdeploy-vnc-tailnet = {
          description = "VNC on the tailnet, on demand";
          wantedBy = [ "sockets.target" ];
          listenStreams = [ (toString cfg.vnc.port) ];
          unitConfig.ConditionUser = cfg.vnc.user;
          socketConfig.Service = "nixdeploy-vnc.service";
        };
        # A unit of every user's: those of others are to go without the file,
        # which they cannot read.
        systemd.user.services.nixdeploy-xvnc.environment = {
          NIXDEPLOY_VNC_USER = cfg.vnc.user;
          NIXDEPLOY_VNC_PASSWORD_FILE = cfg.vnc.passwordFile;
        };
        # So that the socket is there before anybody has logged in.
        users.users.${cfg.vnc.user}.linger = layer.desktop true;
        networking.firewall.interfaces.${tailnet}.allowedTCPPorts = [ cfg.vnc.port ];
      })
    ]
  );
}
