# How packages are made here: each is a derivation that nobody can build, and
# remembers in passthru what it was made of.
{ lib, system, config }:
final: _:
let

  platform = lib.systems.elaborate system;
  allowed =
    pkg:
    config.allowUnfree or false
    || (config.allowUnfreePredicate or (_: false)) pkg;
  refuse =
    pkg:
    let
      meta = pkg.meta or { };
      license = meta.license or { };
      name = pkg.name;
    in
    if !(license.free or true) && !allowed pkg then
      throw "Refusing to evaluate package '${name}' in nixpkgs/pkgs/names.nix:1 because it has an unfree license (‘${license.shortName}’)"
    else if !(builtins.elem system (meta.platforms or [ system ])) then
      throw "Refusing to evaluate package '${name}' in nixpkgs/pkgs/names.nix:1 because it is not available on the requested hostPlatform"
    else
      true;
  mkDerivation =
    given:
    let
      self = (if lib.isFunction given then given self else given);
      version = self.version or "1.0";
      name = self.name or "${self.pname}-${version}";
      pname = self.pname or (builtins.parseDrvName name).name;
      drv = derivation (
        {
          inherit name system;
          builder = "/bin/sh";
          # what a change of the arguments must show in
          made = builtins.concatStringsSep " " (
            map toString (self.buildInputs or [ ] ++ self.nativeBuildInputs or [ ] ++ self.packages or [ ])
          );
          text = self.text or "";
        }
      );
      checked = builtins.seq (refuse pkg) drv;
      pkg =
        (self.passthru or { })
        // {
          type = "derivation";
          inherit name pname version system;
          meta = {
            available = (builtins.tryEval (refuse pkg)).success;
            name = name;
          } // (self.meta or { });
          passthru = self.passthru or { };
          inherit (checked) drvPath outPath;
          outputName = "out";
          outputs = [ "out" ];
          out = pkg;
          override = _: pkg;
          # f is attributes, old: attributes or final: old: attributes
          overrideAttrs =
            f:
            let
              first = if lib.isFunction f then f self else f;
            in
            mkDerivation (self // (if lib.isFunction first then f pkg self else first));
        };
    in
    pkg;
  # a derivation that keeps its arguments for tests to look at
  keep = name: arguments: mkDerivation {
    inherit name;
    text = builtins.unsafeDiscardStringContext (
      builtins.toJSON (builtins.mapAttrs (_: v: if lib.isFunction v then "function" else v) (builtins.intersectAttrs { tag = null; config = null; text = null; } arguments))
    );
    packages = lib.toList (arguments.contents or arguments.paths or arguments.packages or [ ]);
    passthru = {
      inherit arguments;
    } // arguments.passthru or { };
  };
  callPackage = lib.callPackageWith final;
  format = ext: _: {
    type = lib.types.attrsOf lib.types.anything;
    generate = name: value: keep "${name}" { inherit value; };
    lib = { };
    inherit ext;
  };
in
{
  stdenv = {
    inherit mkDerivation;
    hostPlatform = platform;
    buildPlatform = platform;
    targetPlatform = platform;
    inherit (platform) system isLinux isDarwin isx86_64 isAarch64;
    cc = mkDerivation { pname = "gcc-wrapper"; } // {
      cc = mkDerivation { pname = "gcc"; } // {
        lib = mkDerivation { name = "gcc-lib"; };
      };
    };
  };
  stdenvNoCC = final.stdenv;
  inherit callPackage;
  callPackages = lib.callPackagesWith final;
  newScope = scope: lib.callPackageWith (final // scope);
  makeScope = lib.makeScope final.newScope;
  hostPlatform = platform;
  nixos = modules: lib.nixosSystem { inherit modules; };

  writeText = name: text: keep name { inherit text; };
  writeTextFile = args: keep args.name args;
  writeTextDir = path: text: keep (baseNameOf path) { inherit path text; };
  writeScript = name: text: keep name { inherit text; };
  writeScriptBin = name: text: keep name { inherit text; };
  writeShellScript = name: text: keep name { inherit text; };
  writeShellScriptBin = name: text: keep name { inherit text; };
  writeShellApplication = args: keep args.name args;
  runCommand = name: env: text: keep name { inherit env text; };
  runCommandLocal = name: env: text: keep name { inherit env text; };
  runCommandNoCC = name: env: text: keep name { inherit env text; };
  runCommandWith = args: text: keep args.name { inherit args text; };
  buildEnv = args: keep args.name args;
  symlinkJoin = args: keep (args.name or "${args.pname}-${args.version}") args;
  linkFarm = name: entries: keep name { inherit entries; };
  linkFarmFromDrvs = name: entries: keep name { inherit entries; };
  concatText = name: files: keep name { inherit files; };
  substitute = args: keep (args.name or "substituted") args;
  replaceVars = path: vars: keep (baseNameOf path) { inherit vars; };
  buildGoModule = args: mkDerivation args;
  buildNpmPackage = args: mkDerivation args;
  fetchFromGitHub = args: keep "source" args;
  fetchurl = args: keep (args.name or "fetched") args;
  makeWrapper = mkDerivation { pname = "make-wrapper-hook"; };
  makeFontsConf = args: keep "fonts.conf" args;
  mkShell = args: keep (args.name or "nix-shell") args;
  mkShellNoCC = args: keep (args.name or "nix-shell") args;
  testers.runNixOSTest = args: keep "vm-test-run" { inherit args; };
  pkgsBuildHost = final;
  buildPackages = final;

  dockerTools = {
    streamLayeredImage = args: keep "stream-${args.name}" args;
    buildLayeredImage = args: keep "${args.name}.tar.gz" args;
    buildImage = args: keep "docker-image-${args.name}.tar.gz" args;
    buildLayeredImageWithNixDb = args: keep "${args.name}.tar.gz" args;
    fakeNss = lib.makeOverridable (args: keep "fake-nss" args) {
      extraPasswdLines = [ ];
      extraGroupLines = [ ];
    };
    usrBinEnv = mkDerivation { name = "usr-bin-env"; };
    binSh = mkDerivation { name = "bin-sh"; };
    caCertificates = mkDerivation { name = "ca-certificates"; };
  };
  fakeNss = final.dockerTools.fakeNss;
  formats = lib.genAttrs [ "json" "yaml" "toml" "ini" "iniWithGlobalSection" "keyValue" "gitIni" "systemd" "libconfig" "javaProperties" ] format;
}
