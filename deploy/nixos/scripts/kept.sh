#!/bin/sh
# nixdeploy remote script: kept
# What this host holds of one run, and whether a system is still here to go back
# to; reading only.
# Arguments: NONCE RUN (or -) SYSTEM (a generation's number, a store path, or -)
nonce=$1 run=$2 system=$3

say_run() { # FOLDER
	say_lines meta <"$1/meta"
	if [ -f "$1/result" ]; then
		read -r result <"$1/result"
		say result "$result"
	fi
}

clock
case $run in
*[!0-9A-Z]* | '') ;;
*)
	if load_active && [ "$a_run" = "$run" ]; then
		say kept active
		say_run "$ACTIVE"
	elif [ -f "$DONE/$run/meta" ]; then
		say kept 'done'
		say_run "$DONE/$run"
	fi
	if lease_live && [ "$l_run" = "$run" ]; then say lease "$l_run $l_operator $l_since $((l_expires - uptime))"; fi
	;;
esac
link=-
case $system in
-) ;;
/nix/store/*) path=$system ;;
*)
	link=system-$system-link
	path=$PROFILES/$link
	;;
esac
if [ "$system" != - ]; then
	resolve "$path"
	if [ -n "$resolved" ] && [ -x "$resolved/bin/switch-to-configuration" ]; then say system "$link $resolved"; fi
fi
read_links
say_links links
say end kept
