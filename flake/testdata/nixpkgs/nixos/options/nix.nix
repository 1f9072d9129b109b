# nix.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  nixAtom = types.nullOr (types.oneOf [
    types.bool
    types.int
    types.float
    types.str
    types.path
    types.package
  ]);
in
{
  options.nix = {
    enable = on;
    package = package pkgs "nix";
    checkConfig = on;
    checkAllErrors = on;
    extraOptions = lines;
    nixPath = strings;
    channel.enable = on;
    registry = opt (types.attrsOf (
      types.submodule {
        options = {
          from = opt (types.attrsOf (types.oneOf [ types.str types.int types.bool types.path types.package ])) { };
          to = opt (types.attrsOf (types.oneOf [ types.str types.int types.bool types.path types.package ])) { };
          flake = maybe types.attrs;
          exact = on;
        };
      }
    )) { };
    settings = settings (types.attrsOf (types.either nixAtom (types.listOf nixAtom))) {
      max-jobs = opt (types.either types.int (types.enum [ "auto" ])) "auto";
      cores = int 0;
      auto-optimise-store = off;
      sandbox = opt (types.either types.bool (types.enum [ "relaxed" ])) true;
      substituters = strings;
      trusted-substituters = strings;
      trusted-public-keys = strings;
      require-sigs = on;
      extra-sandbox-paths = strings;
      system-features = strings;
      trusted-users = strings;
      allowed-users = opt (types.listOf types.str) [ "*" ];
    };
    gc = {
      automatic = off;
      dates = opt (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ "03:15" ];
      randomizedDelaySec = str "0";
      persistent = on;
      options = opt types.singleLineStr "";
    };
    optimise = {
      automatic = off;
      dates = opt (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ "03:45" ];
      randomizedDelaySec = str "1800";
      persistent = on;
    };
    distributedBuilds = off;
    buildMachines = opt (types.listOf (sub {
      hostName = must types.str;
      protocol = maybe types.str // {
        default = "ssh";
      };
      system = maybe types.str;
      systems = strings;
      sshUser = maybe types.str;
      sshKey = maybe types.str;
      maxJobs = int 1;
      speedFactor = int 1;
      supportedFeatures = strings;
      mandatoryFeatures = strings;
      publicHostKey = maybe types.str;
    })) [ ];
    daemonCPUSchedPolicy = opt (types.enum [ "other" "batch" "idle" ]) "other";
    daemonIOSchedClass = opt (types.enum [ "best-effort" "idle" ]) "best-effort";
    daemonIOSchedPriority = int 4;
    nrBuildUsers = int 32;
    sshServe = {
      enable = off;
      keys = strings;
      write = off;
      trusted = off;
    };
  };
}
