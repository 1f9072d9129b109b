#!/bin/sh
# nixdeploy remote script: guard
# Guard, claim and lock of one host, in one script. The deployer sends it with a
# verb; `arm` also leaves it on the host, where the guard's unit and the unit of
# the switch run it from the run folder. Whatever is decided is decided by
# `decide`, a plain table of state -> action; only the guard acts on a claim.
#
# On the host: active/ is the one unresolved run. meta: what was armed and the
# record to return to; deadline: boot id and uptime; claim: a symbolic link, so
# that exactly one can make it; result: how it ended; switch.log, switch.rc.
# Arguments: NONCE VERB ...; without a deployer NONCE is "-".
nonce=$1 verb=$2
shift 2

# ---- the table -----------------------------------------------------------

# decide CLAIM RESULT DUE SYSTEM -> $action
#   CLAIM  none confirm return       who won the one decision
#   RESULT none confirmed returned stranded
#   DUE    yes no                    the guard's deadline has passed
#   SYSTEM new other                 what runs is what was wanted (see system_is)
decide() {
	case $1/$2/$3/$4 in
	*/confirmed/*/*) action=close ;;
	*/returned/*/*) action=close ;;
	*/stranded/*/*) action=hold ;;
	none/none/no/*) action=wait ;;
	none/none/yes/*) action=claim ;;
	confirm/none/*/new) action=finish ;;
	confirm/none/*/other) action=return ;;
	return/none/*/*) action=return ;;
	*) action=hold ;;
	esac
}

# In switch mode everything must already be as wanted; in test-first the running
# system must be, since confirm is what sets the rest. A return that was cut in the
# middle is gone through with: units may be down. -> $system
system_is() { # after clock, load_active, read_links
	system=other
	if [ "$running" != "$a_wanted" ] || return_cut; then return; fi
	case $a_mode in
	test-first) system=new ;;
	*) if [ "$profile" = "$a_wanted" ] && next_is "$a_wanted"; then system=new; fi ;;
	esac
}

# What cannot be read is not held against the host: it is reported as unverified.
next_is() { [ -z "$next" ] || [ "$next" = "$1" ]; }

# ---- small effects -------------------------------------------------------

note() {
	printf '%s\n' "$*" >>"$ACTIVE/log"
	if [ "$nonce" = - ]; then printf '%s\n' "$*"; fi
}

durable() { sync "$@" 2>/dev/null; }

# The run's log has what a command prints; the journal, where the disk takes none.
logged() { # COMMAND...
	if { true >>"$ACTIVE/log"; } 2>/dev/null; then "$@" >>"$ACTIVE/log" 2>&1; else "$@" >&2; fi
}

# No ":" makes a file here: where that fails, it ends a shell.
mark() { true >"$ACTIVE/$1" && durable "$ACTIVE/$1" "$ACTIVE"; } # NAME

# Exactly one ln can make the link. A return that the disk does not take (it is
# full, or has become read-only) counts all the same, as long as this boot lasts:
# whoever claims does so under the short lock, and finds it.
claim_for() { # WHO, inside enter, after load_active
	if [ -n "$a_claim" ]; then return 1; fi
	if ln -s "$1" "$ACTIVE/claim" 2>/dev/null; then # model: claim
		durable "$ACTIVE" # model: claim-durable
		return
	fi
	[ "$1" = return ] && ! [ -L "$ACTIVE/claim" ] && printf '%s return\n' "$a_run" >"$VOLATILE/claim" # model: claim-volatile
}

# What a result promises outlives a power cut before the result does: Nix syncs
# no profile, and not every installer of a boot loader its files.
write_result() { # WORD -> $written
	written=no
	durable "$PROFILES" # model: result-profile
	if [ "$reader" != profile ]; then # whose files we cannot read lie there, too
		sync -f /boot /efi /boot/efi 2>/dev/null # model: result-loader
	fi
	printf '%s\n' "$1" >"$ACTIVE/result.tmp" && durable "$ACTIVE/result.tmp" &&
		mv "$ACTIVE/result.tmp" "$ACTIVE/result" && # model: result
		durable "$ACTIVE" && # model: result-durable
		written=yes
}

pin() { # NAME STOREPATH
	if [ -n "$2" ]; then ln -sfn "$2" "$ROOTS/$1"; fi
}

unpin() { # RUN
	rm -f "$ROOTS/$1-wanted" "$ROOTS/$1-profile" "$ROOTS/$1-running" "$ROOTS/$1-next"
}

