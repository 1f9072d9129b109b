# People: the users of hosts.toml, with their keys, their rights and which home
# modules they get. How home-manager comes by the latter is in home.nix, which
# needs that flake input and is therefore imported by configurations/base.nix.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
  inherit (lib) mkOption types;
  cfg = config.nixdeploy;

  homeModules = {
    ai-assistants = "AI command line tools";
    editors = "Neovim";
    shell = "the shell environment";
    terminal = "terminal tools";
    tools = "development utilities";
  };

  person = {
    options = {
      description = mkOption {
        type = types.str;
        default = "";
        description = "The person's name.";
      };
      keys = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Public ssh keys that let the user in. There is no other way: passwords are not taken.";
      };
      admin = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the user may become root (group wheel), and use Docker where it runs, which is the same.";
      };
      home = builtins.mapAttrs (name: what: {
        enable = mkOption {
          type = types.bool;
          default = cfg.home.${name}.enable;
          description = "Whether the user gets ${what}, see home-modules/${name}.";
        };
      }) homeModules;
    };
  };

  # An account without a password cannot type one.
  passwordless = lib.filter (
    name:
    cfg.users.${name}.admin
    && config.users.users.${name}.hashedPassword == null
    && config.users.users.${name}.hashedPasswordFile == null
  ) (builtins.attrNames cfg.users);
  sudoRules = lib.optional (passwordless != [ ]) {
    users = passwordless;
    commands = [
      {
        command = "ALL";
        options = [ "NOPASSWD" ];
      }
    ];
  };
in
{
  options.nixdeploy = {
    users = mkOption {
      type = types.attrsOf (types.submodule person);
      default = { };
      description = "The people who have an account on this machine.";
    };
    home = builtins.mapAttrs (name: what: {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = "Whether users of this machine get ${what}, unless they say otherwise.";
      };
    }) homeModules;
  };

  config = lib.mkIf (cfg.users != { }) {
    users.users = builtins.mapAttrs (_: user: {
      isNormalUser = layer.service true;
      description = layer.service user.description;
      openssh.authorizedKeys = { inherit (user) keys; };
      extraGroups = lib.optionals user.admin (
        [ "wheel" ] ++ lib.optional config.virtualisation.docker.enable "docker"
      );
    }) cfg.users;

    # The rule of the one that is not in use does nothing.
    security.sudo.extraRules = sudoRules;
    security.sudo-rs.extraRules = sudoRules;
  };
}
