# User-specific tools: what the people of hosts.toml have in their own profile,
# whatever the machine's package profile. Home modules add theirs.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.nixdeploy.userPackages;
  lists = import ../shared/package-lists.nix { inherit lib pkgs; };
in
{
  options.nixdeploy.userPackages.enable = lib.mkEnableOption "the packages of each user of nixdeploy.users";

  config = lib.mkIf cfg.enable {
    users.users = builtins.mapAttrs (_: _: {
      packages = lists.personal ++ lib.optionals (config.nixdeploy.target == "wsl") lists.personalWsl;
    }) config.nixdeploy.users;
  };
}
