# What hosts.toml says of one machine, as a module of the host layer.
lib: machine:
let
  layer = import ./priorities.nix lib;
  given = name: set: lib.optionalAttrs (machine ? ${name}) (set machine.${name});

  user =
    _: account:
    lib.optionalAttrs (account ? description) { description = layer.host account.description; }
    // {
      keys = account.keys or [ ];
      admin = layer.host (account.admin or false);
      home = builtins.mapAttrs (_: enable: { enable = layer.host enable; }) (account.home or { });
    };

  # ["python3Packages" "requests"] is pkgs.python3Packages.requests.
  package =
    pkgs: path:
    lib.attrByPath path (throw ''
      extra_packages of ${
        machine.hostName or machine.target
      }: nixpkgs ${lib.trivial.release} has no package ${lib.concatStringsSep "." path}.
      Look it up at https://search.nixos.org/packages, or write it: [flake] packages or overlays.'') pkgs;
in
{ pkgs, ... }:
{
  _file = "inventory.json";
  config = lib.mkMerge [
    { nixdeploy.target = layer.host machine.target; }
    # hardware.nix sets it by mkDefault. What hosts.toml says wins.
    (given "system" (system: {
      nixpkgs.hostPlatform = layer.overNixos system;
    }))
    (given "hostName" (name: {
      networking.hostName = layer.host name;
    }))
    (given "domain" (name: {
      networking.domain = layer.host name;
    }))
    (given "user" (name: {
      nixdeploy.user = layer.host name;
    }))
    (given "elevate" (how: {
      nixdeploy.elevate = layer.host how;
    }))
    (given "packageProfile" (name: {
      nixdeploy.packageProfile = layer.host name;
    }))
    (given "timeZone" (zone: {
      time.timeZone = layer.host zone;
    }))
    (given "locale" (name: {
      i18n.defaultLocale = layer.host name;
    }))
    (given "extraPackages" (paths: {
      environment.systemPackages = map (package pkgs) paths;
    }))
    (given "tcpPorts" (ports: {
      networking.firewall.allowedTCPPorts = ports;
    }))
    (given "udpPorts" (ports: {
      networking.firewall.allowedUDPPorts = ports;
    }))
    (given "users" (users: {
      nixdeploy.users = builtins.mapAttrs user users;
    }))
  ];
}
