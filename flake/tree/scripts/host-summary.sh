#!/bin/sh
# host-summary: what this machine is, in a few lines. Run it on a host that
# nixdeploy rendered.
set -eu

facts=/etc/nixdeploy/system.json
if [ ! -r "$facts" ]; then
	echo "host-summary: $facts is not there: this machine was not rendered by nixdeploy" >&2
	exit 1
fi

echo "host         $(uname -n)"
jq -r '
  "state        " + .state_version,
  "boot loader  " + .boot_loader,
  "deployed by  " + .user.name + ", " + (.user.keys | length | tostring) + " ssh keys",
  (.mounts | to_entries[] | "mount        " + .key + " is " + (.value.device // "?") + ", " + .value.type)
' "$facts"
for link in profile booted running; do
	case $link in
	profile) path=/nix/var/nix/profiles/system ;;
	booted) path=/run/booted-system ;;
	running) path=/run/current-system ;;
	esac
	printf '%-12s %s\n' "$link" "$(readlink -e "$path" || echo '?')"
done
