# A place to write programs: containers, languages, cloud CLIs, database
# clients, build tools, and prebuilt binaries such as VS Code's server.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  layer = import ../../lib/priorities.nix lib;
  cfg = config.nixdeploy.development;
  lists = import ../../shared/package-lists.nix { inherit lib pkgs; };
  group =
    what:
    lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether to install ${what}.";
    };
in
{
  options.nixdeploy.development = {
    enable = lib.mkEnableOption "development tools, Docker and direnv";

    docker.enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether to run Docker here. Whoever may use it is root.";
    };
    containers.enable = group "the clients of Docker and Kubernetes";
    languages.enable = group "Node.js, Python, Go and Rust";
    buildTools.enable = group "a C compiler, make and CMake";
    databases.enable = group "the clients of PostgreSQL, MariaDB, Redis and SQLite";
    cloud.enable = lib.mkOption {
      type = lib.types.bool;
      default = config.nixdeploy.packageProfile == "full";
      defaultText = lib.literalExpression ''config.nixdeploy.packageProfile == "full"'';
      description = "Whether to install the CLIs of AWS, Azure and Google Cloud: some gigabytes.";
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.docker = lib.mkIf cfg.docker.enable {
      enable = layer.service true;
      # By its socket, when somebody calls it. A container with a restart policy
      # then waits for that call: set this to true for those.
      enableOnBoot = layer.service false;
      autoPrune.enable = layer.service true;
      # Docker's own rules go before the firewall: a published port would be
      # open to the world. `ip` is for the default network alone, and Compose
      # makes one for each project.
      daemon.settings = {
        ip = layer.service "127.0.0.1";
        default-network-opts.bridge."com.docker.network.bridge.host_binding_ipv4" =
          layer.service "127.0.0.1";
      };
    };

    programs.direnv.enable = layer.service true;
    # VS Code's server, and what npm and pip download, expect a dynamic linker
    # where other distributions have it. VS Code fetches its server with wget.
    programs.nix-ld.enable = layer.service true;

    environment.systemPackages = [
      pkgs.wget
    ]
    ++ lib.optionals cfg.containers.enable lists.containerTools
    ++ lib.optionals cfg.languages.enable lists.languages
    ++ lib.optionals cfg.buildTools.enable lists.buildTools
    ++ lib.optionals cfg.databases.enable lists.databaseClients
    ++ lib.optionals cfg.cloud.enable lists.cloudTools;
  };
}
