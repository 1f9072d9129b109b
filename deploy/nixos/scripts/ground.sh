# What a host stands on, whatever system runs on it: what is mounted where its
# boot needs it, the release that it was installed as, its login. Part of build,
# so that a new system is held against it before anything is armed, and of facts.
# Reading only.

# The mount points that a host may not boot without.
boots_by() { # POINT
	case ${1#/} in
	'' | boot | boot/efi | efi | nix) ;;
	*) return 1 ;;
	esac
}

is_device() { [ -b "$1" ]; }

# The block device behind what mount or fstab names -> $device, and the UUID of
# what is on it -> $uuid; "-" for none.
device_of() { # SOURCE [MAJOR:MINOR]
	device=- uuid=-
	case $1 in
	UUID=*) resolve "/dev/disk/by-uuid/${1#*=}" ;;
	LABEL=*) resolve "/dev/disk/by-label/${1#*=}" ;;
	PARTUUID=*) resolve "/dev/disk/by-partuuid/${1#*=}" ;;
	PARTLABEL=*) resolve "/dev/disk/by-partlabel/${1#*=}" ;;
	/*) resolve "$1" ;;
	*) resolved='' ;;
	esac
	# The kernel's own name for it may lead nowhere: /dev/root.
	if [ -n "${2-}" ] && ! is_device "$resolved"; then resolve "/dev/block/$2"; fi
	if ! is_device "$resolved"; then return; fi
	device=$resolved
	uuid=$(timeout 5 lsblk -ndo UUID "$device" 2>/dev/null)
	uuid=${uuid%%[[:space:]]*}
	uuid=${uuid:--}
}

# POINT TYPE SOURCE DEVICE UUID ROOT for each mount; of one point the last counts.
say_mounts() {
	while read -r _ _ number root point _ rest; do
		if ! boots_by "$point"; then continue; fi
		rest=" $rest" rest=${rest#* - } # what is optional ends there
		type=${rest%% *} rest=${rest#* }
		device_of "${rest%% *}" "$number"
		say mount "$point $type ${rest%% *} $device $uuid $root"
	done </proc/self/mountinfo
}

# POINT TYPE SOURCE DEVICE UUID OPTIONS for each line of an fstab.
mounts_of() { # FSTAB
	while read -r source point type options _ || [ -n "$source" ]; do
		case $source in
		'' | '#'*) continue ;;
		esac
		if ! boots_by "$point"; then continue; fi
		device_of "$source"
		printf '%s\n' "$point $type $source $device $uuid $options"
	done <"$1"
}

# What a system says of itself.
system_of() { # TOPLEVEL
	if [ -f "$1/etc/nixdeploy/system.json" ]; then head -c 60000 "$1/etc/nixdeploy/system.json"; fi
}

# The releases that the configuration on the host names: nothing that is built
# holds system.stateVersion, and nothing is evaluated for it.
say_state_versions() {
	timeout 10 grep -rhsE --include='*.nix' '^[^#]*system\.stateVersion *=' /etc/nixos |
		sed -n 's/^.*system\.stateVersion *= *\(lib\.\)\{0,1\}\(mk[A-Za-z]* *\)\{0,1\}"\([0-9][0-9]\.[0-9][0-9]\)".*$/\3/p' |
		sort -u | say_lines state_version
}

# The keys of a user that open a login as they are; what else might open one is
# only named.
say_keys() { # WHERE FILE
	if ! [ -f "$2" ]; then return; fi
	head -c 262144 "$2" | while IFS= read -r line || [ -n "$line" ]; do
		line=${line#"${line%%[![:space:]]*}"}
		case $line in
		'' | '#'*) ;;
		ssh-*' AAAA'* | ecdsa-*' AAAA'* | sk-*' AAAA'*) say key "$1 $line" ;;
		*cert-authority*) say login_by 'a certificate authority in authorized_keys' ;;
		*' AAAA'*) say login_by 'a key with options' ;;
		esac
	done
}

# What else than a list of keys sshd lets in.
ways_of() { # SSHD_CONFIG
	if ! [ -f "$1" ]; then return; fi
	while read -r word rest; do
		case $word/$rest in
		*/none) ;;
		TrustedUserCAKeys/* | AuthorizedKeysCommand/*) printf '%s\n' "$word" ;;
		AuthorizedKeysFile/*.ssh/authorized_keys*) echo home ;;
		esac
	done <"$1"
}

say_login() { # USER
	while IFS=: read -r name _ uid _ _ home _; do
		if [ "$name" != "$1" ]; then continue; fi
		say login "$uid $name"
		say_keys etc "/etc/ssh/authorized_keys.d/$name"
		say_keys home "$home/.ssh/authorized_keys"
		break
	done </etc/passwd
	ways_of /etc/ssh/sshd_config | say_lines login_by
}

say_ground() { # USER
	read_links # which makes automounts of what it looks into be there
	say_mounts
	if [ -f /etc/fstab ]; then mounts_of /etc/fstab | say_lines fstab; fi
	system_of /run/current-system | say_lines running-system
	say_state_versions
	say_login "$1"
}

# What a system that is in the store expects of the host that it is to run on.
say_demands() { # TOPLEVEL USER
	if [ -f "$1/etc/fstab" ]; then
		say wanted-fstab yes
		mounts_of "$1/etc/fstab" | say_lines wanted-mount
	fi
	system_of "$1" | say_lines wanted-system
	if [ -f "$1/etc/ssh/authorized_keys.d/$2" ]; then head -c 262144 "$1/etc/ssh/authorized_keys.d/$2" | say_lines wanted_key; fi
	ways_of "$1/etc/ssh/sshd_config" | say_lines wanted_login_by
}
