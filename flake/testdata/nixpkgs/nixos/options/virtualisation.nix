# virtualisation.*, containers.*, guests' agents
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  prune = {
    enable = off;
    flags = strings;
    dates = str "weekly";
    randomizedDelaySec = opt types.singleLineStr "0";
    persistent = on;
  };
in
{
  imports = [
    (lib.mkAliasOptionModule
      [ "virtualisation" "docker" "liveRestore" ]
      [ "virtualisation" "docker" "daemon" "settings" "live-restore" ]
    )
  ];
  options = {
    virtualisation = {
      docker = {
        enable = off;
        package = package pkgs "docker";
        enableOnBoot = on;
        enableNvidia = off;
        listenOptions = opt (types.listOf types.str) [ "/run/docker.sock" ];
        logDriver = opt (types.enum [
          "none" "json-file" "syslog" "journald" "gelf" "fluentd" "awslogs" "splunk" "etwlogs" "gcplogs" "local"
        ]) "journald";
        storageDriver = maybe (types.enum [ "aufs" "btrfs" "devicemapper" "overlay" "overlay2" "zfs" ]);
        daemon.settings = settings json {
          live-restore = opt types.bool (!lib.versionAtLeast config.system.stateVersion "24.11");
        };
        extraOptions = opt (types.separatedString " ") "";
        extraPackages = packages;
        autoPrune = prune // {
          enable = off;
        };
        rootless = {
          enable = off;
          setSocketVariable = off;
          daemon.settings = opt json { };
          package = package pkgs "docker";
          extraPackages = packages;
        };
      };
      podman = {
        enable = off;
        package = package pkgs "podman";
        dockerCompat = off;
        dockerSocket.enable = off;
        autoPrune = {
          enable = off;
          flags = strings;
          dates = str "weekly";
        };
        defaultNetwork.settings = opt json { };
        extraPackages = packages;
        networkSocket.enable = off;
      };
      containers = {
        enable = off;
        registries = {
          search = opt (types.listOf types.str) [ "docker.io" "quay.io" ];
          insecure = strings;
          block = strings;
        };
        policy = opt types.attrs { };
        storage.settings = opt json { };
        containersConf.settings = opt json { };
      };
      containerd.enable = off;
      oci-containers = {
        backend = opt (types.enum [ "podman" "docker" ]) "podman";
        containers = subsOf {
          image = must types.str;
          autoStart = on;
          cmd = strings;
          environment = setOf types.str;
          environmentFiles = opt (types.listOf types.path) [ ];
          ports = strings;
          volumes = strings;
          extraOptions = strings;
          dependsOn = strings;
        };
      };
      libvirtd = {
        enable = off;
        onBoot = opt (types.enum [ "start" "ignore" ]) "start";
        onShutdown = opt (types.enum [ "shutdown" "suspend" ]) "suspend";
        qemu = {
          package = package pkgs "qemu";
          runAsRoot = on;
          swtpm.enable = off;
        };
      };
      incus.enable = off;
      waydroid.enable = off;
      vmware.guest.enable = off;
      hypervGuest.enable = off;
      diskSize = opt (types.either (types.enum [ "auto" ]) types.ints.positive) "auto";
    };
    containers = subsOf {
      autoStart = off;
      ephemeral = off;
      privateNetwork = off;
      hostAddress = maybe types.str;
      localAddress = maybe types.str;
      path = must types.path;
      config = opt types.raw { };
      bindMounts = setOf types.attrs;
      forwardPorts = opt (types.listOf types.attrs) [ ];
    };
    services = {
      qemuGuest = {
        enable = off;
        package = opt types.package pkgs.qemu;
      };
      spice-vdagentd.enable = off;
      cloud-init.enable = off;
      k3s = {
        enable = off;
        role = opt (types.enum [ "server" "agent" ]) "server";
        extraFlags = opt (types.either types.str (types.listOf types.str)) "";
      };
    };
  };
}
