# systemd.*, and the services that belong to it
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  value = types.oneOf [ types.bool types.int types.float types.str types.path types.package ];
  unitValue = types.either value (types.listOf value);
  section = opt (types.attrsOf unitValue) { };
  unitNames = opt (types.listOf (
    types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)"
  )) [ ];
  common = {
    enable = on;
    description = opt types.singleLineStr "";
    documentation = strings;
    overrideStrategy = opt (types.enum [ "asDropinIfExists" "asDropin" ]) "asDropinIfExists";
    unitConfig = section;
    restartTriggers = opt (types.listOf types.unspecified) [ ];
    reloadTriggers = opt (types.listOf types.unspecified) [ ];
    startLimitBurst = must types.int;
    startLimitIntervalSec = must types.int;
  } // lib.genAttrs [
    "requires" "wants" "after" "before" "bindsTo" "partOf" "conflicts" "requisite" "requiredBy" "wantedBy"
    "upheldBy" "upholds" "aliases" "onSuccess" "onFailure"
  ] (_: unitNames);
  unset = unit: builtins.removeAttrs unit [ "startLimitBurst" "startLimitIntervalSec" ];
  limits = {
    startLimitBurst = maybe types.int;
    startLimitIntervalSec = maybe types.int;
  };
  unit = options: types.attrsOf (sub (unset common // limits // options));
  service = unit {
    environment = setOf (types.nullOr (types.oneOf [ types.str types.path types.package ]));
    path = opt (types.listOf (types.oneOf [ types.package types.str ])) [ ];
    enableDefaultPath = on;
    serviceConfig = section;
    confinement.enable = off;
    script = lines;
    scriptArgs = str "";
    preStart = lines;
    postStart = lines;
    reload = lines;
    preStop = lines;
    postStop = lines;
    jobScripts = opt types.raw [ ];
    restartIfChanged = on;
    reloadIfChanged = off;
    stopIfChanged = on;
    notSocketActivated = off;
    startAt = opt (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ ];
    enableStrictShellChecks = off;
  };
  socket = unit {
    listenStreams = strings;
    listenDatagrams = strings;
    socketConfig = section;
  };
  timer = unit { timerConfig = section; };
  path = unit { pathConfig = section; };
  target = unit { };
  slice = unit { sliceConfig = section; };
  mount = opt (types.listOf (sub (unset common // limits // {
    what = must types.str;
    where = must types.str;
    type = str "";
    options = str "";
    mountConfig = section;
  }))) [ ];
  resolved = {
    dnssec = opt (types.enum [ "true" "allow-downgrade" "false" ]) "false";
    dnsovertls = opt (types.enum [ "true" "opportunistic" "false" ]) "false";
    llmnr = opt (types.enum [ "true" "resolve" "false" ]) "true";
    fallbackDns = maybe (types.listOf types.str);
    domains = strings;
    extraConfig = lines;
  };
in
{
  options = {
    systemd = {
      package = package pkgs "systemd";
      packages = packages;
      services = opt service { };
      sockets = opt socket { };
      timers = opt timer { };
      paths = opt path { };
      targets = opt target { };
      slices = opt slice { };
      mounts = mount;
      automounts = opt (types.listOf types.attrs) [ ];
      generators = setOf types.path;
      units = setOf types.anything;
      defaultUnit = str "multi-user.target";
      ctrlAltDelUnit = str "reboot.target";
      globalEnvironment = setOf (types.nullOr (types.oneOf [ types.str types.path types.package ]));
      additionalUpstreamSystemUnits = strings;
      suppressedSystemUnits = strings;
      enableEmergencyMode = on;
      enableCgroupAccounting = on;
      enableStrictShellChecks = off;
      settings.Manager = settings (types.attrsOf unitValue) { };
      oomd = {
        enable = on;
        enableRootSlice = off;
        enableSystemSlice = off;
        enableUserSlices = off;
        settings.OOM = setOf value;
      };
      tmpfiles = {
        rules = strings;
        packages = packages;
        settings = opt (types.attrsOf (
          types.attrsOf (
            types.attrsOf (
              types.submodule (
                { name, ... }:
                {
                  options = {
                    type = str name;
                    mode = str "-";
                    user = str "-";
                    group = str "-";
                    age = str "-";
                    argument = str "";
                  };
                }
              )
            )
          )
        )) { };
      };
      network = {
        enable = off;
        wait-online = {
          enable = on;
          anyInterface = off;
          ignoredInterfaces = strings;
          extraArgs = strings;
          timeout = opt types.ints.unsigned 120;
        };
        networks = subsOf {
          enable = on;
          name = maybe types.str;
          matchConfig = section;
          linkConfig = section;
          networkConfig = section;
          dhcpV4Config = section;
          dhcpV6Config = section;
          ipv6AcceptRAConfig = section;
          DHCP = maybe types.str;
          address = strings;
          gateway = strings;
          dns = strings;
          domains = maybe (types.listOf types.str);
          vlan = strings;
          addresses = opt (types.listOf (types.attrsOf unitValue)) [ ];
          routes = opt (types.listOf (types.attrsOf unitValue)) [ ];
          extraConfig = lines;
        };
        netdevs = subsOf {
          enable = on;
          netdevConfig = section;
          vlanConfig = section;
          bridgeConfig = section;
          extraConfig = lines;
        };
        links = subsOf {
          enable = on;
          matchConfig = section;
          linkConfig = section;
        };
        config = record {
          networkConfig = section;
          dhcpV4Config = section;
        };
      };
      user = {
        services = opt service { };
        sockets = opt socket { };
        timers = opt timer { };
        paths = opt path { };
        targets = opt target { };
        slices = opt slice { };
        tmpfiles.rules = strings;
        extraConfig = lines;
      };
      sysusers.enable = off;
      coredump = {
        enable = on;
      } // (if since "26.05" then { settings.Coredump = setOf value; } else { extraConfig = lines; });
      sleep = if since "26.05" then { settings.Sleep = setOf value; } else { extraConfig = lines; };
    };
    services = {
      journald = {
        console = str "";
        rateLimitInterval = str "30s";
        rateLimitBurst = int 10000;
        storage = opt (types.enum [ "persistent" "volatile" "auto" "none" ]) "persistent";
        audit = opt (types.nullOr (types.oneOf [ types.bool (types.enum [ "keep" ]) ])) null;
        extraConfig = lines;
        forwardToSyslog = off;
      };
      logind = {
        settings.Login = settings (types.attrsOf unitValue) { };
      };
      resolved = {
        enable = off;
      } // (if since "26.05" then { settings.Resolve = settings (types.attrsOf unitValue) { }; } else resolved);
      timesyncd = {
        enable = opt types.bool (!config.boot.isContainer);
        servers = strings;
        fallbackServers = maybe (types.listOf types.str);
        extraConfig = lines;
      };
      userborn.enable = off;
      logrotate = {
        enable = on;
        settings = setOf types.anything;
      };
      dbus = {
        enable = off;
        implementation = opt (types.enum [ "dbus" "broker" ]) (if since "26.05" then "broker" else "dbus");
        packages = opt (types.listOf types.path) [ ];
      };
      udev = {
        enable = opt types.bool (!config.boot.isContainer);
        packages = opt (types.listOf types.path) [ ];
        extraRules = lines;
        path = opt (types.listOf types.path) [ ];
      };
      getty = {
        autologinUser = maybe types.str;
        autologinOnce = off;
        greetingLine = opt types.str "";
        helpLine = lines;
      };
      nscd = {
        enable = on;
        enableNsncd = on;
      };
      cron = {
        enable = off;
        systemCronJobs = strings;
      };
      haveged.enable = off;
      irqbalance.enable = off;
      earlyoom.enable = off;
      fwupd.enable = off;
      thermald.enable = off;
      upower = {
        enable = off;
        percentageLow = int 20;
      };
      acpid.enable = off;
      tlp = {
        enable = off;
        settings = setOf types.anything;
      };
      power-profiles-daemon.enable = off;
      chrony.enable = off;
      lorri.enable = off;
      envfs.enable = off;
      locate.enable = off;
      printing = {
        enable = off;
        drivers = opt (types.listOf types.path) [ ];
      };
      flatpak.enable = off;
      geoclue2.enable = off;
      colord.enable = off;
      accounts-daemon.enable = off;
    };
  };
}
