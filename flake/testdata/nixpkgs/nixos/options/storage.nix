# fileSystems, swap, trim
{ declare, lib, since }:
with declare;
{ config, ... }:
{
  options = {
    fileSystems = opt (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            enable = on;
            mountPoint = str name;
            device = maybe types.nonEmptyStr;
            # 26.05 took its default away.
            fsType = if since "26.05" then must types.nonEmptyStr else opt types.nonEmptyStr "auto";
            options = opt (types.nonEmptyListOf types.nonEmptyStr) [ "defaults" ];
            label = maybe types.nonEmptyStr;
            neededForBoot = off;
            autoFormat = off;
            autoResize = off;
            noCheck = off;
            formatOptions = maybe types.str;
            depends = strings;
            encrypted = {
              enable = off;
              blkDev = maybe types.str;
              label = maybe types.str;
              keyFile = maybe types.str;
            };
            overlay = {
              lowerdir = maybe (types.nonEmptyListOf types.str);
              upperdir = maybe types.str;
              workdir = maybe types.str;
            };
          };
          config.device = lib.mkIf (config.label != null) (
            lib.mkDefault "/dev/disk/by-label/${config.label}"
          );
        }
      )
    )) { } // {
      apply = lib.filterAttrs (_: fs: fs.enable);
    };
    swapDevices = opt (types.listOf (
      types.submodule (
        { config, options, ... }:
        {
          options = {
            device = must types.nonEmptyStr;
            label = must types.str;
            size = maybe types.int;
            priority = maybe types.int;
            options = opt (types.nonEmptyListOf types.nonEmptyStr) [ "defaults" ];
            discardPolicy = maybe (types.enum [ "once" "pages" "both" ]);
            randomEncryption = opt (types.coercedTo types.bool (enable: { inherit enable; }) (sub {
              enable = off;
              allowDiscards = off;
            })) false;
            deviceName = str "";
            realDevice = str "";
          };
          config.device = lib.mkIf options.label.isDefined "/dev/disk/by-label/${config.label}";
        }
      )
    )) [ ];
    zramSwap = {
      enable = off;
      algorithm = str "zstd";
      memoryPercent = int 50;
      memoryMax = maybe types.int;
      priority = int 5;
      swapDevices = int 1;
      writebackDevice = maybe types.path;
    };
    services = {
      fstrim = {
        enable = on;
        interval = str "weekly";
      };
      smartd.enable = off;
      btrfs.autoScrub = {
        enable = off;
        interval = str "monthly";
        fileSystems = opt (types.listOf types.path) [ ];
      };
      udisks2 = {
        enable = off;
        mountOnMedia = off;
        settings = setOf ini;
      };
      gvfs.enable = off;
      devmon.enable = off;
      lvm.enable = on;
    };
  };
}
