# What differs between the releases of NixOS that this tree evaluates on (25.11
# and newer). It is decided here and nowhere else, from the release of the
# nixpkgs in use, never by looking whether an option exists: such a look from
# inside of a module recurses.
lib:
let
  since = lib.versionAtLeast lib.trivial.release;
in
{
  # home-manager: programs.neovim's Lua text.
  neovimLua = if since "26.05" then "initLua" else "extraLuaConfig";

  # The xorg package set is deprecated since 26.05, and its packages moved out.
  xauth = pkgs: if since "26.05" then pkgs.xauth else pkgs.xorg.xauth;

  # Plasma 6.8, of 26.11, has no X11 session any more.
  plasmaX11 = !since "26.11";
}
