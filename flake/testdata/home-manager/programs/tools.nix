# Programs that a developer uses
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  atom = types.oneOf [ types.str types.bool types.int types.float ];
in
{
  options.programs = {
    git = {
      enable = off;
      package = package pkgs "git";
      settings = opt (
        if since "26.05" then types.either json (types.listOf json) else json
      ) { };
      signing = {
        key = maybe types.str;
        format = opt (types.nullOr (types.enum [ "openpgp" "ssh" "x509" ])) null;
        signByDefault = maybe types.bool;
        signer = maybe types.str;
      };
      ignores = strings;
      attributes = strings;
      includes = opt (types.listOf (sub {
        path = opt (types.nullOr (types.either types.str types.path)) null;
        condition = maybe types.str;
        contents = settings;
        contentSuffix = str "gitconfig";
      })) [ ];
      lfs = {
        enable = off;
        skipSmudge = off;
      };
      hooks = setOf types.path;
      maintenance = {
        enable = off;
        repositories = strings;
      };
    };
    delta = plain pkgs "delta" // {
      options = settings;
      enableGitIntegration = off;
      enableJujutsuIntegration = off;
    };
    gh = plain pkgs "gh" // {
      settings = opt (types.submodule {
        freeformType = json;
        options = {
          git_protocol = str "https";
          editor = str "";
          aliases = aliases;
        };
      }) { };
      hosts = settings;
      extensions = packages;
      gitCredentialHelper = {
        enable = on;
        hosts = opt (types.listOf types.str) [ "https://github.com" "https://gist.github.com" ];
      };
    };
    lazygit = plain pkgs "lazygit" // shells // { settings = settings; shellWrapperName = str "lg"; };
    ssh = {
      enable = off;
      package = maybe types.package;
      enableDefaultConfig = on;
      extraConfig = lines;
      extraOptionOverrides = setOf types.str;
      includes = strings;
    } // (
      if since "26.05" then
        { settings = opt (lib.hm.types.dagOf json) { }; }
      else
        {
          matchBlocks = opt (lib.hm.types.dagOf (sub {
            match = maybe types.str;
            host = maybe types.str;
            hostname = maybe types.str;
            user = maybe types.str;
            port = maybe types.port;
            identityFile = opt (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ ];
            identitiesOnly = off;
            identityAgent = strings;
            forwardAgent = maybe types.bool;
            forwardX11 = off;
            addKeysToAgent = maybe types.str;
            compression = maybe types.bool;
            checkHostIP = on;
            serverAliveInterval = maybe types.int;
            serverAliveCountMax = maybe types.ints.positive;
            hashKnownHosts = maybe types.bool;
            userKnownHostsFile = maybe types.str;
            controlMaster = maybe types.str;
            controlPath = maybe types.str;
            controlPersist = maybe types.str;
            proxyCommand = maybe types.str;
            proxyJump = maybe types.str;
            sendEnv = strings;
            setEnv = setOf atom;
            extraOptions = setOf types.str;
          })) { };
        }
    );
    neovim = {
      enable = off;
      package = package pkgs "neovim";
      defaultEditor = off;
      viAlias = off;
      vimAlias = off;
      vimdiffAlias = off;
      withNodeJs = off;
      withPython3 = opt types.bool (!(since "26.05" && lib.versionAtLeast config.home.stateVersion "26.05"));
      withRuby = opt (types.nullOr types.bool) (!(since "26.05" && lib.versionAtLeast config.home.stateVersion "26.05"));
      plugins = opt (types.listOf (
        types.either types.package (sub {
          plugin = must types.package;
          config = maybe types.lines;
          type = opt (types.either (types.enum [ "lua" "viml" "teal" "fennel" ]) types.str) "viml";
          optional = off;
          runtime = setOf types.anything;
        })
      )) [ ];
      extraPackages = packages;
      extraPython3Packages = opt types.raw (_: [ ]);
      extraLuaPackages = opt types.raw (_: [ ]);
      extraWrapperArgs = strings;
      extraConfig = lines;
      coc.enable = off;
    } // (if since "26.05" then { initLua = lines; } else { extraLuaConfig = lines; });
    vim = {
      enable = off;
      defaultEditor = off;
      plugins = packages;
      extraConfig = lines;
      settings = settings;
    };
    tmux = {
      enable = off;
      package = package pkgs "tmux";
      aggressiveResize = off;
      baseIndex = opt types.ints.unsigned 0;
      clock24 = off;
      customPaneNavigationAndResize = off;
      disableConfirmationPrompt = off;
      escapeTime = opt types.ints.unsigned 500;
      extraConfig = lines;
      focusEvents = off;
      historyLimit = opt types.ints.positive 2000;
      keyMode = opt (types.enum [ "emacs" "vi" ]) "emacs";
      mouse = off;
      newSession = off;
      plugins = opt (types.listOf (
        types.either types.package (sub {
          plugin = must types.package;
          extraConfig = lines;
        })
      )) [ ];
      prefix = maybe types.str;
      resizeAmount = opt types.ints.positive 5;
      reverseSplit = off;
      secureSocket = on;
      sensibleOnTop = off;
      shell = maybe types.str;
      shortcut = str "b";
      terminal = str "screen";
      tmuxp.enable = off;
    } // lib.optionalAttrs (!(since "26.05")) { tmuxinator.enable = off; };
    bat = plain pkgs "bat" // {
      config = setOf (types.oneOf [ types.str types.int types.bool (types.listOf types.str) ]);
      extraPackages = packages;
      themes = setOf (types.either types.lines (sub {
        src = must types.path;
        file = maybe types.str;
      }));
      syntaxes = setOf types.raw;
    };
    yazi = plain pkgs "yazi" // shells // {
      shellWrapperName = str (
        if since "26.05" && lib.versionAtLeast config.home.stateVersion "26.05" then "y" else "yy"
      );
      settings = settings;
      keymap = settings;
      theme = settings;
      initLua = opt (types.nullOr (types.either types.path types.lines)) null;
      plugins = setOf (types.oneOf [ types.path types.package ]);
      flavors = setOf (types.oneOf [ types.path types.package ]);
      extraPackages = packages;
    };
    k9s = plain pkgs "k9s" // {
      settings = settings;
      aliases = settings;
      hotKeys = settings;
      plugins = settings;
      skins = settings;
      views = settings;
    };
    ripgrep = plain pkgs "ripgrep" // { arguments = strings; };
    fd = plain pkgs "fd" // {
      hidden = off;
      ignores = strings;
      extraOptions = strings;
    };
    jq = plain pkgs "jq" // { colors = maybe types.attrs; };
    htop = plain pkgs "htop" // { settings = settings; };
    btop = plain pkgs "btop" // {
      settings = setOf (types.oneOf [ types.bool types.int types.float types.str ]);
      extraConfig = lines;
      themes = settings;
    };
    less = { enable = off; options = settings; };
    man.enable = on;
    gpg = { enable = off; settings = settings; };
    tealdeer = plain pkgs "tealdeer" // { settings = settings; };
    zellij = plain pkgs "zellij" // { settings = settings; };
    alacritty = plain pkgs "alacritty" // { settings = settings; };
    kitty = plain pkgs "kitty" // { settings = settings; };
    ghostty = plain pkgs "ghostty" // { settings = settings; };
    vscode = {
      enable = off;
      package = opt (types.nullOr types.package) null;
      profiles = settings;
    };
    nh = { enable = off; flake = maybe types.str; };
    go = { enable = off; env = settings; };
    uv = plain pkgs "uv" // { settings = settings; };
    awscli = { enable = off; settings = settings; credentials = settings; };
    git-credential-oauth.enable = off;
    jujutsu = { enable = off; settings = settings; };
  };
}
