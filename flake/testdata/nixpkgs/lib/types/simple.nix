# Types whose values hold no others.
lib:
let
  inherit (lib.types) mkOptionType;
  inherit (lib.options) mergeEqualOption mergeOneOption;
  noun =
    name: description: check:
    mkOptionType {
      inherit name description check;
      descriptionClass = "noun";
      merge = mergeEqualOption;
    };
  between =
    name: description: low: high:
    noun name description (x: builtins.isInt x && x >= low && x <= high);
  range =
    bits: low: high: sign:
    between "${sign}Int${toString bits}"
      "${toString bits} bit ${sign} integer; between ${toString low} and ${toString high} (both inclusive)"
      low
      high;
  separated =
    sep: name: description:
    mkOptionType {
      inherit name description;
      descriptionClass = "noun";
      check = builtins.isString;
      merge = _: defs: lib.concatStringsSep sep (map (d: d.value) defs);
      payload = sep;
      typeMerge = o: if o.name == name && o.payload == sep then separated sep name description else null;
    };
  inStore = x: lib.isStringLike x && lib.hasPrefix "${builtins.storeDir}/" (toString x);
  pathLike = x: lib.isStringLike x && lib.hasPrefix "/" (toString x);
in
rec {
  raw = mkOptionType {
    name = "raw";
    description = "raw value";
    descriptionClass = "noun";
    merge = mergeOneOption;
  };
  unspecified = mkOptionType {
    name = "unspecified";
    description = "unspecified value";
    descriptionClass = "noun";
  };
  bool = noun "bool" "boolean" builtins.isBool;
  boolByOr = mkOptionType {
    name = "boolByOr";
    description = "boolean (merged using or)";
    descriptionClass = "noun";
    check = builtins.isBool;
    merge = _: defs: builtins.any (d: d.value) defs;
  };
  int = noun "int" "signed integer" builtins.isInt;
  ints = {
    between = low: high: between "intBetween" "integer between ${toString low} and ${toString high} (both inclusive)" low high;
    u8 = range 8 0 255 "unsigned";
    u16 = range 16 0 65535 "unsigned";
    u32 = range 32 0 4294967295 "unsigned";
    s8 = range 8 (-128) 127 "signed";
    s16 = range 16 (-32768) 32767 "signed";
    s32 = range 32 (-2147483648) 2147483647 "signed";
    unsigned = noun "unsignedInt" "unsigned integer, meaning >=0" (x: builtins.isInt x && x >= 0) // {
      descriptionClass = "nonRestrictiveClause";
    };
    positive = noun "positiveInt" "positive integer, meaning >0" (x: builtins.isInt x && x > 0) // {
      descriptionClass = "nonRestrictiveClause";
    };
  };
  port = ints.u16;
  float = noun "float" "floating point number" builtins.isFloat;
  number = lib.types.either int float;
  str = noun "str" "string" builtins.isString;
  nonEmptyStr = noun "nonEmptyStr" "non-empty string" (
    x: builtins.isString x && builtins.match "[ \t\n]*" x == null
  );
  singleLineStr = mkOptionType {
    name = "singleLineStr";
    description = "(optionally newline-terminated) single-line string";
    descriptionClass = "noun";
    check = x: builtins.isString x && builtins.match "[^\n\r]*\n?" x != null;
    merge = loc: defs: lib.removeSuffix "\n" (mergeEqualOption loc defs);
  };
  strMatching =
    pattern:
    noun "strMatching ${lib.escapeNixString pattern}" "string matching the pattern ${pattern}" (
      x: builtins.isString x && builtins.match pattern x != null
    );
  lines = separated "\n" "separatedString" "strings concatenated with \"\\n\"";
  commas = separated "," "separatedString" "strings concatenated with \",\"";
  envVar = separated ":" "separatedString" "strings concatenated with \":\"";
  separatedString =
    sep: separated sep "separatedString" "strings concatenated with ${builtins.toJSON sep}";
  string = str;
  passwdEntry =
    entry:
    noun "passwdEntry ${entry.name}" "${entry.description}, not containing newlines or colons" (
      x: entry.check x && !(lib.hasInfix ":" x || lib.hasInfix "\n" x)
    )
    // {
      descriptionClass = "nonRestrictiveClause";
    };
  path = noun "path" "absolute path" pathLike;
  externalPath = noun "path" "absolute path, not in the Nix store" (x: pathLike x && !inStore x);
  pathWith =
    {
      inStore ? null,
      absolute ? null,
    }:
    noun "path" "path" (
      x: lib.isStringLike x && (absolute == null || lib.hasPrefix "/" (toString x) == absolute)
    );
  package = mkOptionType {
    name = "package";
    descriptionClass = "noun";
    check = x: lib.isDerivation x || inStore x;
    merge = mergeOneOption;
  };
  shellPackage = package // {
    check = x: lib.isDerivation x && x ? shellPath;
  };
  pathInStore = noun "path" "path in the Nix store" inStore;
  pkgs = mkOptionType {
    name = "pkgs";
    description = "Nixpkgs package set";
    descriptionClass = "noun";
    check = x: x._type or null == "pkgs";
    merge = mergeOneOption;
  };
  attrs = mkOptionType {
    name = "attrs";
    description = "attribute set";
    check = builtins.isAttrs;
    merge = _: builtins.foldl' (a: d: a // d.value) { };
    emptyValue.value = { };
  };
  optionType = noun "optionType" "optionType" lib.types.isOptionType;
  fileset = raw;
  enum =
    values:
    let
      show = v: if builtins.isString v then "\"${v}\"" else if v == null then "null" else toString v;
      self = noun "enum" "one of ${lib.concatMapStringsSep ", " show values}" (
        x: builtins.elem x values
      );
    in
    self
    // {
      description =
        if builtins.length values == 1 then
          "value ${show (builtins.head values)} (singular enum)"
        else
          self.description;
      descriptionClass = if builtins.length values < 2 then "noun" else "conjunction";
      payload = values;
      typeMerge = o: if o.name == "enum" then enum (lib.unique (values ++ o.payload)) else null;
    };
  anything = mkOptionType {
    name = "anything";
    description = "anything";
    descriptionClass = "noun";
    merge =
      loc: defs:
      let
        values = map (d: d.value) defs;
        kind = v: if lib.isStringLike v && !builtins.isAttrs v then "string" else if lib.isFunction v then "lambda" else builtins.typeOf v;
        first = kind (builtins.head values);
      in
      if builtins.any (v: kind v != first) values then
        mergeEqualOption loc defs
      else if builtins.length defs > 1 && first == "set" && !builtins.any lib.isDerivation values then
        (lib.types.lazyAttrsOf anything).merge loc defs
      else if first == "set" && !builtins.any (v: lib.isDerivation v || v ? outPath || v ? __toString) values then
        (lib.types.lazyAttrsOf anything).merge loc defs
      else if first == "lambda" && builtins.length defs > 1 then
        x: anything.merge (loc ++ [ "<function body>" ]) (map (d: d // { value = d.value x; }) defs)
      else
        mergeEqualOption loc defs;
  };
}
