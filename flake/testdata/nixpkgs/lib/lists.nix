lib:
let
  inherit (builtins)
    elemAt
    foldl'
    genList
    length
    ;
in
{
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    head
    length
    map
    partition
    ;
  singleton = x: [ x ];
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  toList = x: if builtins.isList x then x else [ x ];
  range = a: b: if a > b then [ ] else genList (n: a + n) (b - a + 1);
  last = list: elemAt list (length list - 1);
  init = list: lib.take (length list - 1) list;
  take = n: list: genList (elemAt list) (lib.min n (length list));
  drop = n: list: genList (i: elemAt list (i + n)) (lib.max 0 (length list - n));
  sublist =
    start: count: list:
    lib.take count (lib.drop start list);
  reverseList = list: genList (i: elemAt list (length list - 1 - i)) (length list);
  foldr =
    op: nul: list:
    let
      n = length list;
      go = i: if i == n then nul else op (elemAt list i) (go (i + 1));
    in
    go 0;
  foldl = foldl';
  imap0 = f: list: genList (i: f i (elemAt list i)) (length list);
  imap1 = f: list: genList (i: f (i + 1) (elemAt list i)) (length list);
  flatten = x: if builtins.isList x then builtins.concatMap lib.flatten x else [ x ];
  unique = foldl' (acc: x: if builtins.elem x acc then acc else acc ++ [ x ]) [ ];
  allUnique = list: length (lib.unique list) == length list;
  remove = x: builtins.filter (y: y != x);
  subtractLists = gone: builtins.filter (x: !(builtins.elem x gone));
  intersectLists = a: builtins.filter (x: builtins.elem x a);
  mutuallyExclusive = a: b: lib.intersectLists a b == [ ];
  findFirst =
    pred: fallback: list:
    let
      found = builtins.filter pred list;
    in
    if found == [ ] then fallback else builtins.head found;
  count = pred: list: length (builtins.filter pred list);
  sort = builtins.sort;
  sortOn = f: builtins.sort (a: b: f a < f b);
  naturalSort = builtins.sort builtins.lessThan;
  zipListsWith =
    f: a: b:
    genList (i: f (elemAt a i) (elemAt b i)) (lib.min (length a) (length b));
  zipLists = lib.zipListsWith (fst: snd: { inherit fst snd; });
  groupBy = builtins.groupBy;
  crossLists = f: builtins.foldl' (fs: args: builtins.concatMap (g: map g args) fs) [ f ];
  replicate = n: x: genList (_: x) n;
  hasPrefixList = a: b: lib.take (length a) b == a;
}
