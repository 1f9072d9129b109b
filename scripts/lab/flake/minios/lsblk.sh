#!/bin/sh
# lsblk, for the disk of a lab host, of which this machine's sysfs knows nothing:
# what `lsblk -ndo UUID DEVICE` and `lsblk -snrpo NAME,TYPE DEVICE` print of it.
# Everything else is asked of the real one.
device=
for device; do :; done
case $* in
  "-ndo UUID $device")
    for link in /dev/disk/by-uuid/*; do
      if [ "$(readlink -f "$link")" = "$(readlink -f "$device")" ]; then
        echo "${link##*/}"
        exit 0
      fi
    done
    ;;
  "-snrpo NAME,TYPE $device")
    disk=$(readlink -f "$device")
    disk=${disk%%[0-9]*}
    if [ "$disk" = /dev/sda ]; then
      [ "$disk" = "$device" ] || echo "$device part"
      echo "$disk disk"
      exit 0
    fi
    ;;
esac
exec /usr/bin/lsblk "$@"
