# An OCI image of a package profile, to start a shell in: no NixOS, no init, no
# Nix. The result is a script that writes the image, so that no tarball lands
# in the store:
#
#   $(nix build --print-out-paths .#container-minimal) | docker load
#
# A container that nixdeploy deploys to is something else: the target container.
{ lib, pkgs }:
name: profile:
let
  # Where programs that were not built by Nix, VS Code's server for one, look
  # for their dynamic linker.
  linkers = {
    x86_64-linux = {
      folder = "lib64";
      file = "ld-linux-x86-64.so.2";
    };
    aarch64-linux = {
      folder = "lib";
      file = "ld-linux-aarch64.so.1";
    };
  };
  linker = linkers.${pkgs.stdenv.hostPlatform.system};
in
pkgs.dockerTools.streamLayeredImage {
  name = "container-${name}";
  tag = "latest";
  contents = [
    pkgs.dockerTools.fakeNss
    pkgs.dockerTools.usrBinEnv
    pkgs.dockerTools.binSh
    pkgs.dockerTools.caCertificates
  ]
  ++ profile;
  config = {
    Cmd = [ "/bin/bash" ];
    Env = [
      "PATH=/bin"
      "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt"
      "LD_LIBRARY_PATH=${lib.makeLibraryPath [ pkgs.stdenv.cc.cc ]}"
    ];
    WorkingDir = "/";
  };
  # Neither comes with a package.
  extraCommands = ''
    mkdir -m 1777 tmp
    mkdir -p ${linker.folder}
    if [ -w ${linker.folder} ] && [ ! -e ${linker.folder}/${linker.file} ]; then
      ln -s ${pkgs.glibc}/lib/${linker.file} ${linker.folder}/
    fi
  '';
}
