lib: {
  id = x: x;
  const = x: _: x;
  flip = f: a: b: f b a;
  pipe = builtins.foldl' (x: f: f x);
  concat = x: y: x ++ y;
  or = x: y: x || y;
  and = x: y: x && y;
  xor = x: y: x != y;
  boolToString = b: if b then "true" else "false";
  boolToYesNo = b: if b then "yes" else "no";
  mergeAttrs = x: y: x // y;
  min = a: b: if a < b then a else b;
  max = a: b: if a > b then a else b;
  mod = a: b: a - b * (a / b);
  defaultTo = fallback: x: if x == null then fallback else x;
  mapNullable = f: x: if x == null then null else f x;
  importJSON = file: builtins.fromJSON (builtins.readFile file);
  importTOML = file: builtins.fromTOML (builtins.readFile file);
  isFunction = f: builtins.isFunction f || (f ? __functor && builtins.isFunction (f.__functor f));
  functionArgs =
    f:
    if f ? __functor then
      f.__functionArgs or (lib.functionArgs (f.__functor f))
    else
      builtins.functionArgs f;
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };
  toFunction = v: if lib.isFunction v then v else _: v;
  warn = builtins.warn or (message: builtins.trace "evaluation warning: ${message}");
  warnIf = condition: message: if condition then lib.warn message else x: x;
  warnIfNot = condition: message: if condition then x: x else lib.warn message;
  throwIf = condition: message: if condition then throw message else x: x;
  throwIfNot = condition: message: if condition then x: x else throw message;
  showWarnings = warnings: value: builtins.foldl' (v: w: lib.warn w v) value warnings;
  assertMsg = condition: message: if condition then true else builtins.trace message false;
  inPureEvalMode = !(builtins ? currentSystem);
  oldestSupportedReleaseIsAtLeast = v: builtins.compareVersions lib.trivial.release v >= 0;
  inherit (builtins)
    add
    addErrorContext
    bitAnd
    bitOr
    bitXor
    ceil
    deepSeq
    div
    floor
    fromJSON
    genericClosure
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isPath
    isString
    lessThan
    mul
    pathExists
    readFile
    seq
    sub
    tail
    trace
    tryEval
    typeOf
    ;
}
