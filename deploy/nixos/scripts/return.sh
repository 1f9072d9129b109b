# The way back: what an armed run that was not confirmed returns a host to, by
# the record that was made when it was armed (contract 3.3 and 3.4). Part of the
# guard; nothing here decides whether to go back.

on_record() {
	[ "$profile" = "$a_profile" ] && [ "$running" = "$a_running" ] && next_is "${a_next:-$next}" &&
		{ [ "$link" = "$a_link" ] || ! [ -e "$PROFILES/$a_link" ]; }
}

set_profile() { # LINK STOREPATH
	resolve "$PROFILES/$1"
	if [ -n "$1" ] && [ "$resolved" = "$2" ]; then
		number=${1#system-}
		timeout 60 nix-env -p "$PROFILE" --switch-generation "${number%-link}"
	else
		timeout 60 nix-env -p "$PROFILE" --set "$2"
	fi
}

# Whether the host is what it was when it was armed, with its units up and its
# boot loader told: the links alone cannot know.
back_there() { # after read_links; $half from go_back
	on_record && [ "$half" = no ] && ! loader_untold
}

loader_untold() { [ "$untold" = yes ] || [ -e "$ACTIVE/loader" ]; }

loader_told() {
	rm -f "$ACTIVE/loader"
	untold=no
}

# The way back has a deadline of its own, from its first step in this boot: time
# for somebody else's activation and for one of its own. A guard that was killed
# goes on with it; asked anew, it begins anew.
return_begins() { # after load_active, clock -> $r_until, in uptime seconds
	if [ "$r_until" != 0 ]; then return; fi
	r_boot='' r_until=0
	if [ -f "$ACTIVE/returning" ]; then read -r r_boot r_until <"$ACTIVE/returning"; fi
	if [ "$r_boot" = "$boot" ]; then return; fi
	r_until=$((uptime + 2 * a_activation + a_window))
	printf '%s %s\n' "$boot" "$r_until" >"$ACTIVE/returning.tmp" && mv "$ACTIVE/returning.tmp" "$ACTIVE/returning"
}

# What an activation printed goes to the run's log, or to the journal. It does not
# print there itself: on a full disk that fails, and switch-to-configuration, which
# cannot print, ends at once with 101 (contract 4.2).
hand_on() {
	if ! [ -f "$VOLATILE/printed" ]; then return; fi
	{ cat "$VOLATILE/printed" >>"$ACTIVE/log"; } 2>/dev/null || cat "$VOLATILE/printed"
	rm -f "$VOLATILE/printed"
}

# Runs something that activates, outside of this unit and bounded: by its own
# time, on the way back also by what is left of that, and by a last resort where
# systemd itself does not answer any more.
activate() { # COMMAND...
	busy=no
	note "+ $*"
	clock
	bound=$a_activation
	if [ "$r_until" != 0 ] && [ $((r_until - uptime)) -lt "$bound" ]; then bound=$((r_until - uptime)); fi
	if [ "$bound" -le 0 ]; then
		code=none
		note "no time is left for it"
		return
	fi
	hand_on
	output=journal
	if mkdir -p "$VOLATILE" && { true >"$VOLATILE/printed"; } 2>/dev/null; then output=append:$VOLATILE/printed; fi
	unit=nixdeploy-return-$a_run-$$-$activations
	activations=$((activations + 1))
	timeout "$((bound + 30))" systemd-run --unit="$unit" --collect --wait --quiet --no-ask-password --service-type=exec \
		-p WorkingDirectory=/ -p RuntimeMaxSec="$bound" -p TimeoutStopSec=10 \
		-p StandardOutput="$output" -p StandardError="$output" \
		-E PATH="$PATH" -E HOME=/root -E LOCALE_ARCHIVE="${LOCALE_ARCHIVE-}" "$@" # model: activate
	code=$?
	hand_on
	if [ "$code" != 0 ]; then note "exit code $code"; fi
	if [ "$code" = 11 ]; then busy=yes; fi
}

# Activates what is to run. Cut in the middle it leaves units down although every
# link may be right, so the guard that comes after has to know. Codes 2, 3 and 4
# went to the end (contract 4.2): a repeat would fail in the same places.
activate_running() { # COMMAND...
	printf '%s\n' "$boot" >"$ACTIVE/half" # model: return-mark
	durable "$ACTIVE/half" "$ACTIVE"
	before=$half half=yes
	activate "$@"
	case $code in
	0 | 2 | 3 | 4) half=no ;;
	11 | none) half=$before ;; # somebody else's lock, or no time: nothing was begun
	esac
	if [ "$half" = no ]; then rm -f "$ACTIVE/half"; fi # model: return-mended
}

