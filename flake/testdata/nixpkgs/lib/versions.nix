lib: {
  inherit (builtins) compareVersions splitVersion;
  versionOlder = a: b: builtins.compareVersions b a == 1;
  versionAtLeast = a: b: !(lib.versionOlder a b);
  versions = {
    splitVersion = builtins.splitVersion;
    major = v: builtins.elemAt (builtins.splitVersion v) 0;
    minor = v: builtins.elemAt (builtins.splitVersion v) 1;
    majorMinor = v: lib.concatStringsSep "." (lib.take 2 (builtins.splitVersion v));
  };
}
