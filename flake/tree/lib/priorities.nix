# The layers of the tree, each stronger than the one before it. What a layer
# sets beats an option's own default (1500) and gives way to every mkDefault
# (1000), plain value (100) and mkForce (50) of hosts.toml or of a module of
# yours, without a conflict.
#
# Lists that should grow (packages, ports, rules, keys) are set plainly instead:
# a list at a weak priority is dropped as a whole once anybody sets the option.
lib: {
  # What stands in for facts of a machine that nobody has described: weaker than
  # all of the layers.
  placeholder = lib.mkOverride 1450;

  base = lib.mkOverride 1400;
  hardware = lib.mkOverride 1350;
  service = lib.mkOverride 1300;
  desktop = lib.mkOverride 1250;
  target = lib.mkOverride 1200;
  # What hosts.toml and hosts/HOST/facts.json say of one machine.
  host = lib.mkOverride 1100;

  # NixOS and nixos-generate-config set some things by mkDefault, which beats
  # all of the layers. Where the tree has to win, it says why, and a mkDefault
  # of hosts.toml does not reach it there: a plain value does.
  overNixos = lib.mkOverride 990;
}