# ---- verbs of the deployer -----------------------------------------------

# arm RUN OPERATOR SECONDS then KEY VALUE pairs; the payload is this script.
arm() {
	run=$1 operator=$2 seconds=$3
	shift 3
	enter
	take_lease "$run" "$operator" "$seconds"
	if load_active; then # ours: arming twice is arming once
		begin_guard # the first may have been killed before it did
		return
	fi
	others=$(foreign_activity | grep -E '^(switch|upgrade) ')
	if [ -n "$others" ]; then
		printf '%s\n' "$others" | say_lines foreign
		return
	fi
	read_links
	say_links links
	staging=$STATE/arming
	rm -rf "$staging"
	mkdir -p "$staging" "$ROOTS" || exit 1
	wanted='' expected='' whole=0
	: >"$staging/meta"
	while [ $# -ge 2 ]; do
		case $1 in
		wanted) wanted=$2 ;;
		expect) expected=$2 ;;
		script) whole=$2 ;;
		esac
		printf '%s %s\n' "$1" "$2" >>"$staging/meta"
		shift 2
	done
	if [ "$expected" != "$link $profile $running" ]; then
		say moved "$link $profile $running"
		rm -rf "$staging"
		return
	fi
	# Pinned first: what is there now must not be collected meanwhile.
	if ! { pin "$run-wanted" "$wanted" && pin "$run-profile" "$profile" && pin "$run-running" "$running" && pin "$run-next" "$next"; }; then
		say unguarded "$ROOTS takes no links, so a garbage collection could take what a return needs"
		rm -rf "$staging"
		unpin "$run"
		return
	fi
	durable "$ROOTS"
	for path in "$wanted" "$profile" "$running" ${next:+"$next"}; do
		if ! [ -x "$path/bin/switch-to-configuration" ]; then
			say missing "$path"
		elif ! nix-store --check-validity "$path" 2>/dev/null; then
			say invalid "$path"
		else
			continue
		fi
		rm -rf "$staging"
		unpin "$run"
		return
	done
	read_generations
	{
		printf 'run %s\noperator %s\nsince %s\nboot %s\n' "$run" "$operator" "$(date +%s)" "$boot"
		printf 'link %s\nprofile %s\nrunning %s\nbooted %s\nnext %s\nreader %s\n' \
			"$link" "$profile" "$running" "$booted" "$next" "$reader"
		printf 'generations %s\n' "$generations"
	} >>"$staging/meta"
	failed_units >"$staging/failed"
	active_units >"$staging/up"
	cat <&3 >"$staging/guard.sh"
	# A connection that was cut ends the payload as if that were all of it.
	if ! [ "$(wc -c <"$staging/guard.sh")" -eq "$whole" ]; then
		say unguarded "the guard's script did not arrive whole"
		rm -rf "$staging"
		unpin "$run"
		return
	fi
	a_window=60 a_activation=900
	while read -r key rest; do
		case $key in
		window) a_window=$rest ;;
		activation) a_activation=$rest ;;
		esac
	done <"$staging/meta"
	printf '%s %s\n' "$boot" "$((uptime + a_activation + a_window))" >"$staging/deadline"
	rm -f "$ROOTS/wanted-$run"
	durable "$staging/meta" "$staging/guard.sh" "$staging/failed" "$staging/up" "$staging/deadline" "$staging" "$ROOTS" "${ROOTS%/*}" "${STATE%/*}"
	# A guard that is still there has nothing to guard, and would end or put away
	# what is armed now.
	systemctl stop "$GUARD" 2>/dev/null # model: arm-alone
	# The unit first: a unit without a run folder ends by itself, a run folder
	# without a unit would have nobody to decide.
	if ! write_unit; then
		say unguarded "$CONTROL cannot be written"
		rm -rf "$staging"
		unpin "$run"
		remove_unit
		return
	fi
	mv -T "$staging" "$ACTIVE" || exit 1 # model: arm
	durable "$STATE" # model: arm-durable
	begin_guard
}

# Without a guard nothing may begin. Nothing is said before there is one, or the run
# folder is gone: where the link was cut, saying ends this script.
begin_guard() {
	if unit_there && start_guard; then
		say_lines failed <"$ACTIVE/failed"
		say armed yes
		return
	fi
	if ! [ -e "$ACTIVE/started" ]; then abandon; fi
	say unguarded "$GUARD does not start"
}

