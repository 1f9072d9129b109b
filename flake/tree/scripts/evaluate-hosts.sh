#!/bin/sh
# evaluate-hosts [FLAKE]: evaluates every configuration of a flake (the current
# folder's, by default) and says which of them do. Nothing is built.
set -eu

flake=${1:-.}
names=$(nix --extra-experimental-features 'nix-command flakes' eval --json \
	"$flake#nixosConfigurations" --apply builtins.attrNames | jq -r '.[]')

failed=0
for name in $names; do
	if path=$(nix --extra-experimental-features 'nix-command flakes' eval --raw \
		"$flake#nixosConfigurations.\"$name\".config.system.build.toplevel.drvPath"); then
		echo "$name: $path"
	else
		echo "$name: does not evaluate" >&2
		failed=$((failed + 1))
	fi
done
if [ "$failed" -gt 0 ]; then
	echo "evaluate-hosts: $failed configurations do not evaluate" >&2
	exit 1
fi
