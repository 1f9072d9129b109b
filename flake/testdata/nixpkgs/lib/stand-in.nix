# What only the stand-in has.
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
  isSet = o: o.isDefined && o.highestPrio < 1500;
in
{
  # Looks at everything that somebody set, as a system would that uses it: a
  # value of a wrong type or a missing one is an error then.
  settled =
    options: builtins.all (o: force 8 o.value) (builtins.filter isSet (lib.collectOptions options));
}
