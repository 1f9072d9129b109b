#!/bin/sh
# nixdeploy remote script: option
# Evaluates an expression about a flake in a folder of its own. The expression is
# nixdeploy's; what is asked for is data to it.
# Arguments: NONCE TIMEOUT NARHASH EXPRESSION QUERY; the payload is a tar of the flake.
nonce=$1 timeout=$2 hash=$3 expression=$4 query=$5

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/flake" || exit 1
tar -x --no-same-owner -C "$work/flake" -f - <&3 || exit 1
cd / || exit 1
timeout -k 10 "$timeout" nix --extra-experimental-features 'nix-command flakes' eval --json --expr "$expression" \
	--argstr flake "path:$work/flake?narHash=$hash" --argstr query "$query" answer 2>&1 >"$work/answer" 3<&-
code=$?
say code "$code"
# The answer is one line, and a line of ours has a limit.
if [ "$code" = 0 ]; then fold -b -w 8000 <"$work/answer" | say_lines answer; fi
say end option
