lib:
let
  inherit (builtins) isAttrs isList;
  atom =
    v:
    if v == true then
      "true"
    else if v == false then
      "false"
    else if builtins.isString v then
      v
    else if builtins.isFloat v then
      builtins.toJSON v
    else
      toString v;
in
rec {
  # A value as Nix would write it, over several lines where it is not short.
  toPretty =
    {
      multiline ? true,
      ...
    }:
    let
      go =
        depth: indent: v:
        let
          deeper = indent + "  ";
          open = if multiline then "\n${deeper}" else " ";
          close = if multiline then "\n${indent}" else " ";
        in
        if depth == 0 then
          "<unevaluated>"
        else if builtins.isString v then
          lib.strings.escapeNixString v
        else if builtins.isPath v then
          toString v
        else if v == null then
          "null"
        else if lib.isFunction v then
          "<function>"
        else if isList v then
          if v == [ ] then
            "[ ]"
          else
            "[${open}${lib.concatMapStringsSep open (go (depth - 1) deeper) v}${close}]"
        else if isAttrs v then
          if v == { } then
            "{ }"
          else if lib.isDerivation v then
            "<derivation ${v.name or "???"}>"
          else
            "{${open}${
              lib.concatStringsSep open (
                lib.mapAttrsToList (n: x: "${lib.strings.escapeNixIdentifier n} = ${go (depth - 1) deeper x};") v
              )
            }${close}}"
        else
          atom v;
    in
    go 10 "";
  mkValueStringDefault = _: atom;
  mkKeyValueDefault =
    {
      mkValueString ? atom,
    }:
    sep: k: v:
    "${lib.escape [ sep ] k}${sep}${mkValueString v}";
  toKeyValue =
    {
      mkKeyValue ? mkKeyValueDefault { } "=",
      ...
    }:
    set:
    lib.concatLines (
      lib.concatLists (lib.mapAttrsToList (k: v: map (mkKeyValue k) (lib.toList v)) set)
    );
  toINI =
    args: set:
    lib.concatStringsSep "\n" (
      lib.mapAttrsToList (section: values: "[${section}]\n${toKeyValue args values}") set
    );
  toINIWithGlobalSection = args: v: toKeyValue args v.globalSection + toINI args v.sections;
  toGitINI = toINI { };
  toJSON = _: builtins.toJSON;
  toYAML = _: builtins.toJSON;
  toLua = _: builtins.toJSON;
}
