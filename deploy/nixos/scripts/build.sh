#!/bin/sh
# nixdeploy remote script: build
# Renews the lock, runs nixos-rebuild dry-build, then either evaluates the wanted
# toplevel (plan) or builds it (build), so that the switch itself is short. keep
# is build for a plan, whose result outlives the run; exact builds at once: what a
# saved plan came to is known. Of a system that is in the store then, it tells what
# that expects of this host, and what this host is.
# Arguments: NONCE RUN OPERATOR LEASE plan|build|keep|exact DIGEST REF ATTRIBUTE TIMEOUT USER
nonce=$1 run=$2 operator=$3 seconds=$4 what=$5 digest=$6 ref=$7 attribute=$8 timeout=$9 user=${10}

# A plan's system outlives its run, so that what was planned can be applied: the
# newest three stay.
keep_planned() { # TOPLEVEL
	ln -sfn "$1" "$ROOTS/planned-${1##*/}"
	come_last "$ROOTS/planned-${1##*/}" "$ROOTS"
	past 1 "planned-${1##*/}" "$ROOTS" | grep '^planned-' | tail -n +3 | while read -r old; do rm -f "$ROOTS/$old"; done
}

if [ "$what" != plan ]; then
	enter
	take_lease "$run" "$operator" "$seconds"
	leave
	keep_lease
	trap 'kill "$keeper" 2>/dev/null' EXIT
fi
come_last "$UPLOADS/$digest" "$UPLOADS"
if [ "$what" != exact ]; then
	say phase dry-build
	timeout -k 10 "$timeout" nixos-rebuild dry-build --flake "$ref#$attribute" \
		--no-update-lock-file --no-write-lock-file 2>&1 3<&-
	code=$?
	say dry-build "$code"
	if [ "$code" != 0 ]; then
		say end build
		exit 0
	fi
fi
if [ "$what" = plan ]; then
	say phase evaluate
	json=$(timeout -k 10 "$timeout" nix --extra-experimental-features 'nix-command flakes' build --dry-run --json \
		--no-link --no-update-lock-file --no-write-lock-file \
		"$ref#nixosConfigurations.\"$attribute\".config.system.build.toplevel" 2>/dev/null 3<&-)
	say evaluated "$? $json"
	planned=${json#*'"out":"'} planned=${planned%%'"'*}
	case $planned in
	/nix/store/*)
		if [ -d "$planned" ]; then
			say_ground "$user"
			say_demands "$planned" "$user"
		fi
		;;
	esac
	say end build
	exit 0
fi
say phase build
work=$STATE/build-$run
rm -rf "$work"
mkdir -p "$work" "$ROOTS" && cd "$work" || exit 1
timeout -k 10 "$timeout" nixos-rebuild build --fast --flake "$ref#$attribute" \
	--no-update-lock-file --no-write-lock-file 2>&1 3<&-
code=$?
say build "$code"
if [ "$code" = 0 ]; then
	wanted=$(readlink -f "$work/result")
	# Pinned before the link that keeps it goes.
	ln -sfn "$wanted" "$ROOTS/wanted-$run"
	if [ "$what" = keep ]; then keep_planned "$wanted"; fi
	say wanted "$wanted"
	if ! [ -x "$wanted/bin/switch-to-configuration" ]; then say unswitchable yes; fi
	say_ground "$user"
	say_demands "$wanted" "$user"
fi
cd / && rm -rf "$work"
say end build
