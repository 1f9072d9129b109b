# What only the stand-in has: it looks at everything that somebody set, as a
# system would that uses it, so that a value of a wrong type or a missing one is
# an error.
lib:
let
  force =
    depth: v:
    if depth == 0 || lib.isFunction v then
      true
    else if builtins.isAttrs v then
      lib.isDerivation v || v ? _type || builtins.all (force (depth - 1)) (builtins.attrValues v)
    else if builtins.isList v then
      builtins.all (force (depth - 1)) v
    else
      builtins.seq v true;
  # A value with what its type says of the evaluations below it.
  look =
    meta: v:
    if meta ? configuration then
      let
        inherit (meta.configuration) options config;
        declared = builtins.filter (o: isSet o || o.visible or true) (
          lib.collectOptions (
            builtins.removeAttrs options [
              "assertions"
              "warnings"
              "lib"
            ]
          )
        );
      in
      builtins.all (o: look o.valueMeta o.value) declared
      && force 8 (builtins.removeAttrs config (builtins.attrNames options))
    else if meta ? attrs && builtins.isAttrs v then
      builtins.all (n: look meta.attrs.${n} v.${n}) (
        builtins.filter (n: v ? ${n}) (builtins.attrNames meta.attrs)
      )
    else if meta ? list && builtins.isList v && builtins.length v == builtins.length meta.list then
      builtins.all (x: x) (lib.zipListsWith look meta.list v)
    else
      force 8 v;
  # A definition as text, without what its conditions rule out.
  show =
    depth: v:
    if depth == 0 || lib.isFunction v then
      "_"
    else if builtins.isAttrs v then
      if lib.isDerivation v then
        v.name or "?"
      else if v._type or null == "if" then
        if v.condition then show depth v.content else ""
      else if v ? _type && v ? content then
        show depth v.content
      else
        lib.concatStringsSep ";" (lib.mapAttrsToList (n: x: "${n}=${show (depth - 1) x}") v)
    else if builtins.isList v then
      lib.concatMapStringsSep "," (show (depth - 1)) v
    else if builtins.isPath v then
      toString v
    else
      builtins.toJSON v;
  isSet = o: o.isDefined && o.highestPrio < 1500;
in
{
  # All that somebody set, as text: two systems that differ have two of it.
  shown =
    options:
    builtins.unsafeDiscardStringContext (
      lib.concatMapStringsSep "\n" (o: "${lib.showOption o.loc}: ${show 8 o.definitions}") (
        builtins.filter isSet (lib.collectOptions options)
      )
    );
  settled =
    options:
    builtins.all (o: look o.valueMeta o.value) (builtins.filter isSet (lib.collectOptions options));
}
