#!/bin/sh
# nixdeploy remote script: lock
# Locks the inputs of a flake in a folder of its own, and gives the lock back.
# Arguments: NONCE TIMEOUT; the payload is a tar of the flake.
nonce=$1 timeout=$2

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tar -x --no-same-owner -C "$work" -f - <&3 || exit 1
cd "$work" || exit 1
timeout -k 10 "$timeout" nix --extra-experimental-features 'nix-command flakes' flake lock "path:$work" 2>&1 3<&-
say code "$?"
if [ -f flake.lock ]; then say_lines lock <flake.lock; fi
say end lock
