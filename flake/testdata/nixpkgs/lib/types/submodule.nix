# Types whose values are themselves evaluated as modules.
lib:
let
  inherit (lib.types) mkOptionType;
in
rec {
  submodule =
    modules:
    submoduleWith {
      shorthandOnlyDefinesConfig = true;
      modules = lib.toList modules;
    };
  submoduleWith =
    {
      modules,
      specialArgs ? { },
      shorthandOnlyDefinesConfig ? false,
      description ? null,
      class ? null,
    }@args:
    let
      asModule =
        d:
        if builtins.isAttrs d.value && shorthandOnlyDefinesConfig then
          {
            _file = d.file;
            config = d.value;
          }
        else
          {
            _file = d.file;
            imports = [ d.value ];
          };
      evaluate =
        loc: defs:
        lib.evalModules {
          inherit specialArgs class;
          prefix = loc;
          modules = modules ++ [ { _module.args.name = lib.last loc; } ] ++ map asModule defs;
        };
      freeform =
        (lib.evalModules {
          inherit specialArgs class modules;
          check = false;
        })._module.freeformType;
    in
    mkOptionType {
      name = "submodule";
      description =
        if description != null then
          description
        else if shorthandOnlyDefinesConfig && builtins.all builtins.isAttrs modules && freeform != null then
          freeform.description
        else
          "submodule";
      descriptionClass = "noun";
      headed = true;
      check = x: builtins.isAttrs x || lib.isFunction x || lib.types.path.check x;
      merge = loc: defs: (evaluate loc defs).config;
      meta = loc: defs: { configuration = evaluate loc defs; };
      emptyValue.value = { };
      getSubModules = modules;
      getSubOptions = prefix: (evaluate (prefix ++ [ "<name>" ]) [ ]).options;
      substSubModules = m: submoduleWith (args // { modules = m; });
      typeMerge =
        o:
        if o.name == "submodule" then
          submoduleWith (args // { modules = modules ++ o.getSubModules; })
        else
          null;
    };
  deferredModule = deferredModuleWith { };
  deferredModuleWith =
    {
      staticModules ? [ ],
    }:
    mkOptionType {
      name = "deferredModule";
      description = "module";
      descriptionClass = "noun";
      check = x: builtins.isAttrs x || lib.isFunction x || lib.types.path.check x;
      merge = loc: defs: {
        imports =
          staticModules
          ++ map (
            d: lib.setDefaultModuleLocation "${d.file}, via option ${lib.showOption loc}" d.value
          ) defs;
      };
    };
}