# Takes back an arming that nothing followed.
abandon() {
	rm -rf "$STATE/abandoned"
	mv -T "$ACTIVE" "$STATE/abandoned" || return # model: abandon
	# Before the unit goes: a run folder without one would stay for ever.
	durable "$STATE" # model: abandon-durable
	remove_unit # model: abandon-unit
	rm -rf "$STATE/abandoned"
	unpin "$run"
}

# start RUN: the switch, once, detached from this connection (contract 6.1).
start() {
	enter
	ours "$1"
	if [ -n "$a_claim" ]; then
		say claim "$a_claim"
		return
	fi
	if [ -e "$ACTIVE/started" ]; then
		say started before
		return
	fi
	: >"$ACTIVE/started" # model: start-once
	: >"$ACTIVE/switch.log"
	durable "$ACTIVE/started" "$ACTIVE"
	if systemd-run --unit="nixdeploy-switch-$a_run" --collect --quiet --no-ask-password --service-type=exec \
		-p WorkingDirectory=/ -E PATH="$PATH" -E HOME=/root -E LOCALE_ARCHIVE="${LOCALE_ARCHIVE-}" \
		/bin/sh "$ACTIVE/guard.sh" - switch; then # model: start
		say started yes
	else
		say started no
	fi
}

ours() { # RUN: ends the script unless the unresolved run is that one
	clock
	if ! load_active || [ "$a_run" != "$1" ]; then # model: gone
		say gone "${a_run:--}"
		if [ -f "$DONE/$1/result" ]; then
			read -r result <"$DONE/$1/result"
			say result "$result"
			say_account "$DONE/$1"
		fi
		read_links
		say_links links
		say end guard
		exit 0
	fi
}

# What the guard has to tell besides the result.
say_account() { # FOLDER
	if [ -f "$1/log" ]; then say_lines log <"$1/log"; fi
	if [ -f "$1/down" ]; then say_lines down <"$1/down"; fi
	if [ -f "$1/unverified" ]; then say unverified yes; fi
}

# await RUN OFFSET SECONDS: waits for the end of the switch, and hands on what
# it printed since byte OFFSET.
await() {
	ours "$1"
	offset=$2 until=$((uptime + $3)) naps=0
	switch_unit=nixdeploy-switch-$a_run.service
	while ! [ -f "$ACTIVE/switch.rc" ] && [ "$uptime" -lt "$until" ] && ! [ -L "$ACTIVE/claim" ]; do
		if [ "$naps" -lt 50 ]; then sleep 0.1; else sleep 0.5; fi
		naps=$((naps + 1))
		if [ $((naps % 20)) = 0 ] && ! systemctl --quiet is-active "$switch_unit"; then break; fi
		clock
	done
	if [ -f "$ACTIVE/switch.log" ]; then
		size=$(wc -c <"$ACTIVE/switch.log")
		tail -c "+$((offset + 1))" "$ACTIVE/switch.log" | head -c 1000000 | say_lines out
		say offset "$size"
	fi
	ours "$1" # it may have been resolved meanwhile
	if [ -f "$ACTIVE/switch.rc" ]; then
		read -r code <"$ACTIVE/switch.rc"
		say switched "$code"
	elif systemctl --quiet is-active "$switch_unit"; then
		say switching yes
	else
		say switching lost
	fi
	say claim "${a_claim:-none}"
	read_links
	say_links links
}

# confirm RUN and back RUN: make the claim, wake the guard, wait for its result.
settle() { # CLAIM RUN SECONDS
	enter
	ours "$2"
	# A person or a resume may ask a stranded host to try once more.
	if [ "$a_result" = stranded ] && [ "$1" = return ]; then
		rm -f "$ACTIVE/result" "$ACTIVE/returning" # model: ask-again
		load_active
	fi
	claim_for "$1"
	load_active
	leave
	say claim "$a_claim"
	until=$((uptime + $3)) naps=0
	# What is decided is closed in a moment, by a guard, too.
	while load_active && [ "$a_run" = "$2" ] && [ "$a_result" != stranded ] && [ "$uptime" -lt "$until" ]; do
		if [ $((naps % 50)) = 0 ]; then kick_guard; fi
		naps=$((naps + 1))
		sleep 0.05
		clock
	done
	if load_active && [ "$a_run" = "$2" ]; then
		say result "${a_result:-pending}"
		say_account "$ACTIVE"
	elif [ -f "$DONE/$2/result" ]; then
		read -r result <"$DONE/$2/result"
		say result "$result"
		say_account "$DONE/$2"
	fi
	read_links
	say_links links
}

