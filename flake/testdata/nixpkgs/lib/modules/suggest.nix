# "Did you mean": the options beside the wrong one, the nearest three.
# From 26.05.
lib: prefix: path: options:
let
  wrong = lib.last path;
  above = lib.init path;
  siblings = builtins.attrNames (
    builtins.removeAttrs (lib.attrByPath above { } options) [ "_module" ]
  );
  near = lib.take 3 (lib.sortOn (lib.levenshtein wrong) siblings);
  quoted = map (n: "`${lib.showOption (prefix ++ above ++ [ n ])}'") near;
in
if lib.versionOlder lib.trivial.release "26.05" || near == [ ] then
  ""
else
  "\n\nDid you mean ${
    if builtins.length quoted == 1 then
      builtins.head quoted
    else
      "${lib.concatStringsSep ", " (lib.init quoted)} or ${lib.last quoted}"
  }?"
