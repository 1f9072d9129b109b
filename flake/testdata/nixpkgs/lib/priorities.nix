# Properties: a value with a condition, a priority or an order around it.
lib: rec {
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkOptionDefault = mkOverride 1500;
  mkDefault = mkOverride 1000;
  mkImageMediaOverride = mkOverride 60;
  mkForce = mkOverride 50;
  mkVMOverride = mkOverride 10;
  defaultOverridePriority = 100;
  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;
  defaultOrderPriority = 1000;
  mkAssert =
    condition: message: content:
    mkIf (if condition then true else throw "\nFailed assertion: ${message}") content;
  mkDefinition = d: d // { _type = "definition"; };
  mkAliasDefinitions = mkAliasAndWrapDefinitions (x: x);
  mkAliasAndWrapDefinitions =
    wrap: option: mkIf (option.isDefined or false) (wrap (mkMerge option.definitions));
  mkAliasAndWrapDefsWithPriority =
    wrap: option:
    mkIf (option.isDefined or false) (
      wrap (mkMerge (map (mkOverride (option.highestPrio or 1000)) option.definitions))
    );

  typeOf = v: if builtins.isAttrs v then v._type or null else null;

  # One value of a set of options, as values without a property around the set
  # itself: properties move to its attributes.
  pushDown =
    v:
    let
      t = typeOf v;
    in
    if t == "merge" then
      builtins.concatMap pushDown v.contents
    else if t == "if" then
      map (builtins.mapAttrs (_: mkIf v.condition)) (pushDown v.content)
    else if t == "override" then
      map (builtins.mapAttrs (_: mkOverride v.priority)) (pushDown v.content)
    else
      [ v ];

  # One value of an option, as the values that count.
  discharge =
    v:
    let
      t = typeOf v;
    in
    if t == "merge" then
      builtins.concatMap discharge v.contents
    else if t == "if" then
      if !builtins.isBool v.condition then
        throw "‘mkIf’ called with a non-Boolean condition"
      else if v.condition then
        discharge v.content
      else
        [ ]
    else
      [ v ];

  # Of definitions { file, value } those of the strongest priority, in order.
  dischargeAll =
    defs:
    let
      flat = builtins.concatMap (d: map (value: d // { inherit value; }) (discharge d.value)) defs;
      priorityOf = d: if typeOf d.value == "override" then d.value.priority else 100;
      highestPrio = builtins.foldl' (p: d: lib.min p (priorityOf d)) 9999 flat;
      strongest = map (
        d: if typeOf d.value == "override" then d // { value = d.value.content; } else d
      ) (builtins.filter (d: priorityOf d == highestPrio) flat);
      orderOf = d: if typeOf d.value == "order" then d.value.priority else 1000;
      unordered = d: if typeOf d.value == "order" then d // { value = d.value.content; } else d;
      ordered = map unordered (builtins.sort (a: b: orderOf a < orderOf b) strongest);
      anyOrder = builtins.any (d: typeOf d.value == "order") strongest;
    in
    {
      inherit highestPrio;
      # without a look at the values
      isDefined = flat != [ ];
      values = if anyOrder then ordered else strongest;
    };
}
