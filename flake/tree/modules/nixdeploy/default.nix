# What nixdeploy itself needs of a machine, to come back to it.
{
  imports = [
    ./container.nix
    ./options.nix
    ./ssh.nix
    ./state.nix
    ./user.nix
  ];
}
