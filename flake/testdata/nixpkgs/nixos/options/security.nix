# security.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  options = [
    "NOPASSWD" "PASSWD" "NOEXEC" "EXEC" "SETENV" "NOSETENV" "LOG_INPUT" "NOLOG_INPUT" "LOG_OUTPUT"
    "NOLOG_OUTPUT" "MAIL" "NOMAIL" "FOLLOW" "NOFOLLOW" "INTERCEPT" "NOINTERCEPT"
  ];
  sudo = {
    wheelNeedsPassword = on;
    execWheelOnly = off;
    configFile = lines;
    extraConfig = lines;
    extraRules = opt (types.listOf (sub {
      users = opt (types.listOf (types.either types.str types.int)) [ ];
      groups = opt (types.listOf (types.either types.str types.int)) [ ];
      host = str "ALL";
      runAs = str "ALL:ALL";
      commands = must (types.listOf (
        types.either types.str (sub {
          command = must types.str;
          options = opt (types.listOf (types.enum options)) [ ];
        })
      ));
    })) [ ];
  };
in
{
  options.security = {
    sudo = sudo // {
      enable = on;
      package = package pkgs "sudo";
      defaultOptions = opt (types.listOf types.str) [ "SETENV" ];
      keepTerminfo = opt types.bool config.security.sudo.enable;
    };
    sudo-rs = sudo // {
      enable = off;
      package = package pkgs "sudo-rs";
      defaultOptions = opt (types.listOf (types.enum options)) [ "SETENV" ];
    };
    doas = {
      enable = off;
      wheelNeedsPassword = on;
      extraConfig = lines;
      extraRules = opt (types.listOf (sub {
        noPass = off;
        noLog = off;
        persist = off;
        keepEnv = off;
        setEnv = strings;
        users = opt (types.listOf (types.either types.str types.int)) [ ];
        groups = opt (types.listOf (types.either types.str types.int)) [ ];
        runAs = maybe types.str;
        cmd = maybe types.str;
        args = maybe (types.listOf types.str);
      })) [ ];
    };
    polkit = {
      enable = off;
      extraConfig = lines;
      adminIdentities = opt (types.listOf types.str) [ "unix-group:wheel" ];
    };
    rtkit = {
      enable = off;
      args = strings;
    };
    pam = {
      services = opt (types.attrsOf (
        types.submodule {
          freeformType = types.attrsOf types.anything;
          options = {
            enable = on;
            allowNullPassword = off;
            startSession = off;
            unixAuth = on;
            rootOK = off;
            sshAgentAuth = off;
            enableGnomeKeyring = off;
            text = maybe types.lines;
          };
        }
      )) { };
      loginLimits = opt (types.listOf (sub {
        domain = must types.str;
        type = must (types.enum [ "-" "hard" "soft" ]);
        item = must types.str;
        value = must (types.oneOf [ types.str types.int ]);
      })) [ ];
      sshAgentAuth.enable = off;
    };
    pki = {
      certificates = strings;
      certificateFiles = opt (types.listOf types.path) [ ];
      installCACerts = on;
    };
    apparmor.enable = off;
    audit.enable = opt (types.enum [ false true "lock" ]) false;
    auditd.enable = off;
    protectKernelImage = off;
    lockKernelModules = off;
    unprivilegedUsernsClone = off;
    allowUserNamespaces = on;
    tpm2.enable = off;
    wrappers = setOf types.anything;
    acme = {
      acceptTerms = off;
      defaults = settings (types.attrsOf types.anything) { email = maybe types.str; };
      certs = setOf types.anything;
    };
    shadow.enable = on;
    loginDefs.settings = setOf types.anything;
  };
}
