#!/bin/sh
# nixdeploy remote script: inspect
# Everything that a decision needs to know of this host, in one round trip,
# reading only.
# Arguments: NONCE DIGEST (of the flake, hex; or -)
nonce=$1 digest=$2

say_active() {
	clock
	guard_left
	say active run "$a_run"
	say active operator "$a_operator"
	say active since "$a_since"
	say active flake "$a_flake"
	say active attribute "$a_attribute"
	say active mode "$a_mode"
	say active goal "$a_goal"
	say active wanted "$a_wanted"
	say active claim "$a_claim"
	say active result "$a_result"
	say active decides "$left"
	say active record "${a_link:--} ${a_profile:--} ${a_running:--} ${a_booted:--} ${a_next:--} $a_reader"
	say_lines baseline <"$ACTIVE/failed"
	if [ -f "$ACTIVE/switch.rc" ]; then
		read -r code <"$ACTIVE/switch.rc"
		say active code "$code"
	elif systemctl --quiet is-active "nixdeploy-switch-$a_run.service"; then
		say active switching yes
	fi
	if [ "$a_boot" != "$boot" ]; then say active rebooted yes; fi
}

why_guard_is_lost() { # -> $why, "yes" when a guard here survives a reboot
	why=yes
	# Nothing starts a distribution again but its user, and nothing here could
	# tell what it then boots.
	if is_wsl; then
		why='WSL is not started again by itself'
		return
	fi
	for folder in /etc/systemd /var/lib; do
		if ! [ -w "$folder" ]; then
			why="$folder is read-only"
			return
		fi
		case $(stat -f -c %T "$folder") in
		tmpfs | ramfs)
			why="$folder is gone after a reboot"
			return
			;;
		esac
	done
	if [ -e "$CONTROL" ] && ! [ -w "$CONTROL" ]; then
		why="$CONTROL is read-only"
		return
	fi
	if [ -d "$CONTROL" ]; then
		case $(stat -f -c %T "$CONTROL") in
		tmpfs | ramfs)
			why="$CONTROL is gone after a reboot"
			return
			;;
		esac
	fi
	case " $(systemctl show -p UnitPath --value) " in
	*" $CONTROL "*) ;;
	*) why="systemd does not look into $CONTROL" ;;
	esac
}

clock
say uptime "$uptime"
say boot "$boot"
say_identity
rebuild=$(command -v nixos-rebuild) && say rebuild "$(readlink -f "$rebuild")"
resolved=$(command -v nix) && say nix "$(readlink -f "$resolved")"
if is_wsl; then say wsl yes; fi
if is_container; then say container yes; fi
read_links
say_links links
# shellcheck disable=SC3013 # -ef is in the sh of every host: bash, dash, busybox
for part in kernel initrd kernel-modules; do
	if [ -e "/run/booted-system/$part" ] && ! [ "/run/booted-system/$part" -ef "/run/current-system/$part" ]; then
		say reboot "$part"
	fi
done
read_generations
say generations "$generations"
failed_units | say_lines failed
df -Pk /nix /boot /efi /boot/efi / 2>/dev/null | while read -r _ _ _ free _ mount; do
	case $free in
	*[!0-9]* | '') ;;
	*) say free "$free $mount" ;;
	esac
done
why_guard_is_lost
say guard "$why"
if [ -f "$STATE/marker" ]; then
	read -r fleet host <"$STATE/marker"
	say marker "$fleet $host"
fi
if lease_live; then say lease "$l_run $l_operator $l_since $((l_expires - uptime))"; fi
if load_active; then say_active; fi
foreign_activity | say_lines foreign
# What the newest confirmed run went away from, for a rollback.
# shellcheck disable=SC2012 # names are run ids
ls -1t "$DONE" 2>/dev/null | while read -r run; do
	read -r result <"$DONE/$run/result"
	if [ "$result" = confirmed ]; then
		while read -r key rest; do
			case $key in
			link | profile | wanted) say previous "$key $rest" ;;
			esac
		done <"$DONE/$run/meta"
		say previous "run $run"
		break
	fi
done
# The newest run with this flake, when it did not leave the host on its system
# and no newer record says that the host is well with it.
say_failed() {
	# shellcheck disable=SC2012 # names are run ids
	ls -1t "$DONE" 2>/dev/null | while read -r run; do
		flake='' goal='' result=''
		while read -r key rest; do
			case $key in
			flake) flake=$rest ;;
			goal) goal=$rest ;;
			esac
		done <"$DONE/$run/meta"
		if [ "$flake" != "$digest" ]; then continue; fi
		read -r result <"$DONE/$run/result"
		# shellcheck disable=SC3013 # -nt is in the sh of every host
		if [ "$goal/$result" != flake/confirmed ] && ! [ "$RECORDS/$digest" -nt "$DONE/$run" ]; then
			say failed_run "$run $result"
		fi
		break
	done
}

# What the last confirmed run made of this host: what drift is told from. That is
# the newest record; a rollback records no flake, and counts where it is newer, as
# long as it is among the runs that are kept.
say_last() {
	# shellcheck disable=SC2012 # names are hex digests
	newest=$(ls -1t "$RECORDS" 2>/dev/null | head -n 1)
	# shellcheck disable=SC2012 # names are run ids
	back=$(ls -1t "$DONE" 2>/dev/null | while read -r run; do
		read -r result <"$DONE/$run/result"
		if [ "$result" != confirmed ]; then continue; fi
		# shellcheck disable=SC3013 # -nt is in the sh of every host
		if grep -qx 'goal system' "$DONE/$run/meta" &&
			{ [ -z "$newest" ] || [ "$DONE/$run" -nt "$RECORDS/$newest" ]; }; then
			printf '%s\n' "$run"
		fi
		break
	done)
	if [ -n "$back" ]; then
		say_rollback "$DONE/$back"
	elif [ -n "$newest" ]; then
		say_lines last <"$RECORDS/$newest"
	fi
}

say_rollback() { # its folder
	while read -r key rest; do
		case $key in
		run | operator | stage) say last "$key $rest" ;;
		wanted) toplevel=$rest ;;
		esac
	done <"$1/meta"
	say last "toplevel $toplevel"
	say last "time $(stat -c %Y "$1/result")"
	while read -r unit; do say last "failed $unit"; done <"$1/failed"
	# The flake that brought this system, where that is recorded.
	# shellcheck disable=SC2012 # names are hex digests
	ls -1t "$RECORDS" 2>/dev/null | while read -r known; do
		if grep -qxF "toplevel $toplevel" "$RECORDS/$known"; then
			say last "flake $known"
			break
		fi
	done
}
say_last

if [ "$digest" != - ]; then
	say_failed
	if [ -f "$APPROVALS/$digest" ]; then say_lines approval <"$APPROVALS/$digest"; fi
	if [ -d "$UPLOADS/$digest" ]; then say present yes; fi
	if [ -f "$RECORDS/$digest" ]; then
		say_lines record <"$RECORDS/$digest"
		by=- at=0
		while read -r key rest; do
			case $key in
			toplevel) if [ -x "$rest/bin/switch-to-configuration" ]; then say valid yes; fi ;;
			run) by=$rest ;;
			time) at=$rest ;;
			esac
		done <"$RECORDS/$digest"
		# A run that found the host unchanged has no folder.
		if [ -d "$DONE/$by" ]; then say confirmed_ago "$(($(date +%s) - at))"; fi
	fi
fi
say end inspect
