# evalModules: from modules to a checked configuration.
lib:
let
  inherit (lib) showOption showDefs;
  load = import ./modules/load.nix lib;
  tree = import ./modules/tree.nix lib;
  suggest = import ./modules/suggest.nix lib;

  # Options that each evaluation has.
  internal =
    { specialArgs, args }:
    {
      _file = "lib/modules.nix";
      options._module = {
        args = lib.mkOption {
          type = lib.types.lazyAttrsOf lib.types.raw;
          internal = true;
          description = "Arguments that are passed to each module.";
        };
        check = lib.mkOption {
          type = lib.types.bool;
          default = true;
          internal = true;
          description = "Whether an undeclared option is an error.";
        };
        freeformType = lib.mkOption {
          type = lib.types.nullOr lib.types.optionType;
          default = null;
          internal = true;
          description = "The type of undeclared options.";
        };
        specialArgs = lib.mkOption {
          type = lib.types.raw;
          readOnly = true;
          internal = true;
          description = "What evalModules got.";
        };
      };
      config._module = {
        inherit args specialArgs;
      };
    };
in
{
  evalModules =
    {
      modules,
      prefix ? [ ],
      specialArgs ? { },
      args ? { },
      check ? true,
      class ? null,
    }@given:
    let
      loaded = load {
        inherit config options class;
        specialArgs = {
          _class = class;
        } // specialArgs;
        modules = [
          (internal {
            inherit specialArgs;
            args = args // {
              inherit extendModules;
              moduleType = lib.types.submoduleWith { inherit modules specialArgs class; };
            };
          })
        ] ++ modules;
      };
      merged = tree.merge prefix loaded;
      inherit (merged) options;
      declared = tree.values options;
      inherit (declared._module) freeformType;
      # what nobody declared, back in the shape in which it was written
      free = map (d: {
        inherit (d) file;
        value = lib.setAttrByPath d.path d.value;
      }) merged.unmatched;
      config =
        if freeformType == null || merged.unmatched == [ ] then
          declared
        else
          lib.recursiveUpdate (freeformType.merge prefix free) declared;
      first = builtins.head merged.unmatched;
      checked =
        value:
        if check && declared._module.check && freeformType == null && merged.unmatched != [ ] then
          throw (
            "The option `${showOption (prefix ++ first.path)}' does not exist. Definition values:${showDefs [ first ]}"
            + suggest prefix first.path options
          )
        else
          value;
      extendModules =
        {
          modules ? [ ],
          specialArgs ? { },
          prefix ? given.prefix or [ ],
        }:
        lib.evalModules (
          given
          // {
            inherit prefix;
            modules = given.modules ++ modules;
            specialArgs = (given.specialArgs or { }) // specialArgs;
          }
        );
    in
    {
      _type = "configuration";
      inherit class extendModules;
      options = checked options;
      config = checked (builtins.removeAttrs config [ "_module" ]);
      _module = checked declared._module;
      type = lib.types.submoduleWith { inherit modules specialArgs class; };
    };

  # The definitions of one option, as one value.
  mergeDefinitions =
    loc: type: defs:
    let
      found = lib.priorities.dischargeAll defs;
      wrong = builtins.filter (d: !type.check d.value) found.values;
      inherit (found) isDefined;
      typeError =
        "A definition for option `${showOption loc}' is not of type `${type.description}'."
        + (if type.headed then " TypeError:" else "")
        + " Definition values:${showDefs wrong}";
      merged = if wrong == [ ] then type.merge loc found.values else throw typeError;
      missing = throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.";
    in
    {
      inherit (found) highestPrio isDefined values;
      value = if isDefined then merged else missing;
      lazyValue =
        if isDefined then merged else type.emptyValue.value or missing;
      meta = if isDefined && wrong == [ ] then type.meta loc found.values else { };
    };

  setDefaultModuleLocation = file: m: {
    _file = file;
    imports = [ m ];
  };
  importApply = file: args: lib.setDefaultModuleLocation file (import file args);
  importJSON = file: { _file = file; config = lib.importJSON file; };
  importTOML = file: { _file = file; config = lib.importTOML file; };
}
