# assertions, system.*, nixpkgs.*, documentation
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options = {
    assertions = mkOption {
      type = types.listOf types.unspecified;
      internal = true;
      default = [ ];
      description = "What has to hold.";
    };
    warnings = mkOption {
      type = types.listOf types.str;
      internal = true;
      default = [ ];
      description = "What to say.";
    };
    lib = setOf types.attrs;
    meta = {
      maintainers = opt (types.listOf types.raw) [ ];
      buildDocsInSandbox = on;
    };
    system = {
      stateVersion = mkOption {
        type = types.str;
        default = lib.trivial.release;
        description = "The release of the first installation.";
      };
      name = mkOption {
        type = types.str;
        default = config.networking.hostName;
        description = "The name of the system.";
      };
      build = opt (types.submodule { freeformType = types.lazyAttrsOf (types.uniq types.unspecified); }) { };
      nixos = {
        label = opt (types.strMatching "[a-zA-Z0-9:_\\.-]*") lib.version;
        tags = strings;
        release = mkOption {
          type = types.str;
          readOnly = true;
          default = lib.trivial.release;
          description = "The release.";
        };
        version = mkOption {
          type = types.str;
          internal = true;
          default = lib.version;
          description = "The version.";
        };
        variant_id = maybe (types.strMatching "^[a-z0-9._-]+$");
        variantName = maybe types.str;
      };
      configurationRevision = maybe types.str;
      autoUpgrade = {
        enable = off;
        flake = maybe types.str;
        channel = maybe types.str;
        flags = strings;
        dates = str "04:40";
        operation = opt (types.enum [ "switch" "boot" ]) "switch";
        allowReboot = off;
        upgrade = on;
        persistent = on;
        fixedRandomDelay = off;
        randomizedDelaySec = str "0";
        runGarbageCollection = off;
        rebootWindow = maybe (sub {
          lower = must (types.strMatching "[[:digit:]]{2}:[[:digit:]]{2}");
          upper = must (types.strMatching "[[:digit:]]{2}:[[:digit:]]{2}");
        });
      };
      activationScripts = opt (types.attrsOf (
        types.either types.str (
          sub {
            deps = strings;
            text = must types.lines;
            supportsDryActivation = off;
          }
        )
      )) { };
      userActivationScripts = setOf types.unspecified;
      preSwitchChecks = setOf types.str;
      extraDependencies = opt (types.listOf types.pathInStore) [ ];
      extraSystemBuilderCmds = lines;
      includeBuildDependencies = off;
      replaceDependencies.replacements = opt (types.listOf types.raw) [ ];
      forbiddenDependenciesRegexes = strings;
      copySystemConfiguration = off;
      disableInstallerTools = off;
      switch =
        {
          enable = on;
        }
        // lib.optionalAttrs (since "26.05") {
          inhibitors = setOf types.str;
        };
      tools = lib.genAttrs [
        "nixos-rebuild"
        "nixos-option"
        "nixos-version"
        "nixos-install"
        "nixos-enter"
        "nixos-build-vms"
        "nixos-generate-config"
      ] (_: { enable = on; });
      etc.overlay = {
        enable = off;
        mutable = on;
      };
      nssDatabases = lib.genAttrs [ "passwd" "group" "shadow" "hosts" "services" ] (_: strings);
      nssModules = opt (types.listOf types.path) [ ];
      boot.loader = {
        id = str "";
        kernelFile = str "bzImage";
        initrdFile = str "initrd";
      };
    };
    specialisation = subsOf {
      inheritParentConfig = on;
      configuration = opt types.deferredModule { };
    };
    image.modules = setOf types.deferredModule;
    nixpkgs = {
      config = opt (types.mkOptionType {
        name = "nixpkgs-config";
        description = "nixpkgs config";
        check = builtins.isAttrs;
        merge = _: defs: builtins.foldl' (a: d: lib.recursiveUpdate a d.value) { } (lib.reverseList defs);
      }) { };
      overlays = opt (types.listOf (types.uniq (types.functionTo (types.functionTo (types.lazyAttrsOf types.unspecified))) // {
        check = builtins.isFunction;
        merge = lib.mergeOneOption;
      })) [ ];
      hostPlatform = must (types.either types.str types.attrs);
      buildPlatform = mkOption {
        type = types.either types.str types.attrs;
        default = config.nixpkgs.hostPlatform;
        description = "Where packages are built.";
      };
      system = must types.str;
      pkgs = must types.pkgs;
      flake = {
        source = maybe (types.either types.str types.path);
        setNixPath = off;
        setFlakeRegistry = off;
      };
    };
    documentation = {
      enable = on;
      doc.enable = on;
      dev.enable = off;
      info.enable = on;
      man = {
        enable = on;
        man-db.enable = off;
        mandoc.enable = off;
      } // (if since "26.05" then { cache.enable = off; } else { generateCaches = off; });
      nixos = {
        enable = on;
        includeAllModules = off;
        extraModules = opt (types.listOf types.raw) [ ];
        options.warningsAreErrors = on;
      };
    };
  };
}
