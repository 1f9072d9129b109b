# users.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options.users = {
    mutableUsers = on;
    enforceIdUniqueness = on;
    allowNoPasswordLogin = off;
    motd = maybe types.lines;
    defaultUserShell = opt (types.either types.path types.package) pkgs.bashInteractive;
    defaultUserHome = str "/home";
    users = opt (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            enable = on;
            name = opt (types.passwdEntry types.str) name;
            description = opt (types.passwdEntry types.str) "";
            uid = maybe types.int;
            isNormalUser = off;
            isSystemUser = off;
            group = str "";
            extraGroups = strings;
            home = opt (types.passwdEntry types.path) "/var/empty";
            homeMode = opt (types.strMatching "[0-7]{1,5}") "700";
            createHome = off;
            cryptHomeLuks = maybe types.str;
            pamMount = setOf types.str;
            shell = opt (types.nullOr (types.either types.package (types.passwdEntry types.path))) null;
            ignoreShellProgramCheck = off;
            useDefaultShell = off;
            linger = if since "26.05" then maybe types.bool else off;
            subUidRanges = opt (types.listOf (sub {
              startUid = must types.int;
              count = int 1;
            })) [ ];
            subGidRanges = opt (types.listOf (sub {
              startGid = must types.int;
              count = int 1;
            })) [ ];
            autoSubUidGidRange = off;
            expires = maybe (types.strMatching "[[:digit:]]{4}-[[:digit:]]{2}-[[:digit:]]{2}");
            packages = packages;
            hashedPassword = maybe (types.passwdEntry types.str);
            hashedPasswordFile = maybe types.str;
            password = maybe types.str;
            initialHashedPassword = maybe (types.passwdEntry types.str);
            initialPassword = maybe types.str;
            openssh = {
              authorizedKeys = {
                keys = opt (types.listOf types.singleLineStr) [ ];
                keyFiles = opt (types.listOf types.path) [ ];
              };
              authorizedPrincipals = opt (types.listOf types.singleLineStr) [ ];
            };
          };
          config = lib.mkIf config.isNormalUser {
            group = lib.mkDefault "users";
            createHome = lib.mkDefault true;
            home = lib.mkDefault "/home/${config.name}";
            useDefaultShell = lib.mkDefault true;
          };
        }
      )
    )) { };
    groups = opt (types.attrsOf (
      types.submodule (
        { name, ... }:
        {
          options = {
            name = opt (types.passwdEntry types.str) name;
            gid = maybe types.int;
            members = opt (types.listOf (types.passwdEntry types.str)) [ ];
          };
        }
      )
    )) { };
  };
}
