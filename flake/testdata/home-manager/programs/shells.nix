# Shells and what hooks into them
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
{
  options.programs = {
    home-manager.enable = off;
    bash = {
      enable = off;
      package = package pkgs "bashInteractive";
      enableCompletion = on;
      enableVteIntegration = off;
      historyControl = opt (types.listOf (types.enum [ "erasedups" "ignoredups" "ignorespace" "ignoreboth" ])) [ ];
      historySize = opt (types.nullOr types.int) 10000;
      historyFileSize = opt (types.nullOr types.int) 100000;
      historyFile = maybe types.str;
      historyIgnore = strings;
      shellAliases = aliases;
      shellOptions = opt (types.listOf types.str) [ "histappend" "extglob" "globstar" "checkjobs" ];
      sessionVariables = variables;
      profileExtra = lines;
      bashrcExtra = lines;
      initExtra = lines;
      logoutExtra = lines;
    };
    zsh = {
      enable = off;
      package = package pkgs "zsh";
      enableCompletion = on;
      completionInit = opt types.lines "autoload -U compinit && compinit";
      autocd = maybe types.bool;
      cdpath = strings;
      dotDir = maybe types.str;
      defaultKeymap = maybe (types.enum [ "emacs" "viins" "vicmd" ]);
      shellAliases = aliases;
      shellGlobalAliases = aliases;
      sessionVariables = variables;
      setOptions = strings;
      autosuggestion = {
        enable = off;
        strategy = opt (types.listOf types.str) [ "history" ];
      };
      syntaxHighlighting = {
        enable = off;
        highlighters = strings;
      };
      historySubstringSearch.enable = off;
      history = {
        size = int 10000;
        save = int 10000;
        path = str "$HOME/.zsh_history";
        ignoreDups = on;
        ignoreAllDups = off;
        ignoreSpace = on;
        expireDuplicatesFirst = off;
        extended = off;
        share = on;
        append = off;
      };
      envExtra = lines;
      profileExtra = lines;
      loginExtra = lines;
      logoutExtra = lines;
      initContent = lines;
      localVariables = settings;
      plugins = opt (types.listOf types.attrs) [ ];
      oh-my-zsh = {
        enable = off;
        plugins = strings;
        theme = str "";
      };
      prezto.enable = off;
    };
    fish = {
      enable = off;
      shellAliases = aliases;
      shellInit = lines;
      interactiveShellInit = lines;
    };
    starship = plain pkgs "starship" // shells // {
      settings = settings;
      enableTransience = off;
      enableInteractive = on;
    } // lib.optionalAttrs (since "26.05") { presets = strings; };
    direnv = plain pkgs "direnv" // {
      enableBashIntegration = on;
      enableZshIntegration = on;
      enableNushellIntegration = on;
      config = settings;
      stdlib = lines;
      silent = off;
      nix-direnv = plain pkgs "nix-direnv";
      mise.enable = off;
    };
    fzf = plain pkgs "fzf" // {
      enableBashIntegration = on;
      enableZshIntegration = on;
      enableFishIntegration = on;
      defaultCommand = maybe types.str;
      defaultOptions = strings;
      fileWidgetCommand = maybe types.str;
      fileWidgetOptions = strings;
      changeDirWidgetCommand = maybe types.str;
      changeDirWidgetOptions = strings;
      historyWidgetOptions = strings;
      colors = setOf types.str;
      tmux = {
        enableShellIntegration = off;
        shellIntegrationOptions = strings;
      };
    };
    zoxide = plain pkgs "zoxide" // shells // { options = strings; };
    eza = plain pkgs "eza" // shells // {
      extraOptions = strings;
      icons = opt (types.enum [ null true false "auto" "always" "never" ]) null;
      colors = opt (types.nullOr (types.enum [ "auto" "always" "never" ])) null;
      git = off;
      theme = settings;
    };
    readline = {
      enable = off;
      bindings = setOf types.str;
      variables = setOf (types.either types.bool (types.either types.str types.int));
      extraConfig = lines;
    };
    dircolors = {
      enable = off;
      settings = settings;
    };
    command-not-found.enable = off;
    nix-index.enable = off;
    atuin = plain pkgs "fzf" // {
      settings = settings;
      flags = strings;
    };
    pay-respects.enable = off;
    mcfly.enable = off;
    carapace.enable = off;
  };
}
