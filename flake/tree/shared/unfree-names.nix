# The unfree packages that package-lists.nix and home-modules/ai-assistants may
# install, by their pname: nothing else is let through.
[
  "claude-code"
  "google-chrome"
  "terraform"
  "vscode"
]
