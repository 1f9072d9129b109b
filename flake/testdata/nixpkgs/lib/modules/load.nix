# From the modules that somebody listed to all modules there are, in the order
# in which their definitions count: each one once, imports behind those that
# import them, and all of it backwards, as NixOS has it.
lib:
{
  modules,
  specialArgs,
  config,
  options,
  class,
}:
let
  structure = [
    "_class"
    "_file"
    "key"
    "disabledModules"
    "imports"
    "options"
    "config"
    "meta"
    "freeformType"
  ];

  call =
    file: f:
    let
      args = {
        inherit lib config options;
      } // specialArgs;
      lookup =
        name: _:
        builtins.addErrorContext "while evaluating the module argument `${name}' in \"${file}\":" (
          args.${name} or (builtins.addErrorContext
            "noting that argument `${name}` is not externally provided, so querying `_module.args` instead, requiring `config`"
            config._module.args.${name}
          )
        );
    in
    f (args // builtins.mapAttrs lookup (lib.functionArgs f));

  # What somebody gave as a module, as an attribute set with a place.
  open =
    parent: m:
    if lib.isFunction m then
      call parent m
    else if builtins.isAttrs m then
      let
        t = m._type or "module";
      in
      if t == "module" then
        m
      else if t == "if" || t == "override" || t == "merge" then
        { config = m; }
      else
        throw "Expected a module, but found a value of type \"${t}\", while trying to load a module into ${parent}.\nPerhaps you forgot to select an attribute name?"
    else if builtins.isList m then
      throw "Module imports can't be nested lists. Perhaps you meant to remove one level of lists? Definitions: ${
        lib.showDefs [
          {
            file = parent;
            value = m;
          }
        ]
      }"
    else
      throw "Expected a module, but found a value of type ${builtins.typeOf m}, while trying to load a module into ${parent}.";

  normal =
    parent: fallbackKey: given:
    let
      isFile = builtins.isPath given || builtins.isString given || given ? outPath;
      place = if isFile then toString given else parent;
      m = open place (if isFile then import given else given);
      file = if m ? _file then toString m._file else place;
      key = toString (m.key or (if isFile then given else fallbackKey));
      long = m ? config || m ? options;
      stray = builtins.attrNames (builtins.removeAttrs m structure);
      checkClass =
        value:
        if class != null && m._class or null != null && m._class != class then
          throw "The module `${file}` (class: \"${m._class}\") cannot be imported into a module evaluation that expects class \"${class}\"."
        else
          value;
    in
    checkClass {
      inherit file key;
      disabled = m.disabledModules or [ ];
      options = m.options or { };
      config =
        lib.optional (m ? freeformType) { _module.freeformType = m.freeformType; }
        ++ lib.optional (m ? meta) { inherit (m) meta; }
        ++ [
          (
            if !long then
              builtins.removeAttrs m structure
            else if stray != [ ] then
              throw "Module `${file}' has an unsupported attribute `${builtins.head stray}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them (namely: ${toString stray}) into the explicit `config' attribute."
            else
              m.config or { }
          )
        ];
      children = list file key (m.imports or [ ]);
    };
  list =
    parent: parentKey:
    lib.imap1 (i: normal parent "${parentKey}:anon-${toString i}");

  top = list "<unknown-file>" "" modules;

  disabledKey =
    d:
    if builtins.isAttrs d && d ? key then
      toString d.key
    else if builtins.isString d && !(lib.hasPrefix "/" d) then
      "${toString specialArgs.modulesPath}/${d}"
    else
      toString d;
  disabled =
    let
      go = builtins.concatMap (m: map disabledKey m.disabled ++ go m.children);
    in
    go top;
  enabled = builtins.filter (m: !(builtins.elem m.key disabled));
in
lib.reverseList (
  builtins.genericClosure {
    startSet = enabled top;
    operator = m: enabled m.children;
  }
)
