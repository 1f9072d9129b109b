# networking.*
{ declare, lib, since }:
with declare;
{ config, options, pkgs, ... }:
let
  range = types.attrsOf types.port;
  ports = {
    allowedTCPPorts = opt (types.listOf types.port) [ ] // {
      apply = p: lib.unique (lib.naturalSort p);
    };
    allowedTCPPortRanges = opt (types.listOf range) [ ];
    allowedUDPPorts = opt (types.listOf types.port) [ ] // {
      apply = p: lib.unique (lib.naturalSort p);
    };
    allowedUDPPortRanges = opt (types.listOf range) [ ];
  };
  address = length: sub {
    address = must types.str;
    prefixLength = must (types.ints.between 0 length);
  };
  gateway = types.coercedTo types.str (address: { inherit address; }) (sub {
    address = must types.str;
    interface = maybe types.str;
    metric = maybe types.int;
    source = maybe types.str;
  });
in
{
  options.networking = {
    hostName = opt (types.strMatching "^$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$") "nixos";
    hostId = maybe types.str;
    domain = maybe types.str;
    search = strings;
    fqdn = mkOption {
      type = types.str;
      default =
        if config.networking.hostName != "" && config.networking.domain != null then
          "${config.networking.hostName}.${config.networking.domain}"
        else
          throw "The FQDN is required but cannot be determined from `networking.hostName` and `networking.domain`.";
      description = "See the manual of NixOS.";
    };
    fqdnOrHostName = mkOption {
      readOnly = true;
      type = types.str;
      default =
        if config.networking.domain != null || options.networking.fqdn.highestPrio < 1500 then
          config.networking.fqdn
        else
          config.networking.hostName;
      description = "See the manual of NixOS.";
    };
    nameservers = strings;
    timeServers = strings;
    hosts = setOf (types.listOf types.str);
    extraHosts = lines;
    enableIPv6 = on;
    tempAddresses = opt (types.enum [ "default" "enabled" "disabled" ]) "default";
    usePredictableInterfaceNames = on;
    useDHCP = on;
    useNetworkd = off;
    useHostResolvConf = off;
    dhcpcd = {
      enable = on;
      denyInterfaces = strings;
      extraConfig = lines;
      persistent = off;
      wait = opt (types.enum [ "background" "any" "ipv4" "ipv6" "both" "if-carrier-up" ]) "any";
    };
    resolvconf = {
      enable = off;
      extraConfig = lines;
    };
    defaultGateway = maybe gateway;
    defaultGateway6 = maybe gateway;
    interfaces = subsOf {
      useDHCP = maybe types.bool;
      mtu = maybe types.int;
      macAddress = maybe types.str;
      wakeOnLan.enable = off;
      ipv4.addresses = opt (types.listOf (address 32)) [ ];
      ipv6.addresses = opt (types.listOf (address 128)) [ ];
      tempAddress = maybe types.str;
    };
    vlans = subsOf {
      id = must types.int;
      interface = must types.str;
    };
    bridges = subsOf {
      interfaces = strings;
      rstp = off;
    };
    networkmanager = {
      enable = off;
      plugins = packages;
      unmanaged = strings;
      dns = opt (types.enum [ "default" "dnsmasq" "systemd-resolved" "none" ]) "default";
      dhcp = opt (types.enum [ "dhcpcd" "internal" ]) "internal";
      settings = opt ini { };
      appendNameservers = strings;
      insertNameservers = strings;
      wifi = {
        backend = opt (types.enum [ "wpa_supplicant" "iwd" ]) "wpa_supplicant";
        powersave = maybe types.bool;
        macAddress = str "preserve";
        scanRandMacAddress = on;
      };
      ethernet.macAddress = str "preserve";
      ensureProfiles.profiles = opt (types.attrsOf ini) { };
      logLevel = opt (types.enum [ "OFF" "ERR" "WARN" "INFO" "DEBUG" "TRACE" ]) "WARN";
    };
    wireless = {
      enable = off;
      networks = setOf types.anything;
      interfaces = strings;
      iwd = {
        enable = off;
        settings = opt ini { };
      };
      userControlled = if since "26.05" then off else { enable = off; group = str "wheel"; };
    };
    firewall = ports // {
      enable = on;
      package = opt types.package pkgs.iptables;
      backend = opt (types.enum [ "iptables" "nftables" "firewalld" ]) (
        if config.networking.nftables.enable then "nftables" else "iptables"
      );
      allowPing = on;
      pingLimit = maybe types.singleLineStr;
      rejectPackets = off;
      checkReversePath = opt (types.either types.bool (types.enum [ "strict" "loose" ])) true;
      logRefusedConnections = opt types.bool (!(since "26.05"));
      logRefusedPackets = off;
      logRefusedUnicastsOnly = on;
      logReversePathDrops = off;
      filterForward = off;
      trustedInterfaces = strings;
      interfaces = subsOf ports;
      extraCommands = lines;
      extraStopCommands = lines;
      extraPackages = packages;
      extraInputRules = lines;
      extraForwardRules = lines;
      extraReversePathFilterRules = lines;
      connectionTrackingModules = strings;
      autoLoadConntrackHelpers = off;
    };
    nftables = {
      enable = off;
      checkRuleset = on;
      flushRuleset = opt types.bool false;
      ruleset = lines;
      rulesetFile = maybe types.path;
      extraDeletions = lines;
      tables = opt (types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            options = {
              enable = on;
              name = str name;
              content = must types.lines;
              family = must (types.enum [ "ip" "ip6" "inet" "arp" "bridge" "netdev" ]);
            };
          }
        )
      )) { };
    };
    nat = {
      enable = off;
      enableIPv6 = off;
      externalInterface = maybe types.str;
      internalInterfaces = strings;
      internalIPs = strings;
      forwardPorts = opt (types.listOf types.attrs) [ ];
    };
    wireguard.interfaces = setOf types.anything;
    wg-quick.interfaces = setOf types.anything;
    modemmanager.enable = off;
    proxy = {
      default = maybe types.str;
      httpProxy = maybe types.str;
      noProxy = maybe types.str;
    };
  };
}
