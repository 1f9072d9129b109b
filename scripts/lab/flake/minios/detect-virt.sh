#!/bin/sh
# The lab stands for machines with a boot loader of their own: it says so here,
# where systemd-detect-virt would say the truth. A host that is to be a container
# has told its systemd so, which wrote that down.
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
if [ -s /run/systemd/container ]; then virt=$(cat /run/systemd/container); fi
[ -n "$quiet" ] || echo "$virt"
[ "$virt" != none ]
