# Options: how they are declared, shown and merged by their equality.
lib: rec {
  mkOption = attrs: attrs // { _type = "option"; };
  isOption = x: builtins.isAttrs x && x._type or null == "option";
  mkEnableOption =
    what:
    mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };
  mkPackageOption =
    pkgs: name:
    {
      default ? name,
      nullable ? false,
      example ? null,
      extraDescription ? "",
      pkgsText ? "pkgs",
    }:
    let
      path = lib.toList default;
    in
    mkOption (
      {
        description = "The ${lib.concatStringsSep "." (lib.toList name)} package to use. ${extraDescription}";
        type =
          if nullable then lib.types.nullOr lib.types.package else lib.types.package;
      }
      // lib.optionalAttrs (default != null) {
        default = lib.attrByPath path (throw "${lib.concatStringsSep "." path} cannot be found in ${pkgsText}") pkgs;
      }
      // lib.optionalAttrs (default == null && nullable) { default = null; }
    );
  mkSinkUndeclaredOptions =
    attrs:
    mkOption (
      {
        internal = true;
        visible = false;
        default = false;
        description = "Sink for options that are declared nowhere.";
        type = lib.types.raw;
      }
      // attrs
    );
  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };
  literalMD = text: {
    _type = "literalMD";
    inherit text;
  };
  mdDoc = text: text;

  showOption =
    path:
    lib.concatMapStringsSep "." (
      part:
      if builtins.elem part [ "<name>" "*" "<function body>" ] then
        part
      else
        lib.strings.escapeNixIdentifier part
    ) path;
  showFiles = files: lib.concatMapStringsSep " and " (f: "`${f}'") files;
  showDefs =
    defs:
    lib.concatMapStrings (
      d:
      let
        shown = builtins.tryEval (lib.generators.toPretty { } d.value);
        lines = lib.splitString "\n" shown.value;
        short = lib.take 5 lines ++ lib.optional (builtins.length lines > 5) "...";
        text =
          if !shown.success then
            ""
          else if builtins.length lines > 1 then
            ":\n    ${lib.concatStringsSep "\n    " short}"
          else
            ": ${shown.value}";
      in
      "\n- In `${d.file}'${text}"
    ) defs;
  priorityHint = "\nUse `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.";

  getValues = map (d: d.value);
  getFiles = map (d: d.file);

  mergeEqualOption =
    loc: defs:
    if defs == [ ] then
      throw "The option `${showOption loc}' is used but not defined."
    else if builtins.all (d: d.value == (builtins.head defs).value) defs then
      (builtins.head defs).value
    else
      throw "The option `${showOption loc}' has conflicting definition values:${showDefs defs}${priorityHint}";
  mergeOneOption = mergeUniqueOption { message = ""; };
  mergeUniqueOption =
    {
      message,
      merge ? (_: defs: (builtins.head defs).value),
    }:
    loc: defs:
    if builtins.length defs == 1 then
      merge loc defs
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.\n${message}\nDefinition values:${showDefs defs}${priorityHint}";
  mergeDefaultOption =
    loc: defs:
    let
      values = getValues defs;
    in
    if builtins.length values == 1 then
      builtins.head values
    else if builtins.all lib.isFunction values then
      x: mergeDefaultOption loc (map (d: d // { value = d.value x; }) defs)
    else if builtins.all builtins.isList values then
      builtins.concatLists values
    else if builtins.all builtins.isAttrs values then
      builtins.foldl' (a: b: a // b) { } values
    else if builtins.all builtins.isBool values then
      builtins.any (x: x) values
    else if builtins.all builtins.isString values then
      lib.concatStrings values
    else
      mergeEqualOption loc defs;

  # The options of an evaluation as a list, those of submodules left out.
  collectOptions =
    options:
    lib.collect isOption (builtins.removeAttrs options [ "_module" ]);
}
