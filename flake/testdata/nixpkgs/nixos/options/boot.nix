# boot.*, and what a machine is made of
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  modules = strings;
  # a list of names, or a set of name = bool (25.11 and newer)
  kernelModules = opt (types.coercedTo (types.listOf types.str) (
    names: lib.genAttrs names (_: true)
  ) (types.attrsOf types.bool)) { };
in
{
  options = {
    boot = {
      isContainer = opt types.bool config.boot.isNspawnContainer;
      isNspawnContainer = off;
      enableContainers = opt types.bool (config.containers != { });
      growPartition = off;
      kernelPackages = opt types.raw pkgs.linuxPackages;
      kernelParams = opt (types.listOf (types.strMatching ''([^"[:space:]]|"[^"]*")+'')) [ ];
      kernelModules = kernelModules // {
        apply = set: builtins.attrNames (lib.filterAttrs (_: v: v) set);
      };
      kernelPatches = opt (types.listOf types.attrs) [ ];
      extraModulePackages = packages;
      extraModprobeConfig = lines;
      blacklistedKernelModules = modules;
      consoleLogLevel = int 4;
      supportedFilesystems = opt (types.coercedTo (types.listOf types.str) (
        names: lib.genAttrs names (_: true)
      ) (types.attrsOf types.bool)) { };
      kernel = {
        enable = on;
        sysctl = opt (types.submodule {
          freeformType = types.attrsOf (types.nullOr (types.oneOf [ types.bool types.str types.int ]));
        }) { };
        sysfs = opt types.anything { };
      };
      initrd = {
        enable = opt types.bool (!config.boot.isContainer);
        availableKernelModules = kernelModules // {
          apply = set: builtins.attrNames (lib.filterAttrs (_: v: v) set);
        };
        kernelModules = kernelModules // {
          apply = set: builtins.attrNames (lib.filterAttrs (_: v: v) set);
        };
        includeDefaultModules = on;
        allowMissingModules = off;
        compressor = opt (types.either types.str (types.functionTo types.str)) "zstd";
        verbose = on;
        checkJournalingFS = on;
        supportedFilesystems = opt (types.coercedTo (types.listOf types.str) (
          names: lib.genAttrs names (_: true)
        ) (types.attrsOf types.bool)) { };
        luks.devices = subsOf {
          device = must types.path;
          allowDiscards = off;
          bypassWorkqueues = off;
          keyFile = maybe types.str;
          preLVM = on;
        };
        network = {
          enable = off;
          ssh = {
            enable = off;
            port = opt types.port 22;
            hostKeys = opt (types.listOf (types.either types.str types.path)) [ ];
            authorizedKeys = strings;
          };
        };
        postDeviceCommands = lines;
        postMountCommands = lines;
        preDeviceCommands = lines;
        preLVMCommands = lines;
        secrets = setOf (types.nullOr types.path);
        systemd = {
          enable = opt types.bool (since "26.05");
          emergencyAccess = opt (types.oneOf [ types.bool types.str ]) false;
          tpm2.enable = off;
          services = setOf types.anything;
          packages = packages;
        };
      };
      loader = {
        timeout = maybe types.int // {
          default = 5;
        };
        efi = {
          canTouchEfiVariables = off;
          efiSysMountPoint = str "/boot";
        };
        external.enable = off;
        generic-extlinux-compatible = {
          enable = off;
          configurationLimit = int 20;
          useGenerationDeviceTree = on;
        };
        grub = {
          enable = opt types.bool (!config.boot.isContainer);
          device = str "";
          devices = strings;
          mirroredBoots = opt (types.listOf (sub {
            path = must types.str;
            devices = strings;
            efiSysMountPoint = maybe types.str;
          })) [ ];
          efiSupport = off;
          efiInstallAsRemovable = off;
          configurationLimit = int 100;
          useOSProber = off;
          copyKernels = off;
          default = opt (types.either types.int types.str) "0";
          extraConfig = lines;
          extraEntries = lines;
          fsIdentifier = opt (types.enum [ "uuid" "label" "provided" ]) "uuid";
          forceInstall = off;
          splashImage = maybe types.path;
          theme = maybe types.path;
          memtest86.enable = off;
          zfsSupport = off;
          gfxmodeEfi = str "auto";
          gfxmodeBios = str "1024x768";
          timeoutStyle = opt (types.enum [ "menu" "countdown" "hidden" ]) "menu";
        };
        systemd-boot = {
          enable = off;
          configurationLimit = maybe types.int;
          editor = on;
          consoleMode = opt (types.enum [ "0" "1" "2" "5" "auto" "max" "keep" ]) "keep";
          graceful = off;
          memtest86.enable = off;
          netbootxyz.enable = off;
          extraEntries = setOf types.lines;
          extraFiles = setOf types.path;
          extraInstallCommands = lines;
          rebootForBitlocker = off;
          xbootldrMountPoint = maybe types.str;
        };
      };
      plymouth = {
        enable = off;
        theme = str "bgrt";
      };
      binfmt = {
        emulatedSystems = strings;
        registrations = setOf types.anything;
      };
      tmp = {
        cleanOnBoot = off;
        useTmpfs = off;
        tmpfsSize = opt (types.oneOf [ types.str types.ints.positive ]) "50%";
      };
      nixStoreMountOpts = opt (types.listOf types.nonEmptyStr) [
        "ro"
        "nodev"
        "nosuid"
      ];
      postBootCommands = lines;
      swraid.enable = off;
      zfs = {
        forceImportRoot = on;
        extraPools = strings;
      };
      hardwareScan = on;
      bootspec.enable = on;
      modprobeConfig.enable = on;
      resumeDevice = str "";
    };
    powerManagement = {
      enable = on;
      cpuFreqGovernor = maybe types.str;
      powertop.enable = off;
      powerUpCommands = lines;
      resumeCommands = lines;
    };
  };
}
