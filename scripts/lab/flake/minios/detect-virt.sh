#!/bin/sh
# The lab stands for machines with a boot loader of their own, not for
# containers: it says so here, where systemd-detect-virt would say the truth.
container=
quiet=
for flag; do
  case $flag in
    -c | --container) container=1 ;;
    -q | --quiet) quiet=1 ;;
  esac
done
virt=kvm
[ -z "$container" ] || virt=none
[ -n "$quiet" ] || echo "$virt"
[ "$virt" != none ]
