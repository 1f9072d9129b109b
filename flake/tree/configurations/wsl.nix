# NixOS in the Windows Subsystem for Linux: development without a desktop, with
# Docker Desktop, VS Code and the programs of Windows.
#
# There is no boot loader, no kernel and no disk of its own here, and a reboot
# is `wsl -t NAME` on Windows.
{
  config,
  inputs,
  lib,
  options,
  pkgs,
  ...
}:
let
  layer = import ../lib/priorities.nix lib;
  inherit (config.nixdeploy) user users;
  inherit (config.nixdeploy.wsl) adopted;

  # Whom a terminal of Windows logs in as: NixOS-WSL makes that user the uid 1000,
  # and lets it become root without a password. So it is never the first of a
  # list, which another name would change, and nobody who is no admin. Who deploys
  # is it only where it was so before. null where that leaves nobody, or several.
  people = removeAttrs users [ user ];
  admins = lib.filter (name: people.${name}.admin) (builtins.attrNames people);
  said = options.wsl.defaultUser.highestPrio < (lib.mkOptionDefault null).priority;
  chosen =
    if adopted != null then
      if people.${adopted}.admin or true then adopted else null
    else if lib.length admins == 1 then
      lib.head admins
    else
      null;
in
{
  imports = [
    ./base.nix
    inputs.nixos-wsl.nixosModules.default
  ];

  options.nixdeploy.wsl.adopted = lib.mkOption {
    type = lib.types.nullOr lib.types.str;
    default = null;
    internal = true;
    description = "The user with the uid 1000 when the machine was adopted, who is NixOS-WSL's default user.";
  };

  config = {
    assertions = [
      {
        # With no person in hosts.toml it is NixOS-WSL's own, nixos.
        assertion = chosen != null || said || (people == { } && adopted == null);
        message = ''
          Whom does a terminal of Windows log in as? NixOS-WSL lets that user become root without a password, and ${
            if adopted != null then
              "${adopted}, who it was, is no admin in hosts.toml"
            else
              "hosts.toml has ${if admins == [ ] then "no admin" else "several admins"}"
          }.
          Say it in hosts.toml, as an override: "wsl.defaultUser" = "NAME". It is "nixos" on a machine that is new.'';
      }
    ];

    # Where who had the uid 1000 stays, it stays theirs, and with it their files.
    users.users =
      lib.mkIf (config.wsl.defaultUser != adopted && (adopted == user || users ? ${toString adopted}))
        {
          ${config.wsl.defaultUser}.uid = layer.overNixos null;
        };

    wsl = {
      enable = layer.target true;
      # On a machine that runs, a change of it takes `nixos-rebuild boot` and
      # `wsl -t NAME`.
      defaultUser = lib.mkIf (chosen != null) (layer.target chosen);
      # Windows interop: its programs are on the PATH, and can be started.
      interop.includePath = layer.target true;
      interop.register = layer.target true;
      startMenuLaunchers = layer.target true;

      # Docker runs in Windows.
      docker-desktop.enable = layer.target true;
      # Docker Desktop looks for these in /bin, from 4.80 on.
      extraBin = [
        { src = "${pkgs.coreutils}/bin/install"; }
        { src = "${pkgs.coreutils}/bin/mv"; }
      ];
    };

    nixdeploy = {
      development.enable = layer.target true;
      # Docker Desktop's, and never both.
      development.docker.enable = layer.target false;

      packageProfile = layer.target "development";

      home = {
        ai-assistants.enable = layer.target true;
        editors.enable = layer.target true;
        terminal.enable = layer.target true;
        tools.enable = layer.target true;
      };
    };

    # Neither a disk to trim, nor a boot to clean /tmp at.
    services.fstrim.enable = layer.target false;
    boot.tmp.cleanOnBoot = layer.target false;
  };
}
