# The package profiles, each with all of the one before. Every attribute exists
# in NixOS 25.11, 26.05 and unstable, is free, and builds on x86_64-linux and
# aarch64-linux.
pkgs: rec {
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

  essential =
    minimal
    ++ (with pkgs; [
      bat
      delta
      direnv
      eza
      fd
      fzf
      gh
      git
      htop
      lazygit
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
    ]);

  development =
    essential
    ++ (with pkgs; [
      cargo
      clippy
      cmake
      docker-client
      docker-compose
      gcc
      gnumake
      go
      gopls
      httpie
      k9s
      kind
      kubectl
      kubernetes-helm
      mariadb.client
      nodejs
      pgcli
      pkg-config
      pnpm
      postgresql
      prettier
      python3
      redis
      ruff
      rust-analyzer
      rustc
      sqlite
      typescript-language-server
      uv
    ]);

  full =
    development
    ++ (with pkgs; [
      age
      argocd
      awscli2
      azure-cli
      bandwhich
      chromium
      devspace
      dig
      dive
      ethtool
      firefox
      freerdp
      google-cloud-sdk
      iperf3
      minikube
      mongodb-tools
      mongosh
      mtr
      neovim
      nethogs
      nmap
      opentofu
      remmina
      skopeo
      sops
      ssh-to-age
      tcpdump
      tigervnc
      traceroute
      usql
      vcluster
      whois
      wireshark-cli
      wl-clipboard
    ]);
}
