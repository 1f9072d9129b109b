# shellcheck shell=bash
# A base: a Debian tree with systemd, sshd and nix, shaped like NixOS where a
# deployer can see it. Built once for each recipe, shared by all hosts
# (their overlay's lower layer), never written to afterwards.

readonly BASE_PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,openssh-client,nix-bin,nix-setup-systemd,iproute2,iputils-ping,procps,ca-certificates,git,jq,python3,perl,sudo,curl,netbase,kmod,bsdextrautils,libconfig-inifiles-perl,libfile-slurp-perl,fish

# Units that would only cost time, or that fight over hardware a namespace does not have.
readonly MASKED_UNITS="getty.target console-getty.service getty@.service getty-static.service
  apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer
  fstrim.timer systemd-firstboot.service systemd-udevd.service systemd-udev-trigger.service
  systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-update-utmp-runlevel.service
  dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-modules-load.service
  systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-networkd.service"

debian_mirror() {
  local found
  found=$(sed -n -E 's,^(deb |URIs:)[^#]*(https?://[^ ]+/debian/?)( .*)?$,\2,p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1) || true
  echo "${NIXDEPLOY_LAB_MIRROR:-${found:-http://deb.debian.org/debian}}"
}

# The recipe is this file and what it copies into the tree.
base_key() {
  cat "$LAB_SOURCE/shell/base.bash" "$LAB_SOURCE"/host/etc/* | sha256sum | cut -c1-12
}

base_dir() {
  echo "$LAB_DIR/bases/$1-$(base_key)"
}

# base_build SUITE: prints the base's folder, building it when it is not there.
base_build() {
  local suite=$1 dir
  case $suite in
    bookworm | trixie | sid) ;;
    *) fail "unknown base $suite: use bookworm or trixie" ;;
  esac
  dir=$(base_dir "$suite")
  if [ ! -e "$dir" ]; then
    mkdir -p "$LAB_DIR/bases"
    (
      flock 9
      [ -e "$dir" ] && exit 0
      echo "lab: building the $suite base from $(debian_mirror) (half a minute, once)" >&2
      base_debootstrap "$suite" "$dir.partial"
      base_shape_like_nixos "$dir.partial"
      mv "$dir.partial" "$dir"
    ) 9>"$LAB_DIR/bases/$suite.lock"
  fi
  echo "$dir"
}

# The Debian tree depends on the package list only: kept apart, so that a change
# of what is done to it afterwards does not download it again.
base_debootstrap() {
  local suite=$1 dest=$2 pristine
  pristine=$LAB_DIR/bases/$suite-debian-$(echo "$BASE_PACKAGES" | sha256sum | cut -c1-12)
  if [ ! -e "$pristine" ]; then
    rm -rf "$pristine.partial"
    mmdebstrap --quiet --variant=minbase --include="$BASE_PACKAGES" \
      --aptopt='Acquire::Check-Valid-Until "false"' \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' \
      "$suite" "$pristine.partial" "$(debian_mirror)" >&2
    mv "$pristine.partial" "$pristine"
  fi
  rm -rf "$dest"
  cp -a "$pristine" "$dest"
}

base_shape_like_nixos() {
  local root=$1 unit
  # Socket activation only, as on NixOS.
  rm -f "$root/etc/systemd/system/multi-user.target.wants/nix-daemon.service"
  # Activation replaces /etc/systemd/system by a link into the store:
  # what Debian enabled there must live among the vendor's units.
  cp -a "$root/etc/systemd/system/." "$root/usr/lib/systemd/system/"
  rm -rf "$root/etc/systemd/system"
  mkdir "$root/etc/systemd/system"
  ln -sf multi-user.target "$root/usr/lib/systemd/system/default.target"
  for unit in $MASKED_UNITS; do
    rm -f "$root/usr/lib/systemd/system/$unit"
    ln -s /dev/null "$root/usr/lib/systemd/system/$unit"
  done
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/usr/share/doc \
    "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/icons
  : >"$root/etc/machine-id"
  : >"$root/etc/fstab"
  : >"$root/etc/motd"
  : >"$root/etc/environment"
  rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/os-release"
  echo 'ID=nixos' >"$root/etc/os-release"
  : >"$root/etc/NIXOS"

  install -m 644 "$LAB_SOURCE/host/etc/sshd_config" "$root/etc/ssh/sshd_config"
  install -D -m 644 "$LAB_SOURCE/host/etc/nix.conf" "$root/etc/nix/nix.conf"
  install -D -m 644 "$LAB_SOURCE/host/etc/journald.conf" "$root/usr/lib/systemd/journald.conf.d/50-small.conf"
  install -m 440 "$LAB_SOURCE/host/etc/sudoers" "$root/etc/sudoers"

  # NixOS leaves the daemon's socket open to every user, Debian does not.
  sed -i 's,^\(d[^ ]* */nix/var/nix/daemon-socket *\)[0-7]* .*,\1 0755 root root - -,' \
    "$root"/usr/lib/tmpfiles.d/nix-daemon.conf 2>/dev/null || true
  chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash deploy
  chroot "$root" passwd --quiet --delete root
  chroot "$root" passwd --quiet --lock root 2>/dev/null || true
  if chroot "$root" getent group nix-users >/dev/null; then chroot "$root" usermod -aG nix-users deploy; fi
  mkdir -p "$root/boot" "$root/nix"
}
