# The user that nixdeploy connects as. It is equivalent to root: whoever may
# switch a machine to any configuration may do anything there.
{ config, lib, ... }:
let
  layer = import ../../lib/priorities.nix lib;
  inherit (config.nixdeploy) user elevate requireKey;
  own = user != "root";
  keys = config.users.users.${user}.openssh.authorizedKeys;
  sudoRules = [
    {
      users = [ user ];
      commands = [
        {
          command = "ALL";
          options = [ "NOPASSWD" ];
        }
      ];
    }
  ];
in
{
  config = lib.mkIf config.nixdeploy.host.enable (
    lib.mkMerge [
      (lib.mkIf own {
        users.users.${user} = {
          isNormalUser = layer.base true;
          description = layer.base "nixdeploy";
          # Also where security.sudo.execWheelOnly is set.
          extraGroups = [ "wheel" ];
        };
      })
      (lib.mkIf (own && elevate == "sudo") {
        # The rule of sudo-rs does nothing where sudo is used, and the other way
        # round.
        security.sudo.extraRules = sudoRules;
        security.sudo-rs.extraRules = sudoRules;
      })
      (lib.mkIf (own && elevate == "doas") {
        security.doas.enable = layer.base true;
        security.doas.extraRules = [
          {
            users = [ user ];
            noPass = true;
          }
        ];
      })
      {
        assertions = [
          {
            # root is let in by what already lies on the machine, too.
            assertion = !own || !requireKey || keys.keys != [ ] || keys.keyFiles != [ ];
            message = ''
              nixdeploy connects as ${user}, and ${user} would have no ssh key here: the next deployment could not log in.
              Give it keys in hosts.toml ([users.${user}], or users.users.${user}.openssh.authorizedKeys.keys as an override), or set nixdeploy.requireKey = false.'';
          }
        ];
      }
    ]
  );
}
