# Types: what a value must be (check) and what several values become (merge).
# A `headed` type says "TypeError:" when it is wrong as a whole.
lib:
let
  simple = import ./types/simple.nix lib;
  compound = import ./types/compound.nix lib;
  submodules = import ./types/submodule.nix lib;
in
simple
// compound
// submodules
// {
  mkOptionType =
    {
      name,
      description ? null,
      descriptionClass ? null,
      check ? (_: true),
      merge ? lib.options.mergeDefaultOption,
      emptyValue ? { },
      typeMerge ? null,
      headed ? false,
      nestedTypes ? { },
      getSubOptions ? (_: { }),
      getSubModules ? null,
      substSubModules ? (_: null),
      # what `valueMeta` of an option says: the evaluations below it
      meta ? (_: _: { }),
      ...
    }@args:
    let
      self = {
        _type = "option-type";
        inherit
          name
          descriptionClass
          check
          merge
          emptyValue
          headed
          nestedTypes
          getSubOptions
          getSubModules
          substSubModules
          meta
          ;
        description = if description == null then name else description;
        # types of one name join; null where two declarations do not fit
        typeMerge =
          if typeMerge != null then typeMerge else other: if other.name == name then self else null;
        functor = {
          inherit name;
          wrapped = null;
        };
        payload = args.payload or null;
      };
    in
    self;
  isOptionType = x: builtins.isAttrs x && x._type or null == "option-type";

  # A type's description inside that of another one: in brackets where it could
  # be misread.
  phrase =
    unless: t:
    if unless t.descriptionClass then t.description else "(${t.description})";
}
