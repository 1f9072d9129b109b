# What the architecture promises of a machine, read from its configuration. The
# golden files beside this one hold the result for a host of each target.
configurations:
builtins.mapAttrs (
  _:
  { config, pkgs, ... }:
  let
    inherit (pkgs) lib;
    inherit (builtins)
      any
      attrNames
      elem
      filter
      fromJSON
      head
      mapAttrs
      match
      split
      ;
    c = config;
    tailnet = c.networking.firewall.interfaces.tailscale0 or null;
    remote = c.services.xrdp.enable;
    holds = part: text: builtins.replaceStrings [ part ] [ "" ] text != text;
    names = map (p: p.pname or p.name) c.environment.systemPackages;
    console = param: match "console=(.*)" param;
  in
  {
    system = pkgs.stdenv.hostPlatform.system;
    toplevel = match ".*[.]drv" c.system.build.toplevel.drvPath != null;

    base = {
      timeZone = c.time.timeZone;
      locale = c.i18n.defaultLocale;
      features = c.nix.settings.experimental-features;
      channels = c.nix.channel.enable;
      mutableUsers = c.users.mutableUsers;
    };

    ssh = {
      enable = c.services.openssh.enable;
      onDemand = c.services.openssh.startWhenNeeded;
      passwords = c.services.openssh.settings.PasswordAuthentication;
      keyboardInteractive = c.services.openssh.settings.KbdInteractiveAuthentication;
      root = c.services.openssh.settings.PermitRootLogin;
    };

    network = {
      firewall = c.networking.firewall.enable;
      publicTcp = c.networking.firewall.allowedTCPPorts;
      publicUdp = c.networking.firewall.allowedUDPPorts;
      tailnetPorts = if tailnet == null then null else tailnet.allowedTCPPorts;
      tailscale = c.services.tailscale.enable;
      fail2ban = c.services.fail2ban.enable;
      nftables = c.networking.nftables.enable;
      rateLimit = holds "limit rate over 10/minute" c.networking.firewall.extraInputRules;
      sshOpenedBy = if c.services.openssh.openFirewall then "services.openssh" else "a limited rule";
      manager = c.networking.networkmanager.enable;
    };

    desktop = {
      plasma = c.services.desktopManager.plasma6.enable;
      wayland = c.services.displayManager.sddm.wayland.enable;
      sddm = c.services.displayManager.sddm.enable;
      sound =
        if c.services.pulseaudio.enable then
          "pulseaudio"
        else if c.services.pipewire.pulse.enable then
          "pipewire"
        else
          null;
      bluetooth = c.hardware.bluetooth.enable;
      printing = c.services.printing.enable;
      remote = {
        rdp = remote;
        rdpToTheWorld = c.services.xrdp.openFirewall;
        session = if !remote then null else head (split "[0-9]?-session" c.services.xrdp.defaultWindowManager);
        vnc = c.systemd.user.sockets ? nixdeploy-vnc;
      };
    };

    development = {
      enable = c.nixdeploy.development.enable;
      docker =
        if c.wsl.docker-desktop.enable or false && !c.virtualisation.docker.enable then
          "Docker Desktop"
        else if !c.virtualisation.docker.enable then
          null
        else if c.virtualisation.docker.enableOnBoot then
          "on boot"
        else
          "on its socket";
      direnv = c.programs.direnv.enable;
      vscode = c.programs.nix-ld.enable && elem "wget" names;
      cloud = elem "awscli2" names && elem "azure-cli" names && elem "google-cloud-sdk" names;
      languages = filter (name: elem name names) [
        "cargo"
        "go"
        "nodejs"
        "python3"
      ];
    };

    packages = {
      profile = c.nixdeploy.packageProfile;
      names = builtins.length names;
    };

    homes = mapAttrs (
      _: user:
      filter (name: user.nixdeploy.home.${name}.enable) (attrNames user.nixdeploy.home)
    ) c.home-manager.users;

    hardware = {
      container = c.boot.isContainer;
      loader = (fromJSON c.environment.etc."nixdeploy/system.json".text).boot_loader;
      virtio = elem "virtio_scsi" c.boot.initrd.availableKernelModules;
      guestAgent = c.services.qemuGuest.enable;
      growPartition = c.boot.growPartition;
      consoles = map (p: head (console p)) (filter (p: console p != null) c.boot.kernelParams);
      asahi = c.hardware.asahi.enable or false;
      firmware = c.hardware.enableRedistributableFirmware;
      zram = c.zramSwap.enable;
    };

    wsl =
      if !(c.wsl.enable or false) then
        null
      else
        {
          inherit (c.wsl) defaultUser;
          interop = c.wsl.interop.includePath;
        };

    space = {
      collect = c.nix.gc.automatic;
      keep = c.nix.gc.options;
      optimise = c.nix.optimise.automatic;
      journal = holds "SystemMaxUse=500M" c.environment.etc."systemd/journald.conf.d/20-nixdeploy.conf".text;
      trim = c.services.fstrim.enable;
      cleanTmp = c.boot.tmp.cleanOnBoot;
      manuals = c.documentation.enable && c.documentation.nixos.enable;
      documentation = c.documentation.enable;
    };

    facts = fromJSON c.environment.etc."nixdeploy/system.json".text;
    people = mapAttrs (name: _: {
      groups = lib.unique (builtins.sort builtins.lessThan c.users.users.${name}.extraGroups);
      keys = builtins.length c.users.users.${name}.openssh.authorizedKeys.keys;
    }) c.nixdeploy.users;
    unfree = any (name: elem name c.nixdeploy.unfree.packages) [ "vscode" ];
    warnings = c.warnings;
  }
) configurations