# Nothing of ours may activate meanwhile: neither the switch, nor what a guard
# that was killed in its own return left behind. nixos-rebuild waits for the unit
# that it activates in, so when none of ours was cut that unit is somebody else's.
stop_switch() { # after clock
	timeout 60 systemctl stop "nixdeploy-switch-$a_run.service" "nixdeploy-return-$a_run-*" 2>/dev/null # model: return-stops
	if [ "$busy" = no ] && cut_short; then timeout 120 systemctl stop "$ACTIVATION" 2>/dev/null; fi # model: return-stops-activation
}

# Whether something of ours that activates was begun in this boot and has not
# come to an end of its own.
cut_short() {
	if return_cut; then return 0; fi
	[ -e "$ACTIVE/started" ] && [ "$a_boot" = "$boot" ] && ! [ -f "$ACTIVE/switch.rc" ]
}

return_cut() {
	[ -f "$ACTIVE/half" ] && read -r cut_in <"$ACTIVE/half" && [ "$cut_in" = "$boot" ]
}

# Whether anybody activates now: what is ours is stopped before this is asked.
others_activate() {
	case $(systemctl show -p ActiveState --value "$ACTIVATION") in
	active | activating | reloading | deactivating) return 0 ;;
	esac
	activator_lock
	[ -n "$holder" ]
}

# A switch of somebody else is theirs to end, and where it leads is looked at
# then (contract 6.2). One activation is what all attempts wait for together.
await_others() { # after clock
	if [ -z "$patience" ]; then patience=$((uptime + a_activation)); fi
	waits=no
	while [ "$uptime" -lt "$patience" ] && others_activate; do
		if [ "$waits" = no ]; then note "waiting for the switch of somebody else"; fi
		waits=yes
		sleep 2
		clock
	done
}

# What was up when the run was armed and is down after the return is started,
# once: going back may have started less than was stopped. After a boot systemd
# has seen to that itself. Only what something wants is looked at: the rest comes
# and goes.
units_up() {
	[ -f "$ACTIVE/up" ] && [ "$a_boot" = "$boot" ] || return 0
	units_down
	if [ -z "$down" ]; then return; fi
	for unit in $down; do note "$unit was up before: starting it"; done
	# shellcheck disable=SC2086
	logged timeout 60 systemctl start $down
	units_down
	for unit in $down; do note "$unit is still down"; done
}

units_down() { # -> $down
	down=$(
		active_units | grep -Fxv -f - "$ACTIVE/up" | while read -r unit; do
			case $(systemctl show -p LoadState -p WantedBy -p RequiredBy --value "$unit" 2>/dev/null | tr '\n' ' ') in
			*loaded*.target* | *.target*loaded*) printf '%s\n' "$unit" ;;
			esac
		done
	)
}

# `nixos-rebuild switch --rollback` lands on the record only if all of this
# holds (contract 3.3): this run made the newest generation, the record is the
# next existing number below it, and the record ran and booted.
rollback_lands() {
	[ "$a_mode" = switch ] && [ "$link" != "$a_link" ] && [ "$profile" = "$a_wanted" ] &&
		[ "$a_running" = "$a_profile" ] && [ "$a_next" = "$a_profile" ] || return 1
	resolve "$PROFILES/$a_link"
	[ "$resolved" = "$a_profile" ] || return 1
	number=${link#system-} number=${number%-link} below=
	read_generations
	for generation in $generations; do
		if [ "$generation" -lt "$number" ]; then below=$generation; fi
	done
	[ "system-$below-link" = "$a_link" ]
}

# The exact return of contract 3.4; each step only if its fact is off.
exact_return() { # after read_links; $half from go_back
	if [ "$link" != "$a_link" ] || [ "$profile" != "$a_profile" ]; then
		# A boot loader that cannot be read, or not any more, may have followed the
		# profile: it has to be told again, and a guard that is cut here has to know.
		if [ -z "$a_next" ] || [ -z "$next" ]; then
			untold=yes
			mark loader
		fi
		note "profile: back to $a_link"
		logged set_profile "$a_link" "$a_profile" # model: return-profile
	fi
	boots=no runs=no
	if [ -n "$a_next" ] && [ "$next" != "$a_next" ] || loader_untold; then boots=yes; fi
	if [ "$running" != "$a_running" ] || [ "$half" = yes ]; then runs=yes; fi
	boot_into=${a_next:-$a_profile}
	if [ "$boots$runs" = yesyes ] && [ "$boot_into" = "$a_running" ]; then
		activate_running "$a_running/bin/switch-to-configuration" switch # model: return-switch
		case $code in
		0 | 2 | 3 | 4 | 100) loader_told ;; # it comes first
		esac
		return
	fi
	if [ "$boots" = yes ]; then
		activate "$boot_into/bin/switch-to-configuration" boot # model: return-boot
		if [ "$code" = 0 ]; then loader_told; fi
	fi
	if [ "$runs" = yes ]; then activate_running "$a_running/bin/switch-to-configuration" test; fi # model: return-test
}

