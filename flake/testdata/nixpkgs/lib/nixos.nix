# lib.nixosSystem, as the flake of nixpkgs gives it.
lib: {
  nixosSystem =
    {
      modules,
      specialArgs ? { },
      modulesPath ? toString ../nixos/modules,
      system ? null,
      pkgs ? null,
    }:
    let
      eval = lib.evalModules {
        class = "nixos";
        specialArgs = {
          inherit modulesPath;
        } // specialArgs;
        modules =
          import ../nixos/modules.nix lib
          ++ lib.optional (system != null) {
            _file = "lib/nixos.nix";
            nixpkgs.system = lib.mkDefault system;
          }
          ++ lib.optional (pkgs != null) {
            _file = "lib/nixos.nix";
            nixpkgs.pkgs = lib.mkDefault pkgs;
          }
          ++ modules;
      };
      public =
        e:
        e
        // {
          pkgs = e._module.args.pkgs;
          extraArgs = { };
          extendModules = args: public (e.extendModules args);
        };
    in
    public eval;
}
