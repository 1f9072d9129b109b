# lib.hm: what the modules of a user have more than those of NixOS.
lib:
let
  entry = after: before: data: {
    inherit after before data;
  };
in
{
  dag = {
    entryAnywhere = entry [ ] [ ];
    entryAfter = after: entry after [ ];
    entryBefore = entry [ ];
    entryBetween = before: after: entry after before;
  };
  # a value or an entry of a dag with one in it
  types.dagOf =
    elem:
    lib.types.attrsOf (
      lib.types.coercedTo (lib.types.mkOptionType {
        name = "dagEntry";
        check = x: builtins.isAttrs x && x ? after && x ? before && x ? data;
      }) (e: e.data) elem
    );
  gvariant = {
    mkUint32 = x: x;
    mkTuple = x: x;
  };
}
