# Who else is at work on this host: a switch by hand, an automatic upgrade, a
# garbage collection; and an upgrade that is due. Reading only.

# The start of a process and whose login it came from (loginuid outlives sudo).
process_facts() { # PID, after clock -> $p_since, $p_who
	p_since=0 p_who=- uid='' stat=''
	{ read -r stat <"/proc/$1/stat" && read -r uid <"/proc/$1/loginuid"; } 2>/dev/null
	case $uid in
	'' | 4294967295 | *[!0-9]*) ;;
	*) p_who=$(id -nu "$uid" 2>/dev/null) || p_who=$uid ;;
	esac
	# What follows the name in brackets; the 20th of it counts hundredths of a
	# second since the boot: USER_HZ is 100 on all that NixOS runs on (proc(5)).
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	case ${20-} in
	'' | *[!0-9]*) ;;
	*) p_since=$(($(date +%s) - uptime + ${20} / 100)) ;;
	esac
}

# foreign_line KIND PID DUE WHAT prints KIND PID SINCE DUE WHO WHAT.
foreign_line() {
	p_since=0 p_who=-
	if [ "$2" != 0 ]; then process_facts "$2"; fi
	printf '%s %s %s %s %s %s\n' "$1" "$2" "$p_since" "$3" "$p_who" "$4"
}

# One unit's answer of systemctl, once it is whole.
foreign_unit() { # after reading $u_id $u_state $u_pid $u_due
	case $u_id/$u_state in
	nixos-upgrade.timer/active)
		if [ -z "$u_due" ]; then return; fi
		due_at=$(TZ=UTC date -d "$u_due" +%s 2>/dev/null) || return 0
		foreign_line upgrade-due 0 "$((due_at - $(date +%s)))" "$u_id"
		;;
	*.timer/*) ;;
	*/active | */activating | */reloading | */deactivating)
		case $u_id in
		nixos-upgrade.service) foreign_line upgrade "$u_pid" 0 "$u_id" ;;
		nix-gc.service) foreign_line garbage "$u_pid" 0 "$u_id" ;;
		*) foreign_line unit "$u_pid" 0 "$u_id" ;;
		esac
		;;
	esac
}

foreign_units() {
	u_id='' u_state='' u_pid=0 u_due=
	TZ=UTC systemctl show -p Id -p ActiveState -p MainPID -p NextElapseUSecRealtime \
		"$ACTIVATION" nixos-upgrade.service nix-gc.service nixos-upgrade.timer 2>/dev/null | {
		while IFS='=' read -r key value; do
			case $key in
			Id) u_id=$value ;;
			ActiveState) u_state=$value ;;
			MainPID) u_pid=$value ;;
			NextElapseUSecRealtime) u_due=$value ;;
			'')
				foreign_unit
				u_id='' u_state='' u_pid=0 u_due=
				;;
			esac
		done
		foreign_unit
	}
}

# What a process is by its words, of which an interpreter and its options may be
# the first: a page about a tool is not the tool. Of what was typed nothing else
# is told, since it may hold a secret.
foreign_words() { # one word a line -> prints KIND WHAT, or nothing
	program=
	while read -r word; do
		case $program in
		'')
			case ${word##*/} in
			nixos-rebuild | nixos-rebuild-ng | .nixos-rebuild-wrapped | .nixos-rebuild-ng-wrapped) program=nixos-rebuild ;;
			nix-collect-garbage)
				printf 'garbage nix-collect-garbage\n'
				return
				;;
			nix-store | nix) program=${word##*/} ;;
			sh | bash | python*) ;;
			-*) ;;
			*) return ;;
			esac
			;;
		nixos-rebuild)
			case $word in
			switch | boot | test)
				printf 'switch nixos-rebuild %s\n' "$word"
				return
				;;
			esac
			;;
		nix-store)
			if [ "$word" = --gc ]; then
				printf 'garbage nix-store --gc\n'
				return
			fi
			;;
		nix)
			case $word in
			store) program='nix store' ;;
			-*) ;;
			*) return ;;
			esac
			;;
		*)
			if [ "$word" = gc ]; then printf 'garbage nix store gc\n'; fi
			return
			;;
		esac
	done
}

foreign_processes() {
	set +f
	grep -lszE '(^|/)(\.?nixos-rebuild(-ng)?(-wrapped)?|nix-collect-garbage)$|^(--)?gc$' /proc/[0-9]*/cmdline | while read -r file; do
		pid=${file#/proc/} pid=${pid%/cmdline}
		# What nixdeploy runs is in units of its name; an upgrade is told as one.
		if grep -Eq '/(nixdeploy-|nixos-upgrade\.service|nix-gc\.service)' "/proc/$pid/cgroup" 2>/dev/null; then continue; fi
		{ tr '\0\n' '\n ' <"$file"; } 2>/dev/null | foreign_words | while read -r kind what; do foreign_line "$kind" "$pid" 0 "$what"; done
	done
	set -f
}

# Who holds the lock of switch-to-configuration -> $holder, empty for nobody. It is
# not tried: who tries it has it for a moment, and a switch that begins then ends
# with code 11. In a container /proc/locks has the locks of its own processes, and
# the file is its own, too.
activator_lock() {
	holder=
	where=$(stat -c '%d %i' /run/nixos/switch-to-configuration.lock 2>/dev/null) || return 0
	device=${where% *} # as the kernel packs major and minor number into one
	where=$(printf '%02x:%02x:%s' $((device >> 8 & 0xfff)) $((device & 0xff | device >> 12 & 0xfff00)) "${where#* }")
	holder=$(grep -F " $where " /proc/locks 2>/dev/null | while read -r _ kind _ _ pid _; do
		if [ "$kind" = FLOCK ]; then printf '%s\n' "$pid"; fi
	done)
}

foreign_lock() {
	activator_lock
	if [ -z "$holder" ]; then return; fi
	foreign_line switch "$holder" 0 'switch-to-configuration (it holds its lock)'
}

# foreign_activity prints a line for each that is found. One switch shows in
# several places: the most telling one is told. While a run of ours is
# unresolved, unit and lock of an activation may well be its own.
foreign_activity() { # after clock, load_active
	found=$(
		foreign_units
		foreign_processes
	)
	switching=no
	case "
$found" in
	*"
switch "* | *"
upgrade "*) switching=yes ;;
	esac
	if [ "$switching$a_run" = no ]; then
		case "
$found" in
		*"
unit "*) ;;
		*) foreign_lock ;;
		esac
	fi
	if [ -n "$found" ]; then
		printf '%s\n' "$found" | while read -r kind rest; do
			case $kind in
			unit) if [ "$switching$a_run" = no ]; then printf 'switch %s\n' "$rest"; fi ;;
			*) printf '%s %s\n' "$kind" "$rest" ;;
			esac
		done
	fi
}
