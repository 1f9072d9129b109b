# Derivations without a stdenv: /bin/sh and the machine's own coreutils (the lab's nix has no sandbox).
rec {
  system = "x86_64-linux";

  run = name: environment: script: derivation ({
    inherit name system;
    builder = "/bin/sh";
    PATH = "/usr/bin:/bin:/usr/sbin";
    args = [ "-euc" script ];
    preferLocalBuild = true;
  } // environment);

  text = name: content: run name { inherit content; passAsFile = [ "content" ]; } ''cp "$contentPath" $out'';

  script = name: content: run name { inherit content; passAsFile = [ "content" ]; } ''
    cp "$contentPath" $out
    chmod +x $out
  '';

  lines = builtins.concatStringsSep "\n";
  mapLines = f: set: lines (map (name: f name set.${name}) (builtins.attrNames set));
}
