#!/bin/sh
# nixdeploy remote script: facts
# What this host is, for its folder beside hosts.toml: its hardware as NixOS's own
# tool tells it, how it boots, what is mounted, its login. Reading only.
# Arguments: NONCE USER (whose login this is)
nonce=$1 user=$2

# The disks that GRUB is installed on: what its installer noted, else the disk
# that /boot is on.
say_boot_devices() { # after read_links
	if [ "$reader" != grub ]; then return; fi
	if [ -f /boot/grub/state ]; then
		while IFS= read -r line; do
			case $line in
			/dev/*) printf '%s\n' "$line" | tr , '\n' | say_lines boot_device ;;
			esac
		done </boot/grub/state
		return
	fi
	device_of "$(df -P /boot 2>/dev/null | awk 'NR == 2 { print $1 }')"
	if [ "$device" = - ]; then return; fi
	timeout 5 lsblk -snrpo NAME,TYPE "$device" 2>/dev/null | while read -r name type; do
		if [ "$type" = disk ]; then say boot_device "$name"; fi
	done
}

# Who else may log in: people's accounts, and root where it has a password. Names
# only; what a password is stays on the host.
say_accounts() {
	while IFS=: read -r name _ uid _ _ _ shell; do
		case $shell in '' | */nologin | */false) continue ;; esac
		case $uid in ????*) say account "$name" ;; esac # from 1000 on
	done </etc/passwd
	if grep -qs '^root:[$]' /etc/shadow; then say account root; fi
}

clock
say_identity
if is_wsl; then say wsl yes; fi
if is_container; then say container yes; fi
if [ -d /sys/firmware/efi ]; then say firmware efi; else say firmware bios; fi
if [ -f "$STATE/marker" ]; then
	read -r fleet host <"$STATE/marker"
	say marker "$fleet $host"
fi
say_ground "$user"
say_accounts
say_links links
say_boot_devices
# The release of the first generation, where that is kept: a hint at most.
if [ -f "$PROFILES/system-1-link/nixos-version" ]; then
	read -r release <"$PROFILES/system-1-link/nixos-version"
	say first_release "$release"
fi
# The code comes by a second descriptor: a pipe would lose it. One byte more than
# is taken shows that there was more.
exec 4>&1
code=$({ { timeout -k 5 40 nixos-generate-config --show-hardware-config 3<&-; echo $? >&5; } | head -c 262145 | say_lines hardware >&4; } 5>&1)
say hardware_code "$code"
say end facts
