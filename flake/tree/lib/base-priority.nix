# The priority of everything that this tree sets by itself. It is weaker than
# mkDefault (1000) and stronger than an option's own default (1500), so that a
# mkDefault of hosts.toml, or of a module of yours, replaces it instead of
# conflicting with it.
#
# Lists that should grow (packages, rules) are set plainly instead: a list at a
# weak priority is dropped as a whole once anybody sets the option.
lib: lib.mkOverride 1100
