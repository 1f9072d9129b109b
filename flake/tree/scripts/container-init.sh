#!/bin/sh
# container-init LINK TOPLEVEL: has a container start TOPLEVEL next, where LINK,
# its /sbin/init, is a link to the init of a system in the store. A link to the
# profile follows by itself, and an init that is none is left alone.
set -eu

link=$1 toplevel=$2

case $(readlink "$link" || true) in
*nix/store/*/init) ;;
*) exit 0 ;;
esac
# At no moment is there no init.
ln -sfn "$toplevel/init" "$link.nixdeploy"
mv -fT "$link.nixdeploy" "$link"
