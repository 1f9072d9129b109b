#!/bin/sh
# nixdeploy remote script: probe
# One try of one health check on this host, and a sign of life for the guard.
# Arguments: NONCE RUN (or -) KIND TIMEOUT then what the kind needs
nonce=$1 run=$2 kind=$3 timeout=$4
shift 4

clock
if [ "$run" != - ]; then
	enter
	if load_active && [ "$a_run" = "$run" ]; then
		extend
		say claim "${a_claim:-none}"
	else
		say claim gone
	fi
	leave
fi
case $kind in
contact)
	read_links
	say_links links
	;;
failed)
	failed_units | say_lines failed
	;;
states)
	for unit in "$@"; do say state "$(systemctl show --value -p ActiveState -- "$unit") $unit"; done
	;;
command)
	# The code comes by a second descriptor: a pipe would lose it.
	exec 4>&1
	code=$({ { timeout -k 2 "$timeout" "$@" 2>&1; echo $? >&5; } | head -c 4096 | say_lines output >&4; } 5>&1)
	say code "$code"
	;;
fetch)
	status=$(curl --silent --output /dev/null --max-time "$timeout" --write-out '%{http_code}' -- "$1")
	say code "$?"
	say status "$status"
	;;
connect)
	# shellcheck disable=SC2016 # bash expands it, not this shell
	timeout -k 2 "$timeout" bash -c 'exec 4<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
	say code "$?"
	;;
esac
say end probe
