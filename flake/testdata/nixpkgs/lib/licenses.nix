lib:
let
  free = spdxId: {
    inherit spdxId;
    free = true;
    shortName = lib.toLower spdxId;
    fullName = spdxId;
  };
  unfree = shortName: {
    inherit shortName;
    free = false;
    fullName = shortName;
  };
in
{
  mit = free "MIT";
  asl20 = free "Apache-2.0";
  gpl3Only = free "GPL-3.0-only";
  gpl3Plus = free "GPL-3.0-or-later";
  gpl2Plus = free "GPL-2.0-or-later";
  bsd3 = free "BSD-3-Clause";
  mpl20 = free "MPL-2.0";
  isc = free "ISC";
  unlicense = free "Unlicense";
  cc0 = free "CC0-1.0";
  unfree = unfree "unfree";
  bsl11 = unfree "bsl11";
}
