lib:
let
  inherit (builtins)
    concatStringsSep
    genList
    replaceStrings
    stringLength
    substring
    ;
  lower = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upper = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
in
{
  inherit (builtins)
    concatStringsSep
    match
    replaceStrings
    split
    stringLength
    substring
    unsafeDiscardStringContext
    hashString
    toJSON
    ;
  join = concatStringsSep;
  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStringsSep "" (map f list);
  concatMapStringsSep =
    sep: f: list:
    concatStringsSep sep (map f list);
  concatImapStringsSep =
    sep: f: list:
    concatStringsSep sep (lib.imap1 f list);
  concatMapAttrsStringSep =
    sep: f: set:
    concatStringsSep sep (lib.mapAttrsToList f set);
  concatLines = lib.concatMapStrings (s: s + "\n");
  optionalString = condition: s: if condition then s else "";
  hasPrefix = prefix: s: substring 0 (stringLength prefix) s == prefix;
  hasSuffix =
    suffix: s:
    let
      n = stringLength s;
      m = stringLength suffix;
    in
    n >= m && substring (n - m) m s == suffix;
  hasInfix = infix: s: replaceStrings [ infix ] [ "" ] s != s || infix == "";
  removePrefix =
    prefix: s:
    if lib.hasPrefix prefix s then substring (stringLength prefix) (stringLength s) s else s;
  removeSuffix =
    suffix: s:
    if lib.hasSuffix suffix s then substring 0 (stringLength s - stringLength suffix) s else s;
  stringToCharacters = s: genList (i: substring i 1 s) (stringLength s);
  splitString = sep: s: builtins.filter builtins.isString (builtins.split (lib.escapeRegex sep) s);
  escape = chars: replaceStrings chars (map (c: "\\${c}") chars);
  escapeRegex = lib.escape (lib.stringToCharacters "\\[{()^$?*+|.");
  escapeShellArg =
    arg:
    let
      s = toString arg;
    in
    if builtins.match "[[:alnum:],._+:@%/-]+" s != null then
      s
    else
      "'${replaceStrings [ "'" ] [ "'\\''" ] s}'";
  escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;
  escapeNixString = s: lib.escape [ "$" ] (builtins.toJSON s);
  escapeNixIdentifier =
    s: if builtins.match "[a-zA-Z_][a-zA-Z0-9_'-]*" s != null then s else lib.escapeNixString s;
  escapeXML = replaceStrings [ "\"" "'" "<" ">" "&" ] [ "&quot;" "&apos;" "&lt;" "&gt;" "&amp;" ];
  toLower = replaceStrings upper lower;
  toUpper = replaceStrings lower upper;
  toSentenceCase =
    s: lib.toUpper (substring 0 1 s) + lib.toLower (substring 1 (stringLength s) s);
  trim =
    s:
    let
      m = builtins.match "[[:space:]]*(.*[^[:space:]])[[:space:]]*" s;
    in
    if m == null then "" else builtins.head m;
  toInt =
    s:
    let
      v = builtins.fromJSON (lib.trim s);
    in
    if builtins.isInt v then v else throw "toInt: Could not convert ${lib.escapeNixString s} to int.";
  fixedWidthString =
    width: filler: s:
    lib.concatStrings (lib.replicate (width - stringLength s) filler) + s;
  fixedWidthNumber = width: n: lib.fixedWidthString width "0" (toString n);
  nameFromURL =
    url: sep:
    builtins.head (lib.splitString sep (lib.last (lib.splitString "/" url)));
  makeBinPath = lib.makeSearchPathOutput "bin" "bin";
  makeLibraryPath = lib.makeSearchPathOutput "lib" "lib";
  makeSearchPath = dir: lib.concatMapStringsSep ":" (p: "${p}/${dir}");
  makeSearchPathOutput =
    output: dir: pkgs:
    lib.makeSearchPath dir (map (lib.getOutput output) pkgs);
  isStringLike = x: builtins.isString x || builtins.isPath x || x ? outPath || x ? __toString;
  isStorePath = x: lib.hasPrefix "${builtins.storeDir}/" (toString x);
  isConvertibleWithToString =
    x: lib.isStringLike x || builtins.elem (builtins.typeOf x) [ "null" "int" "float" "bool" ];
  normalizePath = s: replaceStrings [ "//" ] [ "/" ] s;
  sanitizeDerivationName = s: replaceStrings [ " " "/" ":" "@" ] [ "-" "-" "-" "-" ] s;
  floatToString = f: builtins.toJSON f;
  toShellVar = name: value: "${name}=${lib.escapeShellArg value}";
  toShellVars = set: lib.concatStringsSep "\n" (lib.mapAttrsToList lib.toShellVar set);
  cmakeBool = name: b: "-D${name}:BOOL=${if b then "TRUE" else "FALSE"}";
  commonPrefixLength =
    a: b:
    let
      m = lib.min (stringLength a) (stringLength b);
      go = i: if i >= m || substring i 1 a != substring i 1 b then i else go (i + 1);
    in
    go 0;
  # The number of single changes between two words.
  levenshtein =
    a: b:
    let
      as = lib.stringToCharacters a;
      bs = lib.stringToCharacters b;
      n = builtins.length bs;
      # the row of distances for the next character of a
      next =
        row: c:
        builtins.foldl' (
          acc: j:
          acc
          ++ [
            (lib.min
              (lib.min (builtins.elemAt row j + 1) (lib.last acc + 1))
              (builtins.elemAt row (j - 1) + (if builtins.elemAt bs (j - 1) == c then 0 else 1))
            )
          ]
        ) [ (builtins.head row + 1) ] (lib.range 1 n);
    in
    lib.last (builtins.foldl' next (lib.range 0 n) as);
}