# ---- verbs of the host's own units ---------------------------------------

run_switch() {
	load_active || exit 1
	cd / || exit 1
	case $a_mode in
	test-first) how=test ;;
	*) how=switch ;;
	esac
	case $a_goal in
	flake)
		set -- nixos-rebuild "$how" --fast --flake "$a_ref#$a_attribute" --no-update-lock-file --no-write-lock-file
		echo "+ $*"
		"$@" # model: switch
		code=$?
		;;
	*)
		code=0
		if [ "$how" = switch ]; then set_profile "$a_back" "$a_wanted"; fi # model: switch-profile
		"$a_wanted/bin/switch-to-configuration" "$how" || code=$? # model: switch-exact
		;;
	esac >>"$ACTIVE/switch.log" 2>&1
	# From here on it is the deployer's silence that counts, not the switch. First
	# of all: who sees the code may confirm, and the next run may be armed.
	clock
	load_active && extend # model: switch-extends
	printf '%s\n' "$code" >"$ACTIVE/switch.rc.tmp" && durable "$ACTIVE/switch.rc.tmp" &&
		mv "$ACTIVE/switch.rc.tmp" "$ACTIVE/switch.rc" # model: switch-ended
}

# Sets what confirm has to set, and reads it back.
finish() {
	loaded=yes
	if [ "$a_mode" = test-first ]; then
		await_others
		read_links
		if foreign_change; then
			go_back # which undoes nothing then
			return
		fi
		if [ "$profile" != "$a_wanted" ]; then logged set_profile "$a_back" "$a_wanted"; fi # model: confirm-profile
		if [ "$next" != "$a_wanted" ]; then
			activate "$a_wanted/bin/switch-to-configuration" boot # model: confirm-boot
			if [ "$busy" = yes ] && [ "$uptime" -lt "$patience" ]; then
				sleep 2
				return # and once more
			fi
			# Where nobody can read what it boots next, the code is all there is.
			if [ "$code" != 0 ]; then loaded=no; fi
		fi
		read_links
	fi
	if [ -n "$next" ]; then loaded=yes; fi
	if [ "$running" = "$a_wanted" ] && [ "$profile" = "$a_wanted" ] && next_is "$a_wanted" && [ "$loaded" = yes ]; then
		if [ -z "$next" ]; then mark unverified; fi
		if [ "$a_goal" = flake ]; then remember; fi
		note "confirmed $a_wanted"
		write_result confirmed # model: confirmed
	else
		note "cannot be confirmed: $link $profile $running $next"
		go_back
	fi
}

# The host's own record of what was confirmed, and whose host it is.
remember() {
	{
		printf 'flake %s\nattribute %s\ntoplevel %s\nrun %s\noperator %s\nstage %s\ntime %s\nlink %s\n' \
			"$a_flake" "$a_attribute" "$a_wanted" "$a_run" "$a_operator" "$a_stage" "$(date +%s)" "$link"
		failed_units | while read -r unit; do printf 'failed %s\n' "$unit"; done
	} | write_record "$a_flake" "$a_fleet" "$a_host"
}

write_record() { # DIGEST FLEET HOST <RECORD
	mkdir -p "$RECORDS"
	cat >"$RECORDS/.new" && come_last "$RECORDS/.new" "$RECORDS" "$DONE" && durable "$RECORDS/.new" && mv "$RECORDS/.new" "$RECORDS/$1" &&
		printf '%s %s\n' "$2" "$3" >"$STATE/.marker" && durable "$STATE/.marker" && mv "$STATE/.marker" "$STATE/marker" &&
		durable "$RECORDS" "$STATE" || return
	# The newest fifty stay.
	past 50 "$1" "$RECORDS" | while read -r old; do rm -f "${RECORDS:?}/$old"; done
}

