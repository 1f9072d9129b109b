# Network services of a machine that the internet reaches: Tailscale, hardened
# sshd with a limited rate, a firewall that lets in what is named.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  cfg = config.nixdeploy.networking;
  inherit (config.nixdeploy.host) deployers;
  tailnet = config.services.tailscale.interfaceName;
  lists = import ../../shared/package-lists.nix { inherit lib pkgs; };

  ports = lib.concatMapStringsSep ", " toString config.services.openssh.ports;
  ssh = "tcp dport { ${ports} }";
  of = family: addresses: "${family} saddr { ${lib.concatStringsSep ", " addresses} } ${ssh} accept";
  v6 = lib.filter (lib.hasInfix ":") deployers;
  v4 = lib.filter (address: !lib.hasInfix ":" address) deployers;
  limit =
    name: family:
    "${ssh} ct state new meter ${name} { ${family} saddr limit rate over ${toString cfg.sshRate}/minute burst ${toString (2 * cfg.sshRate)} packets } drop";
in
{
  options.nixdeploy.networking = {
    enable = lib.mkEnableOption "Tailscale, hardened ssh, fail2ban and a firewall that limits ssh's rate";

    tailscale.enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = ''
        Whether to run Tailscale. It joins a network by hand (`tailscale up`),
        or by services.tailscale.authKeyFile, a path on the host.
      '';
    };
    sshRate = lib.mkOption {
      type = lib.types.ints.between 1 1000;
      default = 10;
      description = ''
        How many new ssh connections a minute one address may open; twice as
        many at once. nixdeploy opens two for a deployment, and
        nixdeploy.host.deployers are not counted.
      '';
    };
    tools.enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether to install network diagnostic tools.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.tailscale = lib.mkIf cfg.tailscale.enable {
      enable = layer.service true;
      # One UDP port, for encrypted packets of known peers.
      openFirewall = layer.service true;
      useRoutingFeatures = layer.service "client";
    };

    services.openssh = {
      # The port is opened below, behind the limit: NixOS accepts the ports
      # that it opens itself before any rule of ours is reached.
      openFirewall = layer.service false;
      settings = {
        X11Forwarding = layer.service false;
        LoginGraceTime = layer.service 30;
        # Before anybody has logged in: from 10 on some are refused, from 60 all.
        MaxStartups = layer.service "10:30:60";
      };
    };

    services.fail2ban = {
      enable = layer.service true;
      maxretry = layer.service 5;
      bantime = layer.service "10m";
      bantime-increment.enable = layer.service true;
      bantime-increment.maxtime = layer.service "24h";
    };

    networking.nftables.enable = layer.service true;
    networking.firewall = {
      enable = layer.service true;
      # The journal of a public machine would hold little else.
      logRefusedConnections = layer.service false;
      extraInputRules = lib.concatStringsSep "\n" (
        lib.optional (v4 != [ ]) (of "ip" v4)
        ++ lib.optional (v6 != [ ]) (of "ip6" v6)
        ++ lib.optional cfg.tailscale.enable ''iifname "${tailnet}" ${ssh} accept''
        ++ [
          (limit "ssh4" "ip")
          (limit "ssh6" "ip6")
          "${ssh} accept"
        ]
      );
    };

    environment.systemPackages = lib.optionals cfg.tools.enable lists.networkTools;
  };
}
