# Names that nixpkgs took away, with its words.
lib: final: prev:
let

  newer = lib.versionAtLeast lib.trivial.release "26.05";
  renamed = old: new: throw "'${old}' has been renamed to/replaced by '${new}'";
  gone = old: why: throw "'${old}' has been removed${why}";
  always = {
    exa = gone "exa" " because it is unmaintained upstream. Consider using 'eza', a maintained fork";
    thefuck = gone "thefuck" " due to lack of maintenance upstream and incompatible with python 3.12+. Consider using 'pay-respects' instead";
    du-dust = renamed "du-dust" "dust";
    dogdns = gone "dogdns" " as it is unmaintained upstream. Consider switching to 'doggo'";
    freerdp3 = renamed "freerdp3" "freerdp";
    wireshark-qt = renamed "wireshark-qt" "wireshark";
    nix-ld-rs = renamed "nix-ld-rs" "nix-ld";
    ncdu_2 = renamed "ncdu_2" "ncdu";
    vim_configurable = renamed "vim_configurable" "vim-full";
    _1password = renamed "_1password" "_1password-cli";
    noto-fonts-emoji = renamed "noto-fonts-emoji" "noto-fonts-color-emoji";
    pinentry = throw "'pinentry' has been removed. Pick an appropriate variant like 'pinentry-curses' or 'pinentry-gnome3'";
    nerdfonts = throw "nerdfonts has been separated into individual font packages under the namespace nerd-fonts.";
    python = throw "'python' has been removed, use 'python3'";
    python2 = throw "'python2' has been removed, use 'python3'";
    python3Full = gone "python3Full" ", use 'python3'";
    nixfmt-rfc-style = lib.warn "nixfmt-rfc-style is now the same as pkgs.nixfmt which should be used instead." final.nixfmt;
    nettools = renamed "nettools" "net-tools";
    mysql-client = renamed "mysql-client" "mariadb.client";
  };
  since2605 = {
    nodejs_20 = throw "Refusing to evaluate package 'nodejs-20.20.0' in nixpkgs/pkgs/names.nix:1 because it is marked as insecure";
    nodePackages = throw "nodePackages has been removed because it was unmaintainable within nixpkgs";
    node2nix = gone "node2nix" "";
    neofetch = gone "neofetch" " because it is unmaintained upstream. Consider using 'fastfetch' instead";
    wslu = gone "wslu" " because it has been discontinued by its maintainers";
    mysql80 = gone "mysql80" ", use 'mysql84'";
    postgresql_13 = gone "postgresql_13" " since it reached its end of life upstream";
    docker_26 = gone "docker_26" " in favor of newer docker versions";
    docker_27 = gone "docker_27" " in favor of newer docker versions";
    docker_28 = gone "docker_28" " in favor of newer docker versions";
    linux_hardened = gone "linux_hardened" "";
    linux-rt = gone "linux-rt" "";
    nixfmt-classic = lib.warn "nixfmt-classic is deprecated and will be removed" prev.nixfmt;
    xorg = lib.genAttrs [ "xinit" "xauth" "xrandr" "xorgserver" "libX11" "xset" "xhost" ] (
      n:
      let
        new = lib.toLower n;
      in
      lib.warn "The xorg package set has been deprecated, 'xorg.${n}' has been renamed to '${new}'" final.${new}
    );
  };
  only2605 = lib.genAttrs [ "xinit" "xauth" "xrandr" "xorgserver" "libx11" "xset" "xhost" "github-copilot-cli" ];
  package = pname: final.stdenv.mkDerivation { inherit pname; };
in
always
// (
  if newer then
    only2605 package // since2605
  else
    {
      xorg = lib.genAttrs [ "xinit" "xauth" "xrandr" "xorgserver" "libX11" "xset" "xhost" ] package;
      nodePackages = lib.genAttrs [ "typescript-language-server" "prettier" "eslint" "pnpm" ] package;
    }
    // lib.genAttrs [ "nodejs_20" "neofetch" "wslu" "mysql80" "postgresql_13" "docker_28" "nixfmt-classic" "linux_hardened" "node2nix" ] package
)