# The end of a resolved run: its folder moves away, and with it lock and guard.
# All of it under the short lock: who arms the next run writes a unit of the name
# that is removed here, and would find this guard, which is about to end, running.
close_run() {
	enter # model: close-lock
	mkdir -p "$DONE"
	rm -rf "${DONE:?}/$a_run"
	# What was recorded stays pinned for a return in the soak, of the newest runs.
	past 6 "$a_run" "$DONE" | while read -r old; do
		rm -rf "${DONE:?}/$old"
		unpin "$old"
	done
	if [ "$a_result" = returned ]; then unpin "$a_run"; fi
	# While the folder stands, nobody else can take the lease. One that has run out
	# goes, too.
	lease_live
	if [ "$l_run" = "$a_run" ]; then rm -f "$LEASE"; fi
	# The folder first: a unit without one is skipped at boot, a decided folder
	# without a unit would stay for ever.
	come_last "$ACTIVE" "$DONE" "$RECORDS"
	durable "$ACTIVE" # model: close-result
	if ! mv -T "$ACTIVE" "$DONE/$a_run"; then # model: close
		leave
		return 1
	fi
	durable "$STATE" "$DONE" # model: close-durable
	rm -f "$VOLATILE/claim" # model: close-claim
	remove_unit # model: close-unit
	leave
}

# The end of a guard that has nothing to guard, unless somebody arms meanwhile.
unused() {
	enter # model: unused
	if load_active; then
		leave
		return 1
	fi
	remove_unit # model: unused-unit
	leave
}

# The deadline has passed. A start that is under way comes first, or not at all;
# a sign of life or a claim may have come meanwhile.
claim_return() {
	claimed=no
	enter
	clock
	if load_active && guard_left && [ "$left" -le 0 ] && claim_for return; then # model: claim-return
		claimed=yes
		note "no sign of life in time: returning"
	fi
	leave
	if [ "$claimed" = no ]; then sleep 1; fi
}

# release RUN: a person keeps a stranded host as it is now. The run ends, its
# result stays in done/.
release() {
	enter
	ours "$1"
	if [ "$a_result" != stranded ]; then
		note "run $a_run is not stranded: it is not released"
		exit 1
	fi
	read_links
	note "released by a person: $link $profile $running ${next:--}"
	close_run
}

guard() {
	attempts=0 activations=0 woken=no busy=no patience='' r_until=0 untold=no mended=no
	trap 'woken=yes' USR1
	# The tools of the record, which is pinned: the guard needs nothing of the
	# system that it may have to undo.
	if load_active; then
		PATH=$a_running/sw/bin:$PATH
		# What a guard that was killed left behind must not act beside this one.
		timeout 60 systemctl stop "nixdeploy-return-$a_run-*" 2>/dev/null # model: guard-alone
	fi
	while load_active || ! unused; do
		clock
		guard_left
		due=no
		if [ "$left" -le 0 ]; then due=yes; fi
		read_links
		system_is
		decide "${a_claim:-none}" "${a_result:-none}" "$due" "$system" # model: decide
		case $action in
		wait)
			if [ "$woken" = no ]; then
				if [ "$left" -gt 5 ]; then left=5; fi
				sleep "$left" &
				wait "$!"
				kill "$!" 2>/dev/null
			fi
			woken=no
			;;
		claim) claim_return ;;
		finish | return)
			durable "$ACTIVE" # model: claim-seen
			written=yes
			if [ "$action" = finish ]; then finish; else go_back; fi
			# What was done holds, and is looked at again until the disk takes that.
			if [ "$written" = no ]; then sleep 10; fi
			;;
		close)
			if close_run; then return; fi
			sleep 10
			;;
		hold) return ;;
		esac
	done
}

# ---- what is asked for ---------------------------------------------------

case $verb in
arm) arm "$@" ;;
start) start "$@" ;;
await) await "$@" ;;
confirm) settle confirm "$@" ;;
back) settle return "$@" ;;
unlock) # RUN
	enter
	clock
	if lease_live && [ "$l_run" = "$1" ]; then rm -f "$LEASE"; fi
	rm -f "$ROOTS/wanted-$1"
	;;
record) # RUN OPERATOR SECONDS DIGEST ATTRIBUTE TOPLEVEL STAGE FLEET HOST
	enter
	take_lease "$1" "$2" "$3"
	read_links
	if [ "$running" = "$6" ] && [ "$profile" = "$6" ] && next_is "$6"; then
		a_run=$1 a_operator=$2 a_flake=$4 a_attribute=$5 a_wanted=$6 a_stage=$7 a_fleet=$8 a_host=$9
		if remember; then say recorded yes; fi
	else
		say moved "$link $profile $running ${next:--}"
	fi
	rm -f "$LEASE"
	;;
release) release "$@" ;;
switch) run_switch ;;
guard) guard ;;
decide) # CLAIM RESULT DUE SYSTEM: the table, for its test
	decide "$@"
	say action "$action"
	;;
esac
if [ "$nonce" != - ]; then say end guard; fi
