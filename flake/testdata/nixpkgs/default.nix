# import nixpkgs { system; overlays; config; }
import ./pkgs
