# Users that NixOS makes itself, and what it refuses.
{ declare, lib, since }:
{ config, pkgs, ... }:
let
  cfg = config.users;
  users = builtins.filter (u: u.enable) (builtins.attrValues cfg.users);
  inWheel = u: builtins.elem "wheel" u.extraGroups || builtins.elem u.name (cfg.groups.wheel.members or [ ]) || u.group == "wheel";
  mayLogIn =
    u:
    u.hashedPassword != null
    || u.password != null
    || u.hashedPasswordFile != null
    || (cfg.mutableUsers && (u.initialHashedPassword != null || u.initialPassword != null))
    || u.openssh.authorizedKeys.keys != [ ]
    || u.openssh.authorizedKeys.keyFiles != [ ];
  uids = builtins.filter (uid: uid != null) (map (u: u.uid) users);
  noGroup = builtins.filter (u: u.group != "" && !(cfg.groups ? ${u.group})) users;
in
{
  users.users = {
    root = {
      isSystemUser = true;
      group = "root";
      uid = 0;
      description = "System administrator";
      home = "/root";
    };
    nobody = {
      isSystemUser = true;
      group = "nogroup";
      description = "Unprivileged account (don't use!)";
    };
    messagebus = {
      isSystemUser = true;
      group = "messagebus";
    };
    sshd = lib.mkIf config.services.openssh.enable {
      isSystemUser = true;
      group = "sshd";
      description = "SSH privilege separation user";
    };
    xrdp = lib.mkIf config.services.xrdp.enable {
      isSystemUser = true;
      group = "xrdp";
    };
  };
  users.groups =
    lib.genAttrs [
      "root" "wheel" "disk" "kmem" "tty" "floppy" "uucp" "lp" "cdrom" "tape" "audio" "video" "dialout" "nogroup"
      "users" "nixbld" "utmp" "adm" "input" "kvm" "render" "sgx" "shadow" "messagebus" "systemd-journal" "keys"
    ] (_: { })
    // {
      sshd = lib.mkIf config.services.openssh.enable { };
      xrdp = lib.mkIf config.services.xrdp.enable { };
      docker = lib.mkIf config.virtualisation.docker.enable { };
      podman = lib.mkIf config.virtualisation.podman.enable { };
      networkmanager = lib.mkIf config.networking.networkmanager.enable { };
      libvirtd = lib.mkIf config.virtualisation.libvirtd.enable { };
      wireshark = lib.mkIf config.programs.wireshark.enable { };
      pipewire = lib.mkIf config.services.pipewire.enable { };
      rtkit = lib.mkIf config.security.rtkit.enable { };
    };
  assertions =
    lib.concatMap (u: [
      {
        assertion = u.isNormalUser != u.isSystemUser;
        message = "Exactly one of users.users.${u.name}.isSystemUser and users.users.${u.name}.isNormalUser must be set.";
      }
      {
        assertion = u.group != "";
        message = "users.users.${u.name}.group is unset. This used to default to\nnogroup, but this is unsafe. For example you can create a group\nfor this user with:\nusers.users.${u.name}.group = \"${u.name}\";\nusers.groups.${u.name} = {};";
      }
    ]) users
    ++ [
      {
        assertion = !cfg.enforceIdUniqueness || lib.unique uids == uids;
        message = "UIDs and GIDs must be unique!";
      }
      {
        assertion = noGroup == [ ];
        message = "The following users have a primary group that is undefined: ${lib.concatMapStringsSep " " (u: u.name) noGroup}\nHint: Add this to your NixOS configuration:\n  ${lib.concatMapStringsSep "\n  " (u: "users.groups.${u.group} = {};") noGroup}";
      }
      {
        assertion =
          cfg.mutableUsers
          || cfg.allowNoPasswordLogin
          || builtins.any (u: (u.name == "root" || inWheel u) && mayLogIn u) users;
        message = "Neither the root account nor any wheel user has a password or SSH authorized key.\nYou must set one to prevent being locked out of your system.\nIf you really want to be locked out of your system, set users.allowNoPasswordLogin = true;\nHowever you are most probably better off by setting users.mutableUsers = true; and\nmanually running passwd root to set the root password.";
      }
    ];
}
