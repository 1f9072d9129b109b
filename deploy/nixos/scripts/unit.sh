# The guard's unit on this host: written when a run is armed, started, woken, and
# removed with the run. Part of the guard.

# After the mounts of the boot loader, which nofail puts behind nothing else: who
# goes back before them cannot read what it boots next, and would have it written
# into the folder below.
write_unit() {
	mkdir -p "$CONTROL/basic.target.wants" "$CONTROL/emergency.target.wants" || return 1
	cat >"$CONTROL/$GUARD.tmp" <<-UNIT || return 1
		[Unit]
		Description=nixdeploy guard: returns this host unless its deployment is confirmed
		DefaultDependencies=no
		RequiresMountsFor=$STATE $PROFILES
		ConditionPathExists=$ACTIVE/guard.sh
		After=dbus.socket boot.mount efi.mount boot-efi.mount
		Conflicts=shutdown.target
		Before=shutdown.target
		IgnoreOnIsolate=yes
		StartLimitIntervalSec=0
		[Service]
		Type=exec
		ExecStart=/bin/sh $ACTIVE/guard.sh - guard
		Restart=on-failure
		RestartSec=1
		KillMode=process
		OOMScoreAdjust=-900
	UNIT
	chmod 0644 "$CONTROL/$GUARD.tmp"
	durable "$CONTROL/$GUARD.tmp"
	# The parent too: the folder may be new.
	mv "$CONTROL/$GUARD.tmp" "$CONTROL/$GUARD" &&
		ln -sfn "../$GUARD" "$CONTROL/basic.target.wants/$GUARD" && # model: arm-unit
		ln -sfn "../$GUARD" "$CONTROL/emergency.target.wants/$GUARD" &&
		durable "$CONTROL" "$CONTROL/basic.target.wants" "$CONTROL/emergency.target.wants" "${CONTROL%/*}"
}

remove_unit() { # inside enter: another run may be about to write its own
	rm -f "$CONTROL/$GUARD" "$CONTROL/basic.target.wants/$GUARD" "$CONTROL/emergency.target.wants/$GUARD"
	# The folder itself stays: systemd forgets places that were not there when it
	# last looked, and looking again costs a reload.
	rmdir "$CONTROL/basic.target.wants" "$CONTROL/emergency.target.wants" 2>/dev/null
}

# A boot may have lost the unit and kept the run folder: /etc may be in memory,
# /var/lib on a disk. It is written anew then.
unit_there() { # inside enter, with a run folder
	[ -e "$CONTROL/$GUARD" ] || write_unit
}

start_guard() {
	# systemd looks for new units once one of its folders has changed, but it does
	# not watch this one (path-lookup.c, lookup_paths_mtime_exclude). A touch of
	# another one does; a daemon-reload would run every generator.
	touch -c /run/systemd/system
	systemctl start "$GUARD" 2>/dev/null || { systemctl daemon-reload && systemctl start "$GUARD"; } # model: arm-guard
}

kick_guard() {
	if systemctl --quiet is-active "$GUARD"; then
		systemctl kill --kill-who=main --signal=USR1 "$GUARD" 2>/dev/null
		return
	fi
	systemctl reset-failed "$GUARD" 2>/dev/null
	if systemctl start "$GUARD" 2>/dev/null; then return; fi # model: kick
	enter
	if load_active && unit_there; then # model: kick-unit
		leave
		start_guard
	else
		leave
	fi
}
