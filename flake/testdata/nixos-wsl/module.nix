{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  opt =
    type: default:
    mkOption {
      inherit type default;
      description = "See the manual of NixOS-WSL.";
    };
  on = opt types.bool true;
  off = opt types.bool false;
  atom = types.nullOr (types.oneOf [ types.bool types.int types.float types.str ]);
  section = options: opt (types.submodule {
    freeformType = types.attrsOf atom;
    inherit options;
  }) { };
  cfg = config.wsl;
in
{
  _file = "nixos-wsl/module.nix";
  imports = [
    (lib.mkRemovedOptionModule [ "wsl" "docker-native" ] "Additional workarounds are no longer required for Docker to work. Please use the standard `virtualisation.docker` NixOS options.")
    (lib.mkRemovedOptionModule [ "wsl" "nativeSystemd" ] "Native systemd is now always enabled as support for syschdemd has been removed")
    (lib.mkRemovedOptionModule [ "wsl" "interop" "preserveArgvZero" ] "wsl.interop.preserveArgvZero is now always enabled")
    (lib.mkRemovedOptionModule [ "wsl" "tarball" "includeConfig" ] "The tarball is now always generated with a configuration")
    (lib.mkRenamedOptionModule [ "wsl" "automountPath" ] [ "wsl" "wslConf" "automount" "root" ])
    (lib.mkRenamedOptionModule [ "wsl" "automountOptions" ] [ "wsl" "wslConf" "automount" "options" ])
    (lib.mkRenamedOptionModule [ "wsl" "docker" "enable" ] [ "wsl" "docker-desktop" "enable" ])
  ];
  options.wsl = {
    enable = off;
    defaultUser = opt types.str "nixos";
    startMenuLaunchers = off;
    useWindowsDriver = off;
    populateBin = on;
    binShPkg = opt types.package pkgs.bash;
    extraBin = opt (types.listOf (types.submodule {
      options = {
        src = mkOption {
          type = types.str;
          description = "See the manual of NixOS-WSL.";
        };
        name = opt (types.nullOr types.str) null;
        copy = off;
      };
    })) [ ];
    docker-desktop.enable = off;
    usbip = {
      enable = off;
      autoAttach = opt (types.listOf types.str) [ ];
      snippetIpAddress = opt types.str "";
    };
    ssh-agent.enable = off;
    interop = {
      register = off;
      includePath = on;
    };
    wslConf = opt (types.submodule {
      freeformType = types.attrsOf (types.attrsOf atom);
      options = {
        automount = section {
          enabled = on;
          root = opt (types.strMatching "^/.*[^/]$") "/mnt";
          options = opt types.str "metadata,uid=1000,gid=100";
          mountFsTab = off;
          ldconfig = off;
        };
        boot = section {
          systemd = on;
          command = opt types.str "";
          initTimeout = opt types.int 10000;
        };
        interop = section {
          enabled = on;
          appendWindowsPath = on;
        };
        network = section {
          generateHosts = on;
          generateResolvConf = on;
          hostname = opt types.str config.networking.hostName;
        };
        user = section { default = opt types.str cfg.defaultUser; };
      };
    }) { };
  };
  config = lib.mkIf cfg.enable {
    boot = {
      bootspec.enable = false;
      initrd.enable = false;
      kernel.enable = false;
      loader.grub.enable = false;
      modprobeConfig.enable = false;
    };
    console.enable = false;
    system.build.installBootLoader = "${pkgs.coreutils}/bin/true";
    hardware.graphics.enable = true;
    networking.dhcpcd.enable = false;
    networking.resolvconf.enable = lib.mkIf cfg.wslConf.network.generateResolvConf false;
    services.timesyncd.enable = false;
    users.users.${cfg.defaultUser} = {
      isNormalUser = true;
      uid = lib.mkDefault 1000;
      extraGroups = [ "wheel" ];
    };
    users.users.root.extraGroups = [ "root" ];
    wsl.extraBin = [
      {
        src = "/init";
        name = "wslpath";
      }
      { src = "${pkgs.util-linux}/bin/mount"; }
      { src = "${pkgs.bashInteractive}/bin/bash"; }
    ];
    security.sudo.wheelNeedsPassword = lib.mkDefault false;
    powerManagement.enable = false;
    warnings =
      lib.optional (config.services.resolved.enable && cfg.wslConf.network.generateResolvConf)
        "systemd-resolved is enabled, but resolv.conf is managed by WSL (wsl.wslConf.network.generateResolvConf)"
      ++ lib.optional (config.networking.nameservers != [ ] && cfg.wslConf.network.generateResolvConf)
        "custom nameservers are set (networking.nameservers), but resolv.conf is managed by WSL (wsl.wslConf.network.generateResolvConf)";
  };
}
