# Every module of the tree. Each declares its options and does nothing until
# its `enable` is set: a configuration of configurations/ does that, or you.
{
  imports = [
    ./base/nix.nix
    ./base/storage.nix
    ./base/unfree.nix
    ./desktop/kde-plasma.nix
    ./desktop/remote-access.nix
    ./nixdeploy
    ./secrets
    ./services/container.nix
    ./services/development.nix
    ./services/networking.nix
    ./users
  ];
}
