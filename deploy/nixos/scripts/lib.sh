# What every remote script of nixdeploy shares: framed answers, the places on
# the host, the three links, the lease. Sourced by being put in front.
#
# An answer is a line "NONCE KEY VALUE" on standard output; everything else that
# appears there was printed by the host's own tools. The payload, if any, is on
# descriptor 3: no command may eat it by reading standard input.
exec 3<&0 </dev/null
set -fu
umask 077
LC_ALL=C HOME=/root
# A unit's own PATH on NixOS holds systemd and nothing else.
PATH=/run/wrappers/bin:/run/current-system/sw/bin:/nix/var/nix/profiles/system/sw/bin:$PATH
export LC_ALL HOME PATH
cd / || exit 1

STATE=/var/lib/nixdeploy
ACTIVE=$STATE/active
RECORDS=$STATE/records
APPROVALS=$STATE/approvals
UPLOADS=$STATE/uploads
DONE=$STATE/done
VOLATILE=/run/nixdeploy
LEASE=$VOLATILE/lease
ROOTS=/nix/var/nix/gcroots/nixdeploy
PROFILES=/nix/var/nix/profiles
PROFILE=$PROFILES/system
CONTROL=/etc/systemd/system.control
GUARD=nixdeploy-guard.service
# nixos-rebuild runs the activation in a transient unit of this name (contract 2).
ACTIVATION=nixos-rebuild-switch-to-configuration.service

nonce=
say() { printf '%s %s\n' "$nonce" "$*"; }
say_lines() { # KEY <FILE
	while IFS= read -r line || [ -n "$line" ]; do say "$1" "$line"; done
}

clock() {
	read -r uptime _ </proc/uptime
	uptime=${uptime%%.*}
	read -r boot </proc/sys/kernel/random/boot_id
}

resolve() { # PATH -> $resolved, empty when it leads nowhere
	resolved=
	if [ -e "$1" ]; then resolved=$(readlink -f "$1"); fi
}

# The last "init=STOREPATH/init" among words -> $next.
init_of() {
	for word in "$@"; do
		case $word in
		init=/nix/store/*/init) next=${word#init=} next=${next%/init} ;;
		esac
	done
}

# systemd-boot: a one-shot or default entry in the firmware wins over
# loader.conf (systemd-boot(7), LoaderEntryOneShot and LoaderEntryDefault).
next_by_systemd_boot() { # ESP
	reader=systemd-boot pattern=
	while read -r key rest; do
		if [ "$key" = default ]; then pattern=$rest; fi
	done <"$1/loader/loader.conf"
	for variable in LoaderEntryDefault LoaderEntryOneShot; do
		file=/sys/firmware/efi/efivars/$variable-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
		if [ -s "$file" ]; then pattern=$(tail -c +5 "$file" | tr -d '\000'); fi
	done
	case $pattern in
	'' | @* | */*) return ;;
	*.conf) ;;
	*.efi) return ;; # an image names no toplevel outside itself
	*) pattern=$pattern.conf ;;
	esac
	found=
	set +f
	# Boot counting puts "+TRIES" before the suffix of the file, not into the name.
	for entry in "$1/loader/entries/"$pattern "$1/loader/entries/${pattern%.conf}"+*.conf; do
		if [ -f "$entry" ]; then found="$found $entry"; fi
	done
	set -f
	# More than one: which sorts first is the loader's business, not a guess of ours.
	case $found in
	'' | *' '*' '*) return ;;
	esac
	while read -r key rest; do
		# shellcheck disable=SC2086 # the kernel splits its command line at blanks, too
		if [ "$key" = options ]; then init_of $rest; fi
	done <"${found# }"
}

# grub: the entry that "set default" counts to, among top-level menu entries.
next_by_grub() { # grub.cfg
	reader=grub default=0 entry=-1 depth=0 chosen=
	if [ -f /boot/grub/grubenv ] && grep -Eq '^(next_entry|saved_entry)=.' /boot/grub/grubenv; then return; fi
	while read -r key rest; do
		case $key in
		set)
			case $rest in
			default=\"\$* | default=\$*) ;; # set from the environment, which is empty: see above
			default=*) default=${rest#default=} default=${default#\"} default=${default%\"} ;;
			esac
			;;
		esac
	done <"$1"
	case $default in
	'' | *[!0-9]*) return ;;
	esac
	while read -r key rest; do
		case $key in
		menuentry | submenu)
			if [ "$depth" = 0 ]; then entry=$((entry + 1)); fi
			depth=$((depth + 1))
			;;
		'}') if [ "$depth" -gt 0 ]; then depth=$((depth - 1)); fi ;;
		linux* | multiboot* | kernel)
			if [ "$entry" = "$default" ] && [ -z "$chosen" ]; then
				# shellcheck disable=SC2086
				init_of $rest
				chosen=$next
			fi
			;;
		esac
	done <"$1"
}

next_by_extlinux() { # extlinux.conf
	reader=extlinux default='' label=''
	while read -r key rest; do
		case $key in
		DEFAULT) default=$rest ;;
		LABEL) label=$rest ;;
		APPEND)
			# shellcheck disable=SC2086
			if [ -n "$default" ] && [ "$label" = "$default" ]; then init_of $rest; fi
			;;
		esac
	done <"$1"
}

