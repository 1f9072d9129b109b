# Packages by name: each is as much of a derivation as a list needs.
let
  fake = name: {
    inherit name;
    type = "derivation";
  };
  names = [
    "age" "argocd" "awscli2" "azure-cli" "bandwhich" "bashInteractive" "bat" "cacert" "cargo" "chromium" "clippy"
    "cmake" "coreutils" "curl" "delta" "devspace" "dig" "direnv" "dive" "docker-client" "docker-compose" "ethtool"
    "eza" "fd" "file" "findutils" "firefox" "freerdp" "fzf" "gawk" "gcc" "gh" "git" "gitMinimal" "gnugrep" "gnumake"
    "gnused" "gnutar" "go" "google-cloud-sdk" "gopls" "gzip" "htop" "httpie" "iperf3" "jq" "k9s" "kind" "kubectl"
    "kubernetes-helm" "lazygit" "less" "minikube" "mongodb-tools" "mongosh" "mtr" "ncdu" "neovim" "nethogs" "nh"
    "nix-direnv" "nix-output-monitor" "nixfmt" "nmap" "nodejs" "openssh" "opentofu" "pgcli" "pkg-config" "pnpm"
    "postgresql" "prettier" "procps" "python3" "redis" "remmina" "ripgrep" "rsync" "ruff" "rust-analyzer" "rustc"
    "skopeo" "sops" "sqlite" "ssh-to-age" "starship" "tcpdump" "tigervnc" "tmux" "traceroute" "tree"
    "typescript-language-server" "unzip" "usql" "uv" "vcluster" "vim" "wget" "which" "whois" "wireshark-cli"
    "wl-clipboard" "yq-go" "zoxide"
  ];
in
builtins.listToAttrs (map (name: { inherit name; value = fake name; }) names)
// {
  mariadb.client = fake "mariadb.client";
}
