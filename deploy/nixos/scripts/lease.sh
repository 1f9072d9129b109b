# A lease that outlives what takes long: put in front of the scripts that do it.
# They have $run, $operator and $seconds.

# When this script began, by the kernel; nothing once it has ended. Another process
# may have its number by then.
began() {
	{ read -r stat <"/proc/$$/stat"; } 2>/dev/null || return
	# shellcheck disable=SC2086 # fields; the name before them may hold blanks
	set -- ${stat##*) }
	printf '%s\n' "${20}"
}

renew_lease() {
	born=$(began)
	while sleep $((seconds / 3)) && [ "$(began)" = "$born" ]; do
		enter
		clock
		if lease_live && [ "$l_run" = "$run" ]; then write_lease "$run" "$operator" "$seconds"; fi
		leave
	done
}

# Renews the lease until the script ends -> $keeper, for its trap.
keep_lease() {
	renew_lease >/dev/null 2>&1 3<&- &
	keeper=$!
}