is_nixos() { [ -e /etc/NIXOS ] || grep -q '^ID="*nixos' /etc/os-release 2>/dev/null; }
is_wsl() { [ -e /proc/sys/fs/binfmt_misc/WSLInterop ] || [ -e /run/WSL ]; }
is_container() { systemd-detect-virt --quiet --container; }

# Who this host is, as inspect and facts tell it.
say_identity() {
	if is_nixos; then say nixos yes; fi
	say machine "$(uname -m)"
	read -r hostname </proc/sys/kernel/hostname && say hostname "$hostname"
	machine_id=
	read -r machine_id </etc/machine-id
	say machine_id "$machine_id"
}

# The next-boot system -> $next and $reader. A boot loader's own file decides
# wherever it is found; without one, WSL and containers follow the profile.
next_boot() {
	next='' reader=unknown
	for esp in /boot /efi /boot/efi; do
		if [ -f "$esp/loader/loader.conf" ]; then
			next_by_systemd_boot "$esp"
			return
		fi
	done
	if [ -f /boot/grub/grub.cfg ]; then
		next_by_grub /boot/grub/grub.cfg
	elif [ -f /boot/extlinux/extlinux.conf ]; then
		next_by_extlinux /boot/extlinux/extlinux.conf
	elif is_wsl || is_container; then
		reader=profile next=$profile
		resolve /sbin/init
		case $resolved in
		/nix/store/*/init) next=${resolved%/init} ;;
		esac
	fi
}

read_links() {
	link=
	if [ -L "$PROFILE" ]; then link=$(readlink "$PROFILE"); fi
	resolve "$PROFILE"
	profile=$resolved
	resolve /run/current-system
	running=$resolved
	resolve /run/booted-system
	booted=$resolved
	next_boot
}

say_links() { # KEY, after read_links
	say "$1" "${link:--} ${profile:--} ${running:--} ${booted:--} ${next:--} $reader"
}

# Existing generation numbers, ascending -> $generations.
read_generations() {
	generations=
	set +f
	for generation in "$PROFILES"/system-*-link; do
		generation=${generation##*/system-} generation=${generation%-link}
		case $generation in
		'' | *[!0-9]*) ;;
		*) generations="$generations $generation" ;;
		esac
	done
	set -f
	# shellcheck disable=SC2086
	if [ -n "$generations" ]; then generations=$(printf '%s\n' $generations | sort -n | tr '\n' ' '); fi
	generations=${generations% }
}

