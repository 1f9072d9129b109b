# The stand-in's lib. Its module system merges by priority, pushes conditions
# and priorities down to where values are, and takes options that nobody
# declared: it shows which values arrive, not whether NixOS has the options.
let
  inherit (builtins)
    all attrNames concatLists concatMap elemAt filter foldl' functionArgs genList
    head intersectAttrs isAttrs isFunction isList isPath isString length listToAttrs map mapAttrs removeAttrs throw;

  concat = builtins.concatStringsSep;
  unique = list: foldl' (acc: x: if builtins.elem x acc then acc else acc ++ [ x ]) [ ] list;
  plainSet = v: isAttrs v && !(v ? _type) && (v.type or null) != "derivation";

  # One definition, as a list of { file, prio, conds, value } without properties.
  norm = d:
    let kind = if isAttrs d.value then d.value._type or null else null; in
    if kind == "merge" then concatMap (v: norm (d // { value = v; })) d.value.contents
    else if kind == "if" then norm (d // { conds = d.conds ++ [ d.value.condition ]; value = d.value.content; })
    else if kind == "override" then norm (d // { prio = d.value.priority; value = d.value.content; })
    else [ d ];

  isOption = o: (o._type or null) == "option";

  merge = path: options: defs:
    let
      default = if isOption options && options ? default
        then [ { file = "default"; prio = 1500; conds = [ ]; value = options.default; } ] else [ ];
      list = concatMap norm (defs ++ default);
      sub = if isOption options then { } else options;
      names = unique (attrNames sub ++ concatMap (d: attrNames d.value) list);
      set = listToAttrs (map (n: {
        name = n;
        value = merge (path ++ [ n ]) (sub.${n} or { })
          (concatMap (d: if d.value ? ${n} then [ (d // { value = d.value.${n}; }) ] else [ ]) list);
      }) names);
      apply = options.apply or (v: v);
    in
    if all (d: plainSet d.value) list && !(isOption options && list == [ ]) then apply set else apply (leaf path list);

  leaf = path: list:
    let
      live = filter (d: all (c: c) d.conds) list;
      best = foldl' (p: d: if d.prio < p then d.prio else p) 9999 live;
      won = filter (d: d.prio == best) live;
      name = concat "." path;
    in
    if won == [ ] then throw "The option `${name}' was accessed but has no value defined. Try setting the option."
    else if all (d: isList d.value) won then concatLists (map (d: d.value) won)
    else if all (d: d.value == (head won).value) won then (head won).value
    else throw "The option `${name}' has conflicting definition values:\n${concat "\n" (map (d: "- In `${d.file}'") won)}";

  # A module and its imports as { file, options, config }.
  load = args: m:
    let
      isFile = isPath m || isString m;
      raw = if isFile then import m else m;
      value = if isFunction raw then raw (intersectAttrs (functionArgs raw) args) else raw;
      file = value._file or (if isFile then toString m else "<unknown>");
      long = value ? config || value ? options;
    in
    [
      {
        inherit file;
        options = value.options or { };
        config = if long then value.config or { } else removeAttrs value [ "imports" "_file" ];
      }
    ]
    ++ concatMap (load args) (value.imports or [ ]);

  deepMerge = a: b:
    if plainSet a && plainSet b && !(isOption a)
    then a // b // mapAttrs (n: v: if a ? ${n} then deepMerge a.${n} v else v) b
    else b;

  evalModules = { modules, specialArgs }:
    let
      args = specialArgs // { inherit config lib; };
      loaded = concatMap (load args) modules;
      options = foldl' deepMerge { } (map (m: m.options) loaded);
      config = merge [ ] options (map (m: { inherit (m) file; prio = 100; conds = [ ]; value = m.config; }) loaded);
    in
    { inherit config; };

  lib = rec {
    mkOverride = priority: content: { _type = "override"; inherit priority content; };
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    mkIf = condition: content: { _type = "if"; inherit condition content; };
    mkMerge = contents: { _type = "merge"; inherit contents; };
    mkOption = o: o // { _type = "option"; };
    types = { str = "str"; bool = "bool"; enum = _: "enum"; };
    optional = c: v: if c then [ v ] else [ ];
    optionalAttrs = c: v: if c then v else { };
    setAttrByPath = path: value:
      if path == [ ] then value
      else { ${head path} = setAttrByPath (genList (i: elemAt path (i + 1)) (length path - 1)) value; };

    nixosSystem = { modules }:
      let
        pkgs = import ./pkgs.nix;
        eval = evalModules {
          modules = [ ./nixos/options.nix ] ++ modules;
          specialArgs = { inherit pkgs; modulesPath = toString ./nixos/modules; };
        };
        config = eval.config;
        failed = map (a: a.message) (filter (a: !a.assertion) config.assertions);
        toplevel =
          if failed != [ ] then throw "Failed assertions:\n- ${concat "\n- " failed}"
          else derivation {
            name = "nixos-system-${config.networking.hostName}";
            system = config.nixpkgs.hostPlatform;
            builder = "/bin/sh";
          };
      in
      {
        inherit pkgs;
        _type = "configuration";
        config = config // { system = config.system // { build = { inherit toplevel; }; }; };
      };
  };
in
lib
