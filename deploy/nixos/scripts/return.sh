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
		nix-env -p "$PROFILE" --switch-generation "${number%-link}"
	else
		nix-env -p "$PROFILE" --set "$2"
	fi
}

# Runs something that activates, outside of this unit and bounded.
activate() { # COMMAND...
	note "+ $*"
	unit=nixdeploy-return-$a_run-$$-$activations
	activations=$((activations + 1))
	systemd-run --unit="$unit" --collect --wait --quiet --no-ask-password --service-type=exec \
		-p WorkingDirectory=/ -p RuntimeMaxSec="$a_activation" -p StandardOutput="append:$ACTIVE/log" -p StandardError="append:$ACTIVE/log" \
		-E PATH="$PATH" -E HOME=/root -E LOCALE_ARCHIVE="${LOCALE_ARCHIVE-}" "$@"
	code=$?
	if [ "$code" != 0 ]; then note "exit code $code"; fi
}

# Nothing else may activate meanwhile: neither the switch, nor what a guard that
# was killed in its own return left behind.
stop_switch() {
	systemctl stop "nixdeploy-switch-$a_run.service" "$ACTIVATION" "nixdeploy-return-$a_run-*" 2>/dev/null
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
		# A boot loader that cannot be read followed the profile: it has to be
		# told again, and a guard that is cut here has to know.
		if [ -z "$a_next" ]; then
			: >"$ACTIVE/loader"
			durable "$ACTIVE/loader" "$ACTIVE"
		fi
		note "profile: back to $a_link"
		set_profile "$a_link" "$a_profile" >>"$ACTIVE/log" 2>&1
	fi
	boots=no runs=no
	if [ -n "$a_next" ] && [ "$next" != "$a_next" ] || [ -e "$ACTIVE/loader" ]; then boots=yes; fi
	if [ "$running" != "$a_running" ] || [ "$half" = yes ]; then runs=yes; fi
	boot_into=${a_next:-$a_profile}
	if [ "$boots$runs" = yesyes ] && [ "$boot_into" = "$a_running" ]; then
		activate "$a_running/bin/switch-to-configuration" switch
		if [ "$code" = 0 ] || [ "$code" = 4 ]; then rm -f "$ACTIVE/loader"; fi
		return
	fi
	if [ "$boots" = yes ]; then
		activate "$boot_into/bin/switch-to-configuration" boot
		if [ "$code" = 0 ]; then rm -f "$ACTIVE/loader"; fi
	fi
	if [ "$runs" = yes ]; then activate "$a_running/bin/switch-to-configuration" test; fi
}

# Whether units may be down although no link tells: the switch was cut, or it
# failed. Activating once more what runs mends that (contract 4.5), a boot did.
left_half() {
	[ -e "$ACTIVE/started" ] && [ "$a_boot" = "$boot" ] || return 1
	[ -f "$ACTIVE/switch.rc" ] || return 0
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
	stop_switch
	read_links
	if foreign_change; then
		note "somebody else changed this host: $link $profile $running; nothing is undone"
		write_result stranded
		return
	fi
	half=no
	if left_half; then half=yes; fi
	if on_record && [ "$half" = no ] && ! [ -e "$ACTIVE/loader" ]; then
		note "already on the record"
	else
		if rollback_lands; then
			activate nixos-rebuild switch --rollback --fast
			if [ "$code" = 0 ]; then half=no; fi
			read_links
		fi
		if [ "$half" = yes ] || [ -e "$ACTIVE/loader" ] || ! on_record; then
			exact_return
			read_links
		fi
		if ! on_record && [ "$a_boot" = "$boot" ]; then
			note "not yet on the record: $link $profile $running $next"
			exact_return
			read_links
		fi
	fi
	clock
	if ! on_record; then
		attempts=$((attempts + 1))
		if [ "$attempts" -lt 3 ]; then
			sleep 2
			return
		fi
		reboot_once
		note "stranded: $link $profile $running $next"
		write_result stranded
		return
	fi
	if [ -n "$a_booted" ] && [ "$booted" != "$a_booted" ]; then reboot_once; fi
	if [ -z "$next" ]; then : >"$ACTIVE/unverified"; fi
	note "returned to $a_link"
	write_result returned
}

# What cannot be undone in a running system (a kernel) is undone by booting the
# record, once; never where a reboot is not ours to ask for.
reboot_once() {
	if [ -e "$ACTIVE/rebooted" ] || is_wsl || is_container; then return; fi
	if ! next_is "$a_next"; then return; fi
	: >"$ACTIVE/rebooted"
	durable "$ACTIVE/rebooted" "$ACTIVE"
	note "rebooting into the record"
	systemctl reboot
	sleep 600
}

