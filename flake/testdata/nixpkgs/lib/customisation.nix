# How a function of packages becomes a package that can be overridden.
lib: {
  makeOverridable =
    f:
    lib.setFunctionArgs (
      args:
      let
        result = f args;
        override =
          change: lib.makeOverridable f (args // (if lib.isFunction change then change args else change));
      in
      if builtins.isAttrs result then
        result // { inherit override; }
      else
        result
    ) (lib.functionArgs f);
  callPackageWith =
    scope: what: args:
    let
      f = if lib.isFunction what then what else import what;
      wanted = lib.functionArgs f;
      given = builtins.intersectAttrs wanted scope // args;
      missing = builtins.filter (n: !wanted.${n} && !(given ? ${n})) (builtins.attrNames wanted);
      at = if builtins.isPath what then " at ${toString what}" else "";
    in
    if missing == [ ] then
      lib.makeOverridable f given
    else
      throw "lib.customisation.callPackageWith: Function called without required argument \"${builtins.head missing}\"${at}";
  callPackagesWith =
    scope: what: args:
    let
      f = if lib.isFunction what then what else import what;
    in
    f (builtins.intersectAttrs (lib.functionArgs f) scope // args);
  makeScope =
    newScope: f:
    let
      self = f self // {
        newScope = scope: newScope (self // scope);
        callPackage = self.newScope { };
        overrideScope = g: lib.makeScope newScope (lib.extends g f);
        packages = f;
      };
    in
    self;
}
