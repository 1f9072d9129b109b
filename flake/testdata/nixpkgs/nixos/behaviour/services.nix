# What services turn on, and what excludes what.
{ declare, lib, since }:
{ config, pkgs, ... }:
let
  inherit (config) services networking virtualisation;
  only = condition: value: lib.mkIf condition value;
in
{
  config = lib.mkMerge [
    {
      environment.systemPackages = [ pkgs.bashInteractive pkgs.coreutils-full pkgs.nano ];
      services.dbus.enable = true;
      security.pam.services.login = { };
      services.xserver.displayManager.lightdm.enable = lib.mkIf (services.xserver.enable && !services.displayManager.sddm.enable) (lib.mkOverride 1400 false);
      services.openssh.authorizedKeysFiles =
        lib.optional services.openssh.authorizedKeysInHomedir "%h/.ssh/authorized_keys"
        ++ [ "/etc/ssh/authorized_keys.d/%u" ];
    }
    (only services.openssh.enable {
      networking.firewall.allowedTCPPorts = lib.mkIf services.openssh.openFirewall services.openssh.ports;
      services.openssh.sftpServerExecutable = lib.mkDefault "${services.openssh.package}/libexec/sftp-server";
      security.pam.services.sshd.startSession = true;
      systemd.services.sshd = lib.mkIf (!services.openssh.startWhenNeeded) {
        description = "SSH Daemon";
        wantedBy = [ "multi-user.target" ];
      };
      systemd.sockets.sshd = lib.mkIf services.openssh.startWhenNeeded {
        description = "SSH Socket";
        wantedBy = [ "sockets.target" ];
        listenStreams = map toString services.openssh.ports;
      };
    })
    (only services.fail2ban.enable {
      services.openssh.settings.LogLevel = lib.mkDefault "VERBOSE";
      services.fail2ban.jails.sshd.settings.port = lib.mkDefault (lib.concatMapStringsSep "," toString services.openssh.ports);
      services.fail2ban.jails.DEFAULT.settings.ignoreip = "127.0.0.1/8 ${toString services.fail2ban.ignoreIP}";
      environment.systemPackages = [ services.fail2ban.package ];
      systemd.services.fail2ban.wantedBy = [ "multi-user.target" ];
      assertions = [
        {
          assertion = services.fail2ban.bantime-increment.formula == null || services.fail2ban.bantime-increment.multipliers == null;
          message = "Options `services.fail2ban.bantime-increment.formula` and `services.fail2ban.bantime-increment.multipliers` cannot be both specified.";
        }
      ];
      warnings = lib.optional (!networking.firewall.enable && !networking.nftables.enable) "fail2ban can not be used without a firewall";
    })
    (only services.tailscale.enable {
      environment.systemPackages = [ services.tailscale.package ];
      systemd.services.tailscaled.wantedBy = [ "multi-user.target" ];
      networking.firewall.allowedUDPPorts = lib.mkIf services.tailscale.openFirewall [ services.tailscale.port ];
      networking.firewall.checkReversePath = lib.mkIf (builtins.elem services.tailscale.useRoutingFeatures [ "client" "both" ]) "loose";
      boot.kernel.sysctl = lib.mkIf (builtins.elem services.tailscale.useRoutingFeatures [ "server" "both" ]) {
        "net.ipv4.conf.all.forwarding" = lib.mkOverride 97 true;
        "net.ipv6.conf.all.forwarding" = lib.mkOverride 97 true;
      };
    })
    {
      assertions = [
        {
          assertion = (networking.firewall.extraInputRules != "" || networking.firewall.extraForwardRules != "" || networking.firewall.filterForward) -> networking.nftables.enable;
          message = "networking.firewall.filterForward, extraInputRules and extraForwardRules only work with the nftables based firewall";
        }
        {
          assertion = networking.nftables.enable -> (networking.firewall.extraCommands == "" && networking.firewall.extraStopCommands == "");
          message = "extraCommands is incompatible with the nftables based firewall: ${networking.firewall.extraCommands}";
        }
        {
          assertion = !(networking.useHostResolvConf && services.resolved.enable);
          message = "Using host resolv.conf is not supported with systemd-resolved";
        }
        {
          assertion = !(virtualisation.podman.dockerCompat && virtualisation.docker.enable);
          message = "Option dockerCompat conflicts with docker";
        }
        {
          assertion = !(services.pipewire.enable && services.pipewire.audio.enable && services.pulseaudio.enable);
          message = "Using PipeWire as the sound server conflicts with PulseAudio. This option requires `services.pulseaudio.enable` to be set to false";
        }
        {
          assertion = services.pipewire.systemWide -> services.pipewire.enable;
          message = "services.pipewire.systemWide needs services.pipewire.enable";
        }
        {
          assertion = !(services.power-profiles-daemon.enable && services.tlp.enable);
          message = "You have set services.power-profiles-daemon.enable = true; which conflicts with services.tlp.enable = true;";
        }
        {
          assertion = !(networking.networkmanager.enable && networking.wireless.enable);
          message = "You can not use networking.networkmanager with networking.wireless.\nExcept if you mark some interfaces as <literal>unmanaged</literal> by NetworkManager.";
        }
      ];
    }
    (only virtualisation.docker.enable {
      environment.systemPackages = [ virtualisation.docker.package ];
      boot.kernelModules = [ "bridge" "veth" "br_netfilter" "xt_nat" ];
      systemd.services.docker = {
        wantedBy = lib.optional virtualisation.docker.enableOnBoot "multi-user.target";
        requires = [ "docker.socket" ];
      };
      systemd.sockets.docker = {
        wantedBy = [ "sockets.target" ];
        listenStreams = virtualisation.docker.listenOptions;
      };
    })
    (only virtualisation.podman.enable {
      virtualisation.containers.enable = true;
      environment.systemPackages = [ virtualisation.podman.package ];
    })
    (only services.qemuGuest.enable { systemd.services.qemu-guest-agent.description = "Run the QEMU Guest Agent"; })
    (only services.xrdp.enable {
      networking.firewall.allowedTCPPorts = lib.mkIf services.xrdp.openFirewall [ services.xrdp.port ];
      security.pam.services.xrdp-sesman = {
        allowNullPassword = true;
        startSession = true;
      };
      fonts.enableDefaultPackages = lib.mkDefault true;
      systemd.services.xrdp.wantedBy = [ "multi-user.target" ];
      systemd.services.xrdp-sesman = {
        wantedBy = [ "multi-user.target" ];
        restartIfChanged = false;
      };
    })
    (only services.xrdp.audio.enable {
      environment.systemPackages = [ services.xrdp.audio.package ];
      services.pulseaudio.extraModules = [ services.xrdp.audio.package ];
    })
    (only networking.networkmanager.enable {
      networking.useDHCP = lib.mkDefault false;
      security.polkit.enable = true;
    })
    (only config.programs.nix-ld.enable { environment.variables.NIX_LD_LIBRARY_PATH = "/run/current-system/sw/share/nix-ld/lib"; })
    (only config.programs.zsh.enable { environment.shells = [ "/run/current-system/sw/bin/zsh" ]; })
    (only config.programs.direnv.enable { environment.systemPackages = [ config.programs.direnv.package ]; })
    (only config.programs.git.enable { environment.systemPackages = [ config.programs.git.package ]; })
  ];
}
