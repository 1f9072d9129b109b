# Attributes that exist in both releases, from the notes on NixOS 25.11 and
# 26.05 that flake/testdata/evidence/packages.txt names.
lib: {
  free = lib.filter (n: n != "") (
    lib.splitString " " (
      lib.concatStringsSep " " [
        "bash bashInteractive bash-completion coreutils coreutils-full findutils gnugrep gnused gawk gnutar gzip which file less procps curl cacert gitMinimal jq openssh"
        "git vim vim-full tmux tree ripgrep fd fzf bat eza zoxide htop ncdu rsync wget unzip zip direnv nix-direnv gh lazygit delta yq-go starship nh nix-output-monitor nixfmt"
        "nodejs nodejs_22 nodejs_24 uv ruff go gopls rustc cargo clippy rustfmt rust-analyzer gcc gnumake cmake pkg-config pnpm typescript-language-server prettier eslint docker-client docker-compose kubectl kubernetes-helm k9s kind sqlite postgresql postgresql_17 redis pgcli httpie mysql84"
        "awscli2 azure-cli google-cloud-sdk opentofu minikube argocd vcluster devspace skopeo dive mongosh mongodb-tools usql neovim vscodium firefox chromium remmina freerdp tigervnc wl-clipboard nmap tcpdump mtr traceroute iperf3 dig whois nethogs bandwhich ethtool wireshark wireshark-cli sops age ssh-to-age"
        "codex aider-chat opencode goose-cli qwen-code llm aichat mods ollama gemini-cli"
        "nix nix-ld nano perl strace glibcLocales iptables nftables fail2ban tailscale docker docker_29 podman qemu xrdp pulseaudio-module-xrdp pipewire wireplumber pulseaudio mesa bluez systemd sudo sudo-rs doas"
        "noto-fonts noto-fonts-color-emoji noto-fonts-cjk-sans liberation_ttf dejavu_fonts zlib openssl icu glibc libgcc xz zstd bzip2 net-tools netcat iproute2 iputils lsof psmisc util-linux shadow gnupg pinentry-curses pinentry-qt pinentry-gnome3 pinentry-gtk2 fastfetch wsl-open dust doggo yazi zellij btop glow tealdeer"
        "nil nixd lua-language-server bash-language-server shellcheck shfmt statix deadnix nix-tree nix-diff nvd cachix hyperfine tokei just pre-commit yamllint gopass pass ncurses man-pages xterm x11vnc xfce4-session i3 icewm openbox wayvnc sway labwc lf ranger bottom procs sd choose duf zsh fish nushell linux-firmware xdg-user-dirs attic-client lnav"
        "xwayland xdg-utils xdg-desktop-portal-gtk vlc mpv libreoffice gimp keepassxc thunderbird alacritty kitty ghostty wezterm nix-index comma devenv gitui tig git-lfs glab act hadolint terraform-ls tflint kubectx stern helmfile kustomize fluxcd istioctl trivy cosign crane buildah lazydocker ctop netcat-gnu socat websocat grpcurl xh curlie"
      ]
    )
  );
  unfree = {
    terraform = lib.licenses.bsl11;
  } // lib.genAttrs [
    "vscode"
    "postman"
    "claude-code"
    "cursor-cli"
    "code-cursor"
    "amp-cli"
    "crush"
    "antigravity-cli"
    "_1password-cli"
    "_1password-gui"
  ] (_: lib.licenses.unfree);
  special = {
    google-chrome = {
      license = lib.licenses.unfree;
      platforms = [ "x86_64-linux" ];
    };
  };
  kde = lib.splitString " " "sddm plasma-workspace plasma-desktop kwin dolphin konsole kate ark gwenview okular spectacle kcalc krdp krfb elisa khelpcenter kdeconnect-kde plasma-browser-integration discover plasma-login-manager xdg-desktop-portal-kde breeze breeze-icons filelight partitionmanager kwalletmanager kwallet kwallet-pam oxygen qtwayland bluedevil plasma-nm plasma-pa print-manager drkonqi ksshaskpass";
  vimPlugins = lib.splitString " " "nvim-lspconfig nvim-treesitter telescope-nvim plenary-nvim gitsigns-nvim lualine-nvim nvim-cmp cmp-nvim-lsp which-key-nvim nvim-tree-lua comment-nvim vim-nix catppuccin-nvim tokyonight-nvim gruvbox-nvim vim-fugitive vim-surround vim-commentary vim-sensible";
  tmuxPlugins = lib.splitString " " "sensible yank resurrect continuum vim-tmux-navigator catppuccin";
  python = lib.splitString " " "requests pip numpy pandas ipython pytest black virtualenv pyyaml boto3";
}
