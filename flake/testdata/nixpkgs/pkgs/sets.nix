# The packages by name, and sets of packages.
lib: final: _:
let

  names = import ./names.nix lib;
  package =
    attr: extra:
    final.stdenv.mkDerivation {
      pname = extra.pname or attr;
      version = extra.version or "1.0";
      meta = {
        mainProgram = extra.mainProgram or attr;
        license = extra.license or lib.licenses.mit;
        platforms = extra.platforms or lib.platforms.linux;
        description = "A stand-in for ${attr}";
        priority = 5;
      };
      passthru = (extra.passthru or { }) // lib.optionalAttrs (extra ? shell) { shellPath = "/bin/${attr}"; };
    };
  ofSet = prefix: list: lib.genAttrs list (n: package n { pname = "${prefix}${n}"; });
in
lib.genAttrs names.free (n: package n { })
// builtins.mapAttrs package names.special
// builtins.mapAttrs (n: license: package n { inherit license; }) names.unfree
// {
  mariadb = package "mariadb" { } // {
    client = package "mariadb-client" { pname = "mariadb.client"; };
  };
  nodePackages_latest = throw "nodePackages has been removed";
  linuxPackages = ofSet "" [ "kernel" "perf" ];
  linuxPackages_latest = ofSet "" [ "kernel" "perf" ];
  kdePackages = ofSet "" names.kde;
  nerd-fonts = ofSet "nerd-fonts-" [ "jetbrains-mono" "fira-code" "hack" "meslo-lg" "iosevka" "symbols-only" ];
  vimPlugins = ofSet "vimplugin-" names.vimPlugins;
  tmuxPlugins = ofSet "tmuxplugin-" names.tmuxPlugins;
  python3Packages = ofSet "python3-" names.python;
  python3 = package "python3" { } // {
    pkgs = final.python3Packages;
    withPackages = f: final.buildEnv {
      name = "python3-env";
      paths = f final.python3Packages;
    };
  };
  python312Packages = final.python3Packages;
  python313Packages = final.python3Packages;
  perlPackages = ofSet "perl-" [ "JSON" ];
  rustPlatform.buildRustPackage = final.stdenv.mkDerivation;
  python3Minimal = package "python3-minimal" { };
  vscode-extensions = { };
}
