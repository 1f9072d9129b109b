# Options that went away, or that are called something else now.
lib:
let
  inherit (lib) getAttrFromPath mkOption showOption;
in
rec {
  mkRemovedOptionModule =
    path: reason:
    { options, ... }:
    {
      options = lib.setAttrByPath path (mkOption {
        visible = false;
        apply =
          _: throw "The option `${showOption path}' can no longer be used since it's been removed. ${reason}";
      });
      config.assertions =
        let
          opt = getAttrFromPath path options;
        in
        [
          {
            assertion = !opt.isDefined;
            message = "The option definition `${showOption path}' in ${lib.showFiles opt.files} no longer has any effect; please remove it.\n${reason}";
          }
        ];
    };
  doRename =
    {
      from,
      to,
      visible ? false,
      warn ? true,
      use ? (x: x),
      withPriority ? true,
      condition ? true,
    }:
    { config, options, ... }:
    let
      old = getAttrFromPath from options;
      new = lib.attrByPath to null options;
      wrap = if withPriority then lib.mkAliasAndWrapDefsWithPriority else lib.mkAliasAndWrapDefinitions;
    in
    {
      options = lib.setAttrByPath from (
        mkOption {
          inherit visible;
          description = "Alias of {option}`${showOption to}`.";
          apply =
            _: use (lib.attrByPath to (throw "Renaming error: option `${showOption to}' does not exist.") config);
        }
        // lib.optionalAttrs (lib.isOption new) { inherit (new) type; }
      );
      config = lib.mkIf condition (
        lib.mkMerge [
          (lib.optionalAttrs (options ? warnings) {
            warnings =
              lib.optional (warn && old.isDefined)
                "The option `${showOption from}' defined in ${lib.showFiles old.files} has been renamed to `${showOption to}'.";
          })
          (wrap (lib.setAttrByPath to) old)
        ]
      );
    };
  mkRenamedOptionModule =
    from: to:
    doRename {
      inherit from to;
      use = lib.warn "Obsolete option `${showOption from}' is used. It was renamed to `${showOption to}'.";
    };
  mkRenamedOptionModuleWith = { from, to, ... }: mkRenamedOptionModule from to;
  mkAliasOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = true;
      warn = false;
    };
  mkChangedOptionModule =
    from: to: change:
    { config, options, ... }:
    {
      options = lib.setAttrByPath from (mkOption { visible = false; });
      config = lib.mkIf (getAttrFromPath from options).isDefined (
        lib.mkMerge [
          {
            warnings = [
              "The option `${showOption from}' defined in ${
                lib.showFiles (getAttrFromPath from options).files
              } has been changed to `${showOption to}' that has a different type. Please read `${showOption to}' documentation and update your configuration accordingly."
            ];
          }
          (lib.setAttrByPath to (change config))
        ]
      );
    };
}
