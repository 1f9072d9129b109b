# Turns the overrides of one machine into modules, one for each: an error then
# names the line's place in hosts.toml instead of a file of this tree.
#
# An override is { path, priority, value, file }, and a host's alone: targets
# have none. Of the three priorities the strongest wins.
{ lib }:
let
  priorities = {
    default = lib.mkDefault;
    plain = value: value;
    force = lib.mkForce;
  };
  toModule = override: {
    _file = override.file;
    config = lib.setAttrByPath override.path (priorities.${override.priority} override.value);
  };
in
map toModule
