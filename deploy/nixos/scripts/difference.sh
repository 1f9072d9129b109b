#!/bin/sh
# nixdeploy remote script: difference
# What another system, which is in this host's store, would bring to it: both
# closures, what only a reboot replaces, what refuses a switch, what the boot
# partition lacks, and, if asked, what dry-activate says. Nothing is changed.
# Arguments: NONCE RUN OPERATOR LEASE FROM TO UNITS TIMEOUT
#   UNITS is yes or no; for yes the lease is taken, since the activator's own
#   lock shuts out a switch meanwhile.
nonce=$1 run=$2 operator=$3 seconds=$4 from=$5 to=$6 units=$7 timeout=$8

closure() { # PATH -> $closure, "PATH SIZE" a line
	if closure=$(nix --extra-experimental-features nix-command path-info -r -s "$1" 2>/dev/null); then return; fi
	say fault "the closure of $1 cannot be read"
	nix --extra-experimental-features nix-command path-info -r -s "$1" 2>&1 >/dev/null | say_lines fault
	exit 1
}

# Each path once, "WHERE SIZE NAME", where a name is a path without its hash.
compare_closures() {
	closure "$from"
	old=$closure
	closure "$to"
	printf '%s\n\n%s\n' "$old" "$closure" | awk '
		NF < 2 { wanted = 1; next }
		{ paths++ }
		!wanted { size[$1] = $2; next }
		$1 in size { print "both", $2, substr($1, 45); delete size[$1]; paths--; next }
		{ print "to", $2, substr($1, 45) }
		END {
			for (path in size) print "from", size[path], substr(path, 45)
			print "all", paths + 0, "-"
		}' | say_lines path
}

# What nixos-upgrade asks before it reboots, and the kernel's command line. On WSL
# the kernel is none of NixOS's.
compare_boots() {
	if ! [ -e /run/booted-system ] || is_wsl; then return; fi
	for part in kernel initrd kernel-modules; do
		resolve "/run/booted-system/$part"
		booted_part=$resolved
		resolve "$to/$part"
		if [ "$booted_part" != "$resolved" ]; then say reboot "$part"; fi
	done
	if [ -e "$to/kernel-params" ] && ! cmp -s /run/booted-system/kernel-params "$to/kernel-params"; then say reboot kernel-params; fi
}

# The names that the installers of NixOS give what they copy: the store path
# with its slashes replaced.
there_already() { # NAME
	for place in "/boot/EFI/nixos/$1.efi" "/efi/EFI/nixos/$1.efi" "/boot/efi/EFI/nixos/$1.efi" "/boot/kernels/$1" "/boot/nixos/$1"; do
		if [ -e "$place" ]; then return 0; fi
	done
	return 1
}

boot_files() {
	read_links
	case $reader in
	profile | unknown) return ;;
	# GRUB reads the store itself where it can, and nothing is copied.
	grub) [ -d /boot/kernels ] || return 0 ;;
	esac
	for part in kernel initrd; do
		resolve "$to/$part"
		if [ -z "$resolved" ] || there_already "$(printf '%s' "${resolved#/nix/store/}" | tr / -)"; then continue; fi
		say boot-lacks "$(stat -c %s "$resolved")"
	done
}

dry_activate() {
	others=$(foreign_activity | grep -E '^(switch|upgrade) ')
	if [ -n "$others" ]; then
		printf '%s\n' "$others" | say_lines foreign
		return
	fi
	if ! [ -x "$to/bin/switch-to-configuration" ]; then
		say unswitchable yes
		return
	fi
	# Read to its end by this shell, so that a connection which is lost meanwhile
	# is none of the activator's.
	text=$(timeout -k 10 "$timeout" "$to/bin/switch-to-configuration" dry-activate 2>&1 3<&-)
	say dry-activate "$?"
	printf '%s\n' "$text" | say_lines would
}

if ! nix-store --check-validity "$to" 2>/dev/null; then
	say absent yes
	say end difference
	exit 0
fi
if [ "$units" = yes ]; then
	enter
	take_lease "$run" "$operator" "$seconds"
	leave
fi
compare_closures
compare_boots
if [ -f "$from/switch-inhibitors" ]; then say_lines inhibits-from <"$from/switch-inhibitors"; fi
if [ -f "$to/switch-inhibitors" ]; then say_lines inhibits-to <"$to/switch-inhibitors"; fi
boot_files
if [ "$units" = yes ]; then dry_activate; fi
say end difference
