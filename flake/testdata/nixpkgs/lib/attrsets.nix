lib:
let
  inherit (builtins)
    attrNames
    head
    isAttrs
    length
    listToAttrs
    ;
in
{
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    getAttr
    hasAttr
    intersectAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    zipAttrsWith
    ;
  nameValuePair = name: value: { inherit name value; };
  optionalAttrs = condition: set: if condition then set else { };
  mapAttrs' = f: set: listToAttrs (map (n: f n set.${n}) (attrNames set));
  mapAttrsToList = f: set: map (n: f n set.${n}) (attrNames set);
  attrsToList = lib.mapAttrsToList lib.nameValuePair;
  concatMapAttrs = f: set: lib.mergeAttrsList (lib.mapAttrsToList f set);
  mergeAttrsList = builtins.foldl' (a: b: a // b) { };
  filterAttrs =
    pred: set: builtins.removeAttrs set (builtins.filter (n: !pred n set.${n}) (attrNames set));
  filterAttrsRecursive =
    pred: set:
    builtins.mapAttrs (_: v: if isAttrs v then lib.filterAttrsRecursive pred v else v) (
      lib.filterAttrs pred set
    );
  genAttrs = names: f: listToAttrs (map (n: lib.nameValuePair n (f n)) names);
  genAttrs' = items: f: listToAttrs (map f items);
  getAttrs = names: set: lib.genAttrs names (n: set.${n});
  attrVals = names: set: map (n: set.${n}) names;
  foldlAttrs =
    f: nul: set:
    builtins.foldl' (acc: n: f acc n set.${n}) nul (attrNames set);
  mapAttrsRecursive = lib.mapAttrsRecursiveCond (_: true);
  mapAttrsRecursiveCond =
    cond: f: set:
    let
      go =
        path:
        builtins.mapAttrs (
          n: v: if isAttrs v && cond v then go (path ++ [ n ]) v else f (path ++ [ n ]) v
        );
    in
    go [ ] set;
  collect =
    pred: x:
    if pred x then
      [ x ]
    else if isAttrs x then
      builtins.concatMap (lib.collect pred) (builtins.attrValues x)
    else
      [ ];
  hasAttrByPath =
    path: set:
    path == [ ]
    || (isAttrs set && set ? ${head path} && lib.hasAttrByPath (lib.drop 1 path) set.${head path});
  attrByPath =
    path: fallback: set:
    if lib.hasAttrByPath path set then lib.getAttrFromPath path set else fallback;
  getAttrFromPath =
    path: set:
    builtins.foldl' (
      s: n: s.${n} or (throw "cannot find attribute '${lib.concatStringsSep "." path}'")
    ) set path;
  setAttrByPath =
    path: value:
    if path == [ ] then value else { ${head path} = lib.setAttrByPath (lib.drop 1 path) value; };
  updateManyAttrsByPath =
    updates: set:
    builtins.foldl' (
      s: u:
      lib.recursiveUpdate s (lib.setAttrByPath u.path (u.update (lib.attrByPath u.path { } s)))
    ) set updates;
  recursiveUpdateUntil =
    pred: a: b:
    let
      go =
        path: a: b:
        a
        // builtins.mapAttrs (
          n: v:
          if a ? ${n} && !pred (path ++ [ n ]) a.${n} v then go (path ++ [ n ]) a.${n} v else v
        ) b;
    in
    go [ ] a b;
  recursiveUpdate = lib.recursiveUpdateUntil (_: a: b: !(isAttrs a && isAttrs b));
  isDerivation = x: x.type or null == "derivation";
  toDerivation = x: x;
  recurseIntoAttrs = set: set // { recurseForDerivations = true; };
  dontRecurseIntoAttrs = set: set // { recurseForDerivations = false; };
  cartesianProduct =
    sets:
    builtins.foldl' (
      acc: n: builtins.concatMap (s: map (v: s // { ${n} = v; }) sets.${n}) acc
    ) [ { } ] (attrNames sets);
  getOutput =
    output: pkg: if pkg ? outputSpecified && pkg.outputSpecified then pkg else pkg.${output} or pkg;
  getBin = lib.getOutput "bin";
  getLib = lib.getOutput "lib";
  getDev = lib.getOutput "dev";
  getMan = lib.getOutput "man";
  zipAttrs = builtins.zipAttrsWith (_: values: values);
  foldAttrs =
    op: nul: sets:
    builtins.zipAttrsWith (_: values: lib.foldr op nul values) sets;
  matchAttrs =
    pattern: set:
    builtins.all (
      n:
      set ? ${n}
      && (if isAttrs pattern.${n} then lib.matchAttrs pattern.${n} set.${n} else pattern.${n} == set.${n})
    ) (attrNames pattern);
  showAttrPath =
    path:
    if length path == 0 then
      "<root attribute path>"
    else
      lib.concatMapStringsSep "." lib.strings.escapeNixIdentifier path;
}
