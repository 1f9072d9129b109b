# Types that are made of other types.
lib:
let
  inherit (lib.types) mkOptionType phrase;
  inherit (lib.modules) mergeDefinitions;
  notConjunction = class: class != "conjunction";
  alone = class: class == "noun" || class == "composite";

  # Merged children by name, those without a value left out.
  children =
    elem: loc: defs:
    builtins.zipAttrsWith (n: ds: mergeDefinitions (loc ++ [ n ]) elem ds) (
      map (d: builtins.mapAttrs (_: value: { inherit (d) file; inherit value; }) d.value) defs
    );
  setOf =
    name: lazy: elem:
    mkOptionType {
      inherit name;
      description = "${if lazy then "lazy " else ""}attribute set of ${phrase alone elem}";
      descriptionClass = "composite";
      headed = true;
      check = builtins.isAttrs;
      merge =
        loc: defs:
        let
          all = children elem loc defs;
        in
        if lazy then
          builtins.mapAttrs (_: c: c.lazyValue) all
        else
          builtins.mapAttrs (_: c: c.value) (lib.filterAttrs (_: c: c.isDefined) all);
      meta = loc: defs: { attrs = builtins.mapAttrs (_: c: c.meta) (children elem loc defs); };
      emptyValue.value = { };
      nestedTypes.elemType = elem;
      inherit (elem) getSubModules;
      substSubModules = m: setOf name lazy (elem.substSubModules m);
      getSubOptions = prefix: elem.getSubOptions (prefix ++ [ "<name>" ]);
      typeMerge =
        o:
        let
          joined = elem.typeMerge o.nestedTypes.elemType;
        in
        if o.name == name && joined != null then setOf name lazy joined else null;
    };
in
rec {
  attrsOf = setOf "attrsOf" false;
  lazyAttrsOf = setOf "lazyAttrsOf" true;
  attrsWith =
    {
      elemType,
      lazy ? false,
      placeholder ? "name",
    }:
    setOf (if lazy then "lazyAttrsOf" else "attrsOf") lazy elemType;
  listOf =
    elem:
    let
      entries =
        loc: defs:
        builtins.concatLists (
          lib.imap1 (
            i: d:
            lib.imap1 (
              j: value:
              mergeDefinitions (loc ++ [ "[definition ${toString i}-entry ${toString j}]" ]) elem [
                {
                  inherit (d) file;
                  inherit value;
                }
              ]
            ) d.value
          ) defs
        );
    in
    mkOptionType {
      name = "listOf";
      description = "list of ${phrase alone elem}";
      descriptionClass = "composite";
      headed = true;
      check = builtins.isList;
      merge = loc: defs: map (e: e.value) (builtins.filter (e: e.isDefined) (entries loc defs));
      meta = loc: defs: { list = map (e: e.meta) (entries loc defs); };
      emptyValue.value = [ ];
      nestedTypes.elemType = elem;
      inherit (elem) getSubModules;
      substSubModules = m: listOf (elem.substSubModules m);
      getSubOptions = prefix: elem.getSubOptions (prefix ++ [ "*" ]);
      typeMerge =
        o:
        let
          joined = elem.typeMerge o.nestedTypes.elemType;
        in
        if o.name == "listOf" && joined != null then listOf joined else null;
    };
  nonEmptyListOf =
    elem:
    let
      list = listOf elem;
    in
    list
    // {
      description = "non-empty ${list.description}";
      emptyValue = { };
      check = x: builtins.isList x && x != [ ];
    };
  nullOr =
    elem:
    mkOptionType {
      name = "nullOr";
      description = "null or ${phrase notConjunction elem}";
      descriptionClass = "conjunction";
      check = x: x == null || elem.check x;
      merge =
        loc: defs:
        if builtins.all (d: d.value == null) defs then
          null
        else if builtins.any (d: d.value == null) defs then
          throw "The option `${lib.showOption loc}' is defined both null and not null, in ${lib.showFiles (map (d: d.file) defs)}."
        else
          elem.merge loc defs;
      meta = loc: defs: if builtins.any (d: d.value == null) defs then { } else elem.meta loc defs;
      emptyValue.value = null;
      nestedTypes.elemType = elem;
      inherit (elem) getSubModules getSubOptions;
      substSubModules = m: nullOr (elem.substSubModules m);
      typeMerge =
        o:
        let
          joined = elem.typeMerge o.nestedTypes.elemType;
        in
        if o.name == "nullOr" && joined != null then nullOr joined else null;
    };
  uniq = lib.types.unique { message = ""; };
  unique =
    { message }:
    type:
    type
    // {
      name = "unique";
      merge = lib.options.mergeUniqueOption {
        inherit message;
        inherit (type) merge;
      };
    };
  functionTo =
    elem:
    mkOptionType {
      name = "functionTo";
      description = "function that evaluates to a(n) ${phrase alone elem}";
      descriptionClass = "composite";
      check = lib.isFunction;
      merge =
        loc: defs: arg:
        (mergeDefinitions (loc ++ [ "<function body>" ]) elem (
          map (d: d // { value = d.value arg; }) defs
        )).value;
      nestedTypes.elemType = elem;
    };
  either =
    a: b:
    mkOptionType {
      name = "either";
      description = "${phrase notConjunction a} or ${
        phrase (class: class == "noun" || class == "conjunction" || class == "composite") b
      }";
      descriptionClass = "conjunction";
      check = x: a.check x || b.check x;
      merge =
        loc: defs:
        if builtins.all (d: a.check d.value) defs then
          a.merge loc defs
        else if builtins.all (d: b.check d.value) defs then
          b.merge loc defs
        else
          lib.options.mergeOneOption loc defs;
      meta =
        loc: defs:
        if builtins.all (d: a.check d.value) defs then
          a.meta loc defs
        else if builtins.all (d: b.check d.value) defs then
          b.meta loc defs
        else
          { };
      nestedTypes = {
        left = a;
        right = b;
      };
    };
  oneOf = ts: builtins.foldl' either (builtins.head ts) (builtins.tail ts);
  coercedTo =
    from: coerce: to:
    mkOptionType {
      name = "coercedTo";
      description = "${phrase notConjunction to} or ${phrase notConjunction from} convertible to it";
      descriptionClass = "conjunction";
      check = x: (from.check x && to.check (coerce x)) || to.check x;
      merge =
        loc: defs:
        to.merge loc (map (d: if from.check d.value then d // { value = coerce d.value; } else d) defs);
      meta =
        loc: defs:
        to.meta loc (map (d: if from.check d.value then d // { value = coerce d.value; } else d) defs);
      inherit (to) emptyValue getSubModules getSubOptions;
      substSubModules = m: coercedTo from coerce (to.substSubModules m);
    };
  addCheck = type: check: type // { check = x: type.check x && check x; };
  defaultFunctor = name: { inherit name; };
}
