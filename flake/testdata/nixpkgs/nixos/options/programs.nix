# programs.*
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  aliases = setOf (types.nullOr (types.either types.str types.path));
in
{
  options.programs = {
    bash = {
      enable = on;
      completion.enable = on;
      shellAliases = aliases;
      shellInit = lines;
      loginShellInit = lines;
      interactiveShellInit = lines;
      promptInit = lines;
      blesh.enable = off;
      undistractMe.enable = off;
      vteIntegration = off;
    };
    zsh = {
      enable = off;
      enableCompletion = on;
      enableBashCompletion = off;
      enableGlobalCompInit = on;
      shellAliases = aliases;
      shellInit = lines;
      loginShellInit = lines;
      interactiveShellInit = lines;
      promptInit = lines;
      histSize = int 2000;
      setOptions = strings;
      autosuggestions.enable = off;
      syntaxHighlighting.enable = off;
      ohMyZsh.enable = off;
    };
    fish = {
      enable = off;
      shellAliases = aliases;
      interactiveShellInit = lines;
    };
    git = {
      enable = off;
      package = package pkgs "git";
      config = opt (types.either (types.attrsOf (types.attrsOf types.anything)) (types.listOf types.anything)) { };
      lfs.enable = off;
      prompt.enable = off;
    };
    tmux = {
      enable = off;
      baseIndex = int 0;
      clock24 = off;
      escapeTime = int 500;
      extraConfig = lines;
      historyLimit = int 2000;
      keyMode = opt (types.enum [ "emacs" "vi" ]) "emacs";
      newSession = off;
      plugins = packages;
      shortcut = str "b";
      terminal = str "screen";
    };
    vim = {
      enable = off;
      defaultEditor = off;
      package = package pkgs "vim";
    };
    neovim = {
      enable = off;
      defaultEditor = off;
      viAlias = off;
      vimAlias = off;
      withNodeJs = off;
      withPython3 = on;
      withRuby = on;
      configure = opt types.attrs { };
      runtime = setOf types.anything;
    };
    nano = {
      enable = on;
      nanorc = lines;
      syntaxHighlight = on;
    };
    less = {
      enable = on;
      envVariables = setOf types.str;
    };
    direnv = {
      enable = off;
      package = package pkgs "direnv";
      silent = off;
      loadInNixShell = on;
      direnvrcExtra = lines;
      enableBashIntegration = on;
      enableZshIntegration = on;
      enableFishIntegration = on;
      settings = opt json { };
      nix-direnv = {
        enable = on;
        package = package pkgs "nix-direnv";
      };
    };
    nix-ld = {
      enable = off;
      package = package pkgs "nix-ld";
      libraries = packages;
    };
    nh = {
      enable = off;
      flake = maybe types.str;
      clean = {
        enable = off;
        dates = opt types.singleLineStr "weekly";
        extraArgs = opt types.singleLineStr "";
      };
    };
    nix-index = {
      enable = off;
      enableBashIntegration = on;
    };
    command-not-found = {
      enable = off;
      dbPath = opt types.path "/nix/var/nix/profiles/per-user/root/channels/nixos/programs.sqlite";
    };
    starship = {
      enable = off;
      settings = opt json { };
      presets = strings;
      interactiveOnly = on;
    };
    fzf = {
      fuzzyCompletion = off;
      keybindings = off;
    };
    zoxide = {
      enable = off;
      enableBashIntegration = on;
      enableZshIntegration = on;
      flags = strings;
    };
    bat = {
      enable = off;
      settings = opt json { };
    };
    yazi.enable = off;
    lazygit.enable = off;
    htop = {
      enable = off;
      settings = setOf types.anything;
    };
    mtr.enable = off;
    traceroute.enable = off;
    tcpdump.enable = off;
    iftop.enable = off;
    bandwhich.enable = off;
    wireshark = {
      enable = off;
      package = package pkgs "wireshark-cli";
    };
    mosh = {
      enable = off;
      openFirewall = on;
      withUtempter = on;
    };
    ssh = {
      startAgent = off;
      agentTimeout = maybe types.str;
      extraConfig = lines;
      knownHosts = opt (types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            options = {
              certAuthority = off;
              hostNames = strings;
              extraHostNames = strings;
              publicKey = maybe types.str;
              publicKeyFile = maybe types.path;
            };
          }
        )
      )) { };
      forwardX11 = maybe types.bool // {
        default = false;
      };
      enableAskPassword = off;
      askPassword = str "";
      setXAuthLocation = off;
    };
    gnupg.agent = {
      enable = off;
      enableSSHSupport = off;
      pinentryPackage = maybe types.package;
      settings = setOf types.anything;
    };
    dconf = {
      enable = off;
      profiles = setOf types.anything;
    };
    firefox = {
      enable = off;
      package = package pkgs "firefox";
      policies = setOf types.anything;
      preferences = setOf types.anything;
      languagePacks = strings;
    };
    chromium = {
      enable = off;
      extensions = maybe (types.listOf types.str);
      extraOpts = opt types.attrs { };
      enablePlasmaBrowserIntegration = off;
    };
    kdeconnect.enable = off;
    partition-manager.enable = off;
    kde-pim.enable = off;
    k3b.enable = off;
    xwayland.enable = off;
    wayvnc.enable = off;
    sway = {
      enable = off;
      wrapperFeatures.gtk = off;
      extraPackages = packages;
      extraSessionCommands = lines;
    };
    labwc.enable = off;
    steam.enable = off;
    vscode = {
      enable = off;
      extensions = packages;
    };
    java.enable = off;
    npm.enable = off;
    appimage = {
      enable = off;
      binfmt = off;
    };
    fuse = {
      userAllowOther = off;
      mountMax = int 1000;
    };
    _1password.enable = off;
    _1password-gui = {
      enable = off;
      polkitPolicyOwners = strings;
    };
    light.enable = off;
    virt-manager.enable = off;
    thunar = {
      enable = off;
      plugins = packages;
    };
    xfconf.enable = off;
    screen.enable = off;
    skim.fuzzyCompletion = off;
    ccache.enable = off;
    captive-browser.enable = off;
    nix-required-mounts.enable = off;
    bcc.enable = off;
    iotop.enable = off;
    usbtop.enable = off;
    pay-respects.enable = off;
  };
}
