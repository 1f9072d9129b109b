{
  description = "the lab's fleet: systems shaped like NixOS, without nixpkgs";

  # A relative input, so that the tree can be uploaded to any folder. Its lock
  # is written by `lab relock` in the one form that nix 2.8 and nix 2.26 both
  # take as complete.
  inputs.minios.url = "path:./minios";

  outputs = { self, minios }: {
    nixosConfigurations = builtins.mapAttrs
      (hostName: host: minios.lib.system ({
        inherit hostName;
        configurationRevision = self.rev or null;
      } // host))
      (builtins.fromJSON (builtins.readFile ./fleet.json));
  };
}
