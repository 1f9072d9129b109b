# How people and programs reach a machine: sshd, fail2ban, VPNs
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  plain = types.nullOr (types.oneOf [ types.bool types.int types.float types.str types.path types.package ]);
  keywords = types.attrsOf (types.either plain (types.listOf plain));
in
{
  options.services = {
    openssh = {
      enable = off;
      package = package pkgs "openssh";
      startWhenNeeded = off;
      allowSFTP = on;
      sftpServerExecutable = must types.str;
      sftpFlags = strings;
      ports = opt (types.listOf types.port) [ 22 ];
      openFirewall = on;
      listenAddresses = opt (types.listOf (sub {
        addr = maybe types.str;
        port = maybe types.int;
      })) [ ];
      hostKeys = opt (types.listOf types.attrs) [
        {
          type = "rsa";
          bits = 4096;
          path = "/etc/ssh/ssh_host_rsa_key";
        }
        {
          type = "ed25519";
          path = "/etc/ssh/ssh_host_ed25519_key";
        }
      ];
      authorizedKeysFiles = strings;
      authorizedKeysInHomedir = on;
      authorizedKeysCommand = str "none";
      authorizedKeysCommandUser = str "nobody";
      knownHosts = setOf types.anything;
      extraConfig = lines;
      moduliFile = opt types.path "/etc/ssh/moduli";
      settings = settings keywords {
        AcceptEnv = opt (types.nullOr (if since "26.05" then types.listOf types.str else types.either types.str (types.listOf types.str))) null;
        AllowGroups = maybe (types.listOf types.str);
        AllowUsers = maybe (types.listOf types.str);
        DenyGroups = maybe (types.listOf types.str);
        DenyUsers = maybe (types.listOf types.str);
        AuthorizedPrincipalsFile = maybe types.str // {
          default = "none";
        };
        Ciphers = maybe (types.listOf types.str) // {
          default = [
            "chacha20-poly1305@openssh.com"
            "aes256-gcm@openssh.com"
            "aes128-gcm@openssh.com"
            "aes256-ctr"
            "aes192-ctr"
            "aes128-ctr"
          ];
        };
        KexAlgorithms = maybe (types.listOf types.str) // {
          default = [
            "mlkem768x25519-sha256"
            "sntrup761x25519-sha512"
            "curve25519-sha256"
          ];
        };
        Macs = maybe (types.listOf types.str) // {
          default = [
            "hmac-sha2-512-etm@openssh.com"
            "hmac-sha2-256-etm@openssh.com"
            "umac-128-etm@openssh.com"
          ];
        };
        GatewayPorts = maybe types.str // {
          default = "no";
        };
        KbdInteractiveAuthentication = maybe types.bool // {
          default = true;
        };
        PasswordAuthentication = maybe types.bool // {
          default = true;
        };
        LogLevel = opt (types.nullOr (types.enum [
          "QUIET" "FATAL" "ERROR" "INFO" "VERBOSE" "DEBUG" "DEBUG1" "DEBUG2" "DEBUG3"
        ])) "INFO";
        PermitRootLogin = opt (types.nullOr (types.enum [
          "yes" "without-password" "prohibit-password" "forced-commands-only" "no"
        ])) "prohibit-password";
        PrintMotd = maybe types.bool // {
          default = false;
        };
        StrictModes = maybe types.bool // {
          default = true;
        };
        UseDns = maybe types.bool // {
          default = false;
        };
        UsePAM = maybe types.bool // {
          default = true;
        };
        X11Forwarding = maybe types.bool // {
          default = false;
        };
      };
    } // (if since "26.05" then {
      generateHostKeys = opt types.bool config.services.openssh.enable;
      enableRecommendedAlgorithms = on;
    } else {
      banner = maybe types.lines;
    });
    sshguard.enable = off;
    fail2ban = {
      enable = off;
      package = package pkgs "fail2ban";
      packageFirewall = opt types.package pkgs.iptables;
      extraPackages = packages;
      banaction = str (if config.networking.nftables.enable then "nftables-multiport" else "iptables-multiport");
      banaction-allports = str (if config.networking.nftables.enable then "nftables-allports" else "iptables-allports");
      maxretry = opt types.ints.unsigned 3;
      bantime = maybe types.str // {
        default = "10m";
      };
      bantime-increment = {
        enable = off;
        rndtime = maybe types.str;
        maxtime = maybe types.str;
        factor = maybe types.str;
        formula = maybe types.str;
        multipliers = maybe types.str;
        overalljails = maybe types.bool;
      };
      ignoreIP = strings;
      daemonSettings = opt ini { };
      jails = opt (types.attrsOf (
        types.either types.lines (
          types.submodule (
            { name, ... }:
            {
              options = {
                enabled = on;
                filter = opt (types.nullOr (types.either types.str ini)) null;
                settings = settings (types.attrsOf (types.oneOf [ types.bool types.int types.str types.float types.package types.path ])) { };
              };
            }
          )
        )
      )) { };
    };
    tailscale = {
      enable = off;
      package = package pkgs "tailscale";
      port = opt types.port 41641;
      interfaceName = str "tailscale0";
      permitCertUid = maybe types.nonEmptyStr;
      disableTaildrop = off;
      disableUpstreamLogging = off;
      authKeyFile = maybe types.path;
      authKeyParameters = record {
        ephemeral = maybe types.bool;
        preauthorized = maybe types.bool;
        baseURL = maybe types.str;
      };
      openFirewall = off;
      useRoutingFeatures = opt (types.enum [ "none" "client" "server" "both" ]) "none";
      extraUpFlags = strings;
      extraSetFlags = strings;
      extraDaemonFlags = strings;
    } // lib.optionalAttrs (since "26.05") {
      serve = {
        enable = off;
        services = setOf types.anything;
      };
    };
    avahi = {
      enable = off;
      nssmdns4 = off;
      nssmdns6 = off;
      openFirewall = on;
      publish = {
        enable = off;
        addresses = off;
        workstation = off;
      };
    };
    eternal-terminal.enable = off;
  };
}
