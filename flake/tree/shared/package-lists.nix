# The package profiles: minimal, essential, development and full, each with all
# of the one before. They are put together from the groups above them, which
# modules use as well.
#
# Every attribute exists in NixOS 25.11, 26.05 and unstable, is free, and builds
# on x86_64-linux and aarch64-linux, but for what `unfree` and the platform say.
# The sizes are budgets, not promises: a compiler or a cloud's CLI alone can be
# larger than its whole profile. `nix path-info -Sh` tells.
{
  lib,
  pkgs,
  # What the machine is: whether it shows windows, and may have unfree packages.
  graphical ? false,
  unfree ? false,
}:
let
  x86 = pkgs.stdenv.hostPlatform.system == "x86_64-linux";
in
rec {
  # Groups.
  languages = with pkgs; [
    cargo
    clippy
    go
    gopls
    nodejs
    pnpm
    prettier
    python3
    ruff
    rust-analyzer
    rustc
    typescript-language-server
    uv
  ];

  buildTools = with pkgs; [
    cmake
    gcc
    gnumake
    pkg-config
  ];

  containerTools = with pkgs; [
    docker-client
    docker-compose
    k9s
    kind
    kubectl
    kubernetes-helm
  ];

  databaseClients = with pkgs; [
    mariadb.client
    pgcli
    postgresql
    redis
    sqlite
  ];

  cloudTools = with pkgs; [
    awscli2
    azure-cli
    google-cloud-sdk
    opentofu
  ];

  networkTools = with pkgs; [
    bandwhich
    dig
    ethtool
    iperf3
    mtr
    nethogs
    nmap
    tcpdump
    traceroute
    whois
    wireshark-cli
  ];

  graphicalTools = with pkgs; [
    chromium
    firefox
    freerdp
    remmina
    tigervnc
    wl-clipboard
  ];

  unfreeTools = [
    pkgs.terraform
  ]
  ++ lib.optionals graphical (
    [ pkgs.vscode ]
    # There is none for aarch64.
    ++ lib.optional x86 pkgs.google-chrome
  );

  # What a person has beside the machine's own packages, by user/packages.nix.
  personal = with pkgs; [
    delta
    gh
    lazygit
  ];
  personalWsl = [ pkgs.wsl-open ];

  # Profiles.

  # About 100 MB.
  minimal = with pkgs; [
    bashInteractive
    cacert
    coreutils
    curl
    file
    findutils
    gawk
    gitMinimal
    gnugrep
    gnused
    gnutar
    gzip
    jq
    less
    openssh
    procps
    which
  ];

  # About 275 MB.
  essential =
    minimal
    ++ (with pkgs; [
      bat
      direnv
      eza
      fd
      fzf
      git
      htop
      ncdu
      nh
      nix-direnv
      nix-output-monitor
      nixfmt
      ripgrep
      rsync
      starship
      tmux
      tree
      unzip
      vim
      wget
      yq-go
      zoxide
    ])
    ++ personal;

  # 600 MB were meant; the compilers need more.
  development =
    essential ++ languages ++ buildTools ++ containerTools ++ databaseClients ++ [ pkgs.httpie ];

  # 1 GB was meant; the three cloud CLIs alone need more.
  full =
    development
    ++ cloudTools
    ++ networkTools
    ++ (with pkgs; [
      age
      argocd
      devspace
      dive
      minikube
      mongodb-tools
      mongosh
      neovim
      skopeo
      sops
      ssh-to-age
      usql
      vcluster
    ])
    ++ lib.optionals graphical graphicalTools
    ++ lib.optionals unfree unfreeTools;
}
