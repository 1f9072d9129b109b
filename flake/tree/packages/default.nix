# The tree's packages, as pkgs.fleet.NAME on every host, and as packages of the
# flake. In hosts.toml: extra_packages = ["fleet.host-summary"]. Yours are files
# beside hosts.toml, [flake] packages; in a tree that you go on with by hand, here.
pkgs: {
  # An example to start from, and of use: what a deployed machine is.
  host-summary = pkgs.writeShellApplication {
    name = "host-summary";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.jq
    ];
    text = builtins.readFile ../scripts/host-summary.sh;
  };

  # For people who work on the flake: evaluates every host, and builds none.
  evaluate-hosts = pkgs.writeShellApplication {
    name = "evaluate-hosts";
    runtimeInputs = [ pkgs.jq ];
    text = builtins.readFile ../scripts/evaluate-hosts.sh;
  };
}
