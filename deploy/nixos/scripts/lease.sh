# A lease that outlives what takes long: put in front of the scripts that do it.
# They have $run, $operator and $seconds.

renew_lease() {
	while kill -0 "$$" 2>/dev/null; do
		sleep $((seconds / 3))
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
