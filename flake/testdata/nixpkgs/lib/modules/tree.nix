# From loaded modules to the tree of options: each with what it is declared as,
# what it is set to and where.
lib:
let
  inherit (lib) isOption showOption showDefs;
  inherit (lib.priorities) pushDown;

  # Several declarations of one option, as one.
  join =
    loc: decls:
    let
      once = [
        "default"
        "example"
        "description"
        "apply"
      ];
      add =
        acc: d:
        let
          o = d.options;
          twice = builtins.filter (n: acc ? ${n} && o ? ${n}) once;
          types =
            if acc ? type && o ? type then
              let
                t = acc.type.typeMerge o.type;
              in
              if t == null then
                throw "The option `${showOption loc}' in `${d.file}' is already declared in ${lib.showFiles acc.declarations}."
              else
                { type = t; }
            else
              { };
        in
        if twice != [ ] then
          throw "The option `${showOption loc}' in `${d.file}' is already declared in ${lib.showFiles acc.declarations}."
        else
          acc
          // o
          // types
          // {
            declarations = acc.declarations ++ [ d.file ];
          };
    in
    builtins.foldl' add { declarations = [ ]; } decls;

  evalOption =
    loc: decls: defs:
    let
      opt = join loc decls;
      type = opt.type or lib.types.unspecified;
      all =
        lib.optional (opt ? default) {
          file = builtins.head opt.declarations;
          value = lib.mkOptionDefault opt.default;
        }
        ++ defs;
      merged = lib.mergeDefinitions loc type all;
      set = (lib.priorities.dischargeAll defs).values;
      readOnly =
        if (opt.readOnly or false) && builtins.length set > (if opt ? default then 0 else 1) then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${showDefs defs}"
        else
          merged.value;
      value = builtins.addErrorContext "while evaluating the option `${showOption loc}':" (
        if opt ? apply then opt.apply readOnly else readOnly
      );
    in
    opt
    // {
      _type = "option";
      inherit loc type value;
      options = null;
      inherit (merged) highestPrio isDefined;
      valueMeta = merged.meta;
      definitions = map (d: d.value) merged.values;
      definitionsWithLocations = map (d: { inherit (d) file value; }) merged.values;
      files = map (d: d.file) merged.values;
      # The stand-in's own: who sets it under any condition, at any priority.
      standInFiles = map (d: d.file) defs;
      __toString = _: showOption loc;
    };

  # decls: { file, options }, defs: { file, value }
  walk =
    loc: decls: defs:
    let
      declared = builtins.zipAttrsWith (_: ds: ds) (
        map (
          d:
          builtins.mapAttrs (_: options: {
            inherit (d) file;
            inherit options;
          }) d.options
        ) decls
      );
      defined = builtins.zipAttrsWith (_: ds: ds) (
        builtins.concatMap (
          d:
          map (
            v:
            if !builtins.isAttrs v then
              throw "You're trying to define a value of type `${builtins.typeOf v}'\nrather than an attribute set for the option\n`${showOption loc}'!\n\nThis usually happens if `${showOption loc}' has option\ndefinitions inside that are not matched. Please check how to properly define\nthis option by e.g. referring to `man 5 configuration.nix'!"
            else
              builtins.mapAttrs (_: value: {
                inherit (d) file;
                inherit value;
              }) v
          ) (pushDown d.value)
        ) defs
      );
      node =
        name: ds:
        let
          here = loc ++ [ name ];
          theirs = defined.${name} or [ ];
          asOptions = builtins.filter (d: isOption d.options) ds;
          rest = builtins.filter (d: !(isOption d.options)) ds;
        in
        if rest == [ ] then
          {
            options = evalOption here ds theirs;
            unmatched = [ ];
          }
        else if asOptions != [ ] then
          throw "The option `${showOption here}' in module `${(builtins.head asOptions).file}' would be a parent of the following options, but its type `${
            (builtins.head asOptions).options.type.description or "<no description>"
          }' does not support nested options.\n- option(s) with prefix `${showOption here}' in module `${(builtins.head rest).file}'"
        else
          walk here ds theirs;
      nodes = builtins.mapAttrs node declared;
      strangers = builtins.removeAttrs defined (builtins.attrNames declared);
    in
    {
      options = builtins.mapAttrs (_: n: n.options) nodes;
      unmatched =
        builtins.concatLists (
          lib.mapAttrsToList (
            name: n: map (u: u // { path = [ name ] ++ u.path; }) n.unmatched
          ) nodes
        )
        ++ builtins.concatLists (
          lib.mapAttrsToList (
            name: ds:
            map (d: {
              inherit (d) file value;
              path = [ name ];
            }) ds
          ) strangers
        );
    };
in
{
  merge =
    prefix: modules:
    walk prefix (map (m: { inherit (m) file options; }) modules) (
      builtins.concatMap (
        m:
        map (value: {
          inherit (m) file;
          inherit value;
        }) m.config
      ) modules
    );
  values =
    let
      go = builtins.mapAttrs (_: o: if isOption o then o.value else go o);
    in
    go;
}
