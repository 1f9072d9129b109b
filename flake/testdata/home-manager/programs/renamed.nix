# What has another name now. In 25.11 git's settings moved, in 26.05 more did.
{ declare, lib, since }:
let
  git = old: new: lib.mkRenamedOptionModule ([ "programs" "git" ] ++ old) ([ "programs" "git" "settings" ] ++ new);
  renamed = old: new: lib.mkRenamedOptionModule ([ "programs" ] ++ old) ([ "programs" ] ++ new);
  removed = path: lib.mkRemovedOptionModule ([ "programs" ] ++ path);
in
{
  imports = [
    (git [ "userName" ] [ "user" "name" ])
    (git [ "userEmail" ] [ "user" "email" ])
    (git [ "aliases" ] [ "alias" ])
    (git [ "extraConfig" ] [ ])
    (renamed [ "git" "delta" "enable" ] [ "delta" "enable" ])
    (renamed [ "git" "delta" "options" ] [ "delta" "options" ])
    (renamed [ "zsh" "enableAutosuggestions" ] [ "zsh" "autosuggestion" "enable" ])
    (renamed [ "zsh" "initExtra" ] [ "zsh" "initContent" ])
    (renamed [ "zsh" "initExtraFirst" ] [ "zsh" "initContent" ])
    (renamed [ "k9s" "hotkey" ] [ "k9s" "hotKeys" ])
    (renamed [ "k9s" "plugin" ] [ "k9s" "plugins" ])
  ]
  ++ lib.optionals (since "26.05") [
    (renamed [ "ssh" "matchBlocks" ] [ "ssh" "settings" ])
    (renamed [ "neovim" "extraLuaConfig" ] [ "neovim" "initLua" ])
    (renamed [ "codex" "custom-instructions" ] [ "codex" "context" ])
    (renamed [ "opencode" "rules" ] [ "opencode" "context" ])
    (renamed [ "claude-code" "memory" "text" ] [ "claude-code" "context" ])
    (renamed [ "claude-code" "memory" "source" ] [ "claude-code" "context" ])
    (removed [ "tmux" "tmuxinator" "enable" ] "Use home.packages instead.")
  ];
}
