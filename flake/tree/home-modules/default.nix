# The modules of home-manager. Each is off until nixdeploy.users.NAME.home, or
# the platform's nixdeploy.home, turns it on; modules/users/home.nix hands that
# over. What they set gives way to home-manager.users.NAME of a module of yours.
{
  imports = [
    ./ai-assistants
    ./editors
    ./shell
    ./terminal
    ./tools
  ];
}