# Units that are failed, and those between two automatic restarts after a
# failure, which are about to fail again (contract 4.2, exit code 4). One look
# for the baseline and for the checks: what was broken before is not blamed.
failed_units() { # one name a line
	systemctl list-units --state=failed,activating --plain --no-legend --no-pager 2>/dev/null |
		while read -r unit _ active sub _; do
			case $active/$sub in
			failed/*) printf '%s\n' "$unit" ;;
			activating/auto-restart*)
				if [ "$(systemctl show --value -p ExecMainStatus "$unit")" != 0 ]; then printf '%s\n' "$unit"; fi
				;;
			esac
		done
}

active_units() { # one name a line
	systemctl list-units --state=active --type=service,socket,timer,path --plain --no-legend --no-pager 2>/dev/null |
		while read -r unit _; do printf '%s\n' "$unit"; done
}

# The unresolved run folder -> $a_*; false when there is none.
load_active() {
	a_run='' a_operator='' a_since='' a_stage='' a_flake='' a_attribute='' a_mode='' a_wanted='' a_goal='' a_ref=''
	a_link='' a_profile='' a_running='' a_booted='' a_next='' a_reader='' a_generations=''
	a_activation=900 a_window=60 a_reboot=auto a_fleet='' a_host='' a_back='' a_boot=''
	[ -f "$ACTIVE/meta" ] || return 1
	while read -r key rest; do
		case $key in
		run) a_run=$rest ;;
		operator) a_operator=$rest ;;
		since) a_since=$rest ;;
		stage) a_stage=$rest ;;
		flake) a_flake=$rest ;;
		attribute) a_attribute=$rest ;;
		mode) a_mode=$rest ;;
		wanted) a_wanted=$rest ;;
		goal) a_goal=$rest ;;
		ref) a_ref=$rest ;;
		back) a_back=$rest ;;
		boot) a_boot=$rest ;;
		fleet) a_fleet=$rest ;;
		host) a_host=$rest ;;
		link) a_link=$rest ;;
		profile) a_profile=$rest ;;
		running) a_running=$rest ;;
		booted) a_booted=$rest ;;
		next) a_next=$rest ;;
		reader) a_reader=$rest ;;
		generations) a_generations=$rest ;;
		activation) a_activation=$rest ;;
		window) a_window=$rest ;;
		reboot) a_reboot=$rest ;;
		esac
	done <"$ACTIVE/meta"
	a_claim='' a_result=''
	if [ -L "$ACTIVE/claim" ]; then
		a_claim=$(readlink "$ACTIVE/claim")
	elif [ -f "$VOLATILE/claim" ]; then # see claim_for
		read -r key rest <"$VOLATILE/claim"
		if [ "$key" = "$a_run" ]; then a_claim=$rest; fi
	fi
	if [ -f "$ACTIVE/result" ]; then read -r a_result <"$ACTIVE/result"; fi
	# A result without a claim: that of the return was lost with a boot.
	if [ -z "$a_claim" ] && [ -n "$a_result" ]; then a_claim=return; fi # model: unclaimed
	return 0
}

# Seconds until the guard decides -> $left. A deadline of another boot counts
# from the start of this one: the window, in uptime seconds.
guard_left() { # after load_active, clock
	read -r d_boot d_at <"$ACTIVE/deadline" || d_boot='' d_at=0
	if [ "$d_boot" != "$boot" ]; then d_at=$a_window; fi
	left=$((d_at - uptime)) # model: deadline
}

# A sign of life: the guard waits for another window from now.
extend() { # after load_active, clock
	if [ -n "$a_claim" ]; then return; fi
	printf '%s %s\n' "$boot" "$((uptime + a_window))" >"$ACTIVE/deadline.$$" &&
		mv "$ACTIVE/deadline.$$" "$ACTIVE/deadline" # model: extend
}

# The times of what is kept are the order in which it was written, and only that:
# what comes is later than all that is there, also where the host's clock went back.
come_last() { # PATH FOLDER...: after all that is in these
	path=$1 time=$(date +%s)
	shift
	for folder in "$@"; do
		# shellcheck disable=SC2012 # names are ours
		last=$(ls -1t "$folder" 2>/dev/null | head -n 1)
		if [ -z "$last" ]; then continue; fi
		last=$(stat -c %Y "$folder/$last")
		if [ "$last" -ge "$time" ]; then time=$((last + 1)); fi
	done
	touch -ch -d "@$time" "$path"
}

# Names that go from a folder: all past the newest COUNT, of which NAME is one.
past() { # COUNT NAME FOLDER
	# shellcheck disable=SC2010,SC2012 # names are ours
	ls -1t "$3" | grep -vxF -e "$2" | tail -n "+$1"
}

# The short mutual exclusion of every script that changes anything of ours.
enter() {
	mkdir -p "$STATE" "$VOLATILE" && chmod 0700 "$VOLATILE" || exit 1
	# A guard has to act on a disk that has become read-only, too.
	chmod 0700 "$STATE" 2>/dev/null || ! [ -w "$STATE" ] || exit 1
	exec 9>"$VOLATILE/flock"
	flock -w 20 9 || { # model: enter
		say fault "the host's own lock $VOLATILE/flock is held for 20 s"
		exit 1
	}
}
leave() { exec 9>&-; } # model: leave

lease_live() { # after clock
	l_run='' l_operator='' l_since=0 l_boot='' l_expires=0
	[ -f "$LEASE" ] || return 1
	read -r l_run l_operator l_since l_boot l_expires <"$LEASE" || return 1
	[ "$l_boot" = "$boot" ] && [ "$l_expires" -gt "$uptime" ]
}

write_lease() { # RUN OPERATOR SECONDS, inside enter
	since=$(date +%s)
	if lease_live && [ "$l_run" = "$1" ]; then since=$l_since; fi
	printf '%s %s %s %s %s\n' "$1" "$2" "$since" "$boot" "$((uptime + $3))" >"$LEASE.$$" && mv "$LEASE.$$" "$LEASE" # model: lease
}

# Takes or renews the lease, or says who has the host and ends the script.
take_lease() { # RUN OPERATOR SECONDS, inside enter
	clock
	if lease_live && [ "$l_run" != "$1" ]; then
		say locked "$l_run $l_operator $l_since $((l_expires - uptime)) lease"
		say end locked
		exit 0
	fi
	if load_active && [ "$a_run" != "$1" ]; then # model: locked
		guard_left
		say locked "$a_run $a_operator $a_since $left guard"
		say end locked
		exit 0
	fi
	if ! lease_live && [ -z "$a_run" ]; then sweep "$1"; fi
	if ! write_lease "$1" "$2" "$3"; then
		rm -f "$LEASE.$$"
		say fault "the lock $LEASE cannot be written"
		exit 1
	fi
}

# What killed runs left behind: with neither lease nor unresolved run it is of
# nobody at work here, but for the run that asks. The pins of a run in done/ are for
# a return of it.
sweep() { # RUN, inside enter
	set +f
	for path in "$ROOTS"/* "$STATE"/build-* "$UPLOADS"/.*; do
		name=${path##*/}
		case $name in
		. | .. | planned-*) continue ;; # a system's name may end as a pin's does
		.*) of=${name#.} of=${of%.err} ;;
		wanted-* | build-*) of=${name#*-} ;;
		*-wanted | *-profile | *-running | *-next)
			of=${name%-*}
			if [ -e "$DONE/$of" ]; then continue; fi
			;;
		*) continue ;;
		esac
		if [ "$of" != "$1" ]; then rm -rf "$path"; fi
	done
	set -f
}