# Whether units may be down although no link tells: the switch, or a way back,
# was cut or failed. Activating once more what runs mends that (contract 4.5), a
# boot did.
left_half() {
	if cut_short; then return 0; fi
	[ -f "$ACTIVE/switch.rc" ] && [ "$a_boot" = "$boot" ] || return 1
	read -r ended <"$ACTIVE/switch.rc"
	[ "$ended" != 0 ]
}

# A system that is neither the recorded nor the wanted one was put there by
# somebody else: a run never undoes what it did not do (contract 6.2). After a
# boot, what the record boots next is what runs.
foreign_change() {
	boots_into=$a_running
	if [ "$a_boot" != "$boot" ]; then boots_into=${a_next:-$a_profile}; fi
	case $running in
	"$a_running" | "$a_wanted" | "$boots_into") ;;
	*) return 0 ;;
	esac
	case $profile in
	"$a_profile" | "$a_wanted") return 1 ;;
	esac
}

go_back() {
	clock
	return_begins
	if [ "$mended" = no ]; then
		stop_switch
		await_others
	fi
	read_links
	if foreign_change; then
		note "somebody else changed this host: $link $profile $running; nothing is undone"
		write_result stranded # model: foreign
		return
	fi
	half=no busy=no
	if [ "$mended" = no ] && left_half; then half=yes; fi
	if back_there; then
		note "already on the record"
	elif [ "$attempts" -lt 3 ]; then
		if rollback_lands; then
			activate_running nixos-rebuild switch --rollback --fast # model: return-rollback
			read_links
		fi
		# What came meanwhile is looked at before each step, and told at the next look.
		if ! back_there && ! foreign_change; then
			exact_return
			read_links
		fi
		if ! back_there && ! foreign_change && [ "$busy" = no ] && [ "$a_boot" = "$boot" ]; then
			stop_switch # a tool that was stopped leaves its activation behind
			note "not yet on the record: $link $profile $running $next"
			exact_return
			read_links
		fi
	fi
	clock
	if ! back_there; then
		if [ "$busy" = no ] || [ "$uptime" -ge "$patience" ]; then attempts=$((attempts + 1)); fi
		if [ "$attempts" -lt 3 ] && [ "$uptime" -lt "$r_until" ]; then
			sleep 2
			return
		fi
		if [ "$uptime" -ge "$r_until" ]; then note "the return's own deadline has passed"; fi
		foreign_change || reboot_once
		note "stranded: $link $profile $running $next"
		write_result stranded # model: stranded
		if [ "$written" = yes ]; then attempts=0 r_until=0 patience=''; fi # asked anew, it begins anew
		return
	fi
	mended=yes # also where the disk does not take the result yet
	if [ -n "$a_booted" ] && [ "$booted" != "$a_booted" ]; then reboot_once; fi
	down=
	units_up
	if [ -n "$down" ]; then
		printf '%s\n' "$down" >"$ACTIVE/down"
		if [ "$a_reboot" = allow ]; then reboot_once; fi
	fi
	if [ -z "$next" ]; then mark unverified; fi
	note "returned to $a_link"
	write_result returned # model: returned
}

# What cannot be undone in a running system (a kernel) is undone by booting the
# record, once; never where a reboot is not ours to ask for, and where nobody can
# read what it would boot only if that was said.
reboot_once() {
	if [ -e "$ACTIVE/rebooted" ] || is_wsl || is_container; then return; fi
	if ! next_is "$a_next" || loader_untold; then return; fi
	case $a_reboot/$reader in
	never/* | auto/unknown)
		note "a reboot would boot the record; it is not this run's to ask for"
		return
		;;
	esac
	mark rebooted || return # model: reboot-once
	note "rebooting into the record"
	systemctl reboot # model: reboot
	sleep 600
}

