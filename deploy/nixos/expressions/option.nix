# What `nixdeploy option` asks of a flake. flake is a locked reference, query the
# JSON of { attribute, paths }: a path is data here, never part of an expression.
#
# The module system itself keeps the winning definitions only. The others are
# found by walking the modules of the configuration, which its `type` holds, once
# more. Nothing here is NixOS: any nixosConfigurations entry will do.
{ flake, query }:
let
  inherit (builtins)
    all
    attrNames
    concatMap
    elem
    elemAt
    filter
    foldl'
    functionArgs
    genericClosure
    genList
    head
    isAttrs
    isFunction
    isPath
    isString
    length
    mapAttrs
    removeAttrs
    substring
    tail
    tryEval
    ;

  question = builtins.fromJSON query;
  source = builtins.getFlake flake;
  known = source.nixosConfigurations or { };
  configuration = known.${question.attribute};

  # Unchecked: an unknown option somewhere does not keep the others from being told.
  system =
    if configuration ? extendModules then
      configuration.extendModules {
        modules = [
          {
            _file = "nixdeploy option";
            config._module.check = {
              _type = "override";
              priority = 10;
              content = false;
            };
          }
        ];
      }
    else
      configuration;
  config = system.config // {
    _module = system._module or { };
  };

  typeOf = v: if isAttrs v then v._type or null else null;
  isOption = o: typeOf o == "option";
  plain = builtins.unsafeDiscardStringContext;
  text = v: plain (toString v);

  # The modules, as the module system collects them.

  arguments = {
    inherit config;
    inherit (system) options;
    lib = configuration.lib or system.lib or system.pkgs.lib;
  }
  // config._module.specialArgs or { };

  call =
    m:
    let
      named = if isFunction m then functionArgs m else m.__functionArgs or { };
    in
    if isFunction m || isAttrs m && m ? __functor then
      m (arguments // mapAttrs (name: _: arguments.${name} or config._module.args.${name}) named)
    else
      m;

  load =
    parent: number: m:
    let
      isFile = isPath m || isString m;
      from = if isFile then toString m else parent.file;
      value = call (if isFile then import m else m);
      # { _type = "if"; ... } in place of a module
      bare = elem (typeOf value) [
        "if"
        "merge"
        "override"
      ];
      about = if bare then { } else value;
      file = toString (about._file or from);
      key = toString (about.key or (if isFile then from else "${parent.key}:anon-${toString number}"));
    in
    {
      inherit file key;
      imports = loadAll { inherit file key; } (about.imports or [ ]);
      disabled = about.disabledModules or [ ];
      config =
        if bare then
          value
        else if about ? config || about ? options then
          about.config or { }
        else
          removeAttrs about [
            "_class"
            "_file"
            "key"
            "disabledModules"
            "freeformType"
            "imports"
            "require"
          ];
    };
  loadAll = parent: list: genList (i: load parent (i + 1) (elemAt list i)) (length list);

  first = loadAll {
    file = "<unknown-file>";
    key = "";
  } (system.type.getSubModules or null);
  closure =
    keep:
    genericClosure {
      startSet = keep first;
      operator = m: keep m.imports;
    };
  disabledKey =
    d:
    if isAttrs d then
      d.key or (text d)
    else if isString d && substring 0 1 d != "/" then
      "${toString (arguments.modulesPath or "")}/${d}"
    else
      toString d;
  disabled = map disabledKey (concatMap (m: m.disabled) (closure (list: list)));
  modules = closure (filter (m: !(elem m.key disabled)));
  # Without it, only what the module system itself tells of the winners is known.
  told = (system.type.getSubModules or null) != null;

  # Definitions: { file, value, priority (null: not said yet), conditions }.

  # Takes a definition out of mkIf, mkMerge, mkOverride and their like.
  open =
    d:
    let
      # A value that throws is a value like any other.
      v = (tryEval d.value).value;
      inner =
        {
          "if" = open (
            d
            // {
              value = v.content;
              conditions = d.conditions ++ [ v.condition ];
            }
          );
          merge = concatMap (c: open (d // { value = c; })) v.contents;
          override = open (
            d
            // {
              value = v.content;
              priority = if d.priority == null then v.priority else d.priority;
            }
          );
          order = open (d // { value = v.content; });
          definition = open (d // { inherit (v) file value; });
        }
        .${typeOf v} or [ d ];
    in
    if typeOf v == null then [ d ] else inner;
  into =
    name:
    concatMap (
      d:
      concatMap (o: if isAttrs o.value && o.value ? ${name} then [ (o // { value = o.value.${name}; }) ] else [ ]) (
        open d
      )
    );
  priorityOf = d: if d.priority == null then 100 else d.priority;
  live = filter (d: all (c: c) d.conditions);
  strongest = foldl' (best: d: if priorityOf d < best then priorityOf d else best) 9999;
  # Marks what loses at this level; what lost at an outer one has lost.
  judge =
    defs:
    let
      best = strongest (filter (d: !d.lost) defs);
    in
    map (d: d // { lost = d.lost || priorityOf d != best; }) defs;
  # One level into the winners' and losers' values. What they are worth inside is
  # said anew there, or else (`from`) told as it was.
  deeper =
    name: defs:
    judge (
      live (
        concatMap open (
          into name (
            map (
              d:
              d
              // {
                priority = null;
                from = priorityOf d;
              }
            ) defs
          )
        )
      )
    );

  definitionsAt =
    loc: rest:
    let
      every = map (m: {
        inherit (m) file;
        value = m.config;
        priority = null;
        conditions = [ ];
        lost = false;
      }) modules;
      outer = judge (live (concatMap open (foldl' (defs: name: into name defs) every loc)));
    in
    foldl' (defs: name: deeper name defs) outer rest;

  # What the module system tells by itself.
  winnersOf =
    option: rest:
    foldl' (defs: name: into name defs) (map (d: {
      inherit (d) file value;
      priority = option.highestPrio or null;
      conditions = [ ];
      lost = false;
    }) (option.definitionsWithLocations or [ ])) rest;

  # Values, as JSON can hold them.

  show =
    depth: v:
    let
      try = tryEval v;
      x = try.value;
    in
    if !try.success then
      "«does not evaluate»"
    else if isFunction x then
      "«function»"
    else if isPath x then
      text x
    else if isString x then
      plain x
    else if isAttrs x then
      if (x.type or null) == "derivation" then
        "«derivation ${text (x.name or "")}»"
      else if elem (typeOf x) [ "override" "order" "if" ] then
        show depth x.content
      else if x ? outPath || x ? __toString then
        # JSON takes such a set for its text
        shownText x
      else if isOption x then
        "«option»"
      else if depth == 0 then
        "«more»"
      else
        mapAttrs (_: show (depth - 1)) x
    else if builtins.isList x then
      if depth == 0 then "«more»" else map (show (depth - 1)) x
    else
      x;
  shownText =
    x:
    let
      try = tryEval (text x);
    in
    if try.success then try.value else "«does not evaluate»";
  shown = show 8;

  documented =
    d:
    if isString d then
      plain d
    else if isAttrs d && d ? text && isString d.text then
      plain d.text
    else
      "";

  # The option inside of a submodule that rest leads to, null for none.
  inside =
    type: rest:
    let
      element = type.nestedTypes.elemType or null;
      sub = find (type.getSubOptions [ ]) [ ] rest;
    in
    if rest == [ ] || !(isAttrs type) then
      null
    else if elem (type.name or "") [ "attrsOf" "lazyAttrsOf" ] && element != null then
      inside element (tail rest)
    else if elem (type.name or "") [ "nullOr" "unique" ] && element != null then
      inside element rest
    else if (type.name or "") == "submodule" && sub.kind == "option" then
      if sub.rest == [ ] then sub.option else inside sub.option.type sub.rest
    else
      null;

  # Where path leads among the options.
  find =
    options: loc: rest:
    if isOption options then
      {
        kind = "option";
        option = options;
        inherit loc rest;
      }
    else if rest == [ ] then
      {
        kind = "namespace";
        names = attrNames options;
      }
    else if isAttrs options && options ? ${head rest} then
      find options.${head rest} (loc ++ [ (head rest) ]) (tail rest)
    else
      {
        kind = "unknown";
        inherit loc;
        names = attrNames options;
      };

  answer =
    path:
    let
      found = find system.options [ ] path;
    in
    if found.kind == "option" then describe path found else removeAttrs found [ "option" ] // { inherit path; };

  describe =
    path: found:
    let
      inherit (found) option loc rest;
      nested = inside option.type rest;
      about = if rest == [ ] then option else if nested == null then { } else nested;
      value = foldl' (
        v: name:
        if v.success && isAttrs v.value && v.value ? ${name} then
          tryEval v.value.${name}
        else
          {
            success = false;
            value = null;
          }
      ) (tryEval option.value) rest;
      derivation = value.success && isAttrs value.value && (value.value.type or null) == "derivation";

      official = winnersOf option rest;
      walked = if told then definitionsAt loc rest else [ ];
      # Where the walk and the module system disagree, the latter is right. It has
      # the default among the definitions, first, as if the declaring file had set it.
      byDefault = option ? default && (option.highestPrio or null) == 1500 && official != [ ];
      set = if byDefault && elem (head official).file (option.declarations or [ ]) then tail official else official;
      files = defs: builtins.sort builtins.lessThan (map (d: text d.file) (filter (d: !d.lost) defs));
      agrees = told && (rest != [ ] || files walked == files set);
      definitions = if agrees then walked else official ++ filter (d: d.lost) walked;
    in
    {
      kind = "option";
      inherit path loc rest;
      type = text (about.type.description or "");
      description = documented (about.description or "");
      declared = map text (about.declarations or [ ]);
      complete = agrees;
      value = if value.success then shown value.value else null;
      fails = !value.success;
      definitions = map (d: {
        file = text d.file;
        priority = if d.priority == null then d.from or 100 else d.priority;
        won = !d.lost;
        value = shown d.value;
      }) definitions;
    }
    // (
      if about ? default then
        {
          default = shown about.default;
          has_default = true;
        }
      else
        { }
    )
    // (
      if derivation then
        {
          derivation = {
            drv = text value.value.drvPath;
            out = text value.value.outPath;
          };
        }
      else
        { }
    );
in
{
  answer = {
    configurations = attrNames known;
    sources = [
      {
        name = "";
        path = text source.outPath;
      }
    ]
    ++ map (name: {
      inherit name;
      path = text source.inputs.${name}.outPath;
    }) (attrNames (source.inputs or { }));
    options = if known ? ${question.attribute} then map answer question.paths else [ ];
  };
}
