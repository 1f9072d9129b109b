# shellcheck shell=bash
# One bridge for all hosts; this machine is 10.77.0.1 on it. A host is a network
# namespace with one end of a veth pair, the other end hangs on the bridge.

readonly BRIDGE=br-lab
readonly NETWORK=10.77.0
# Given, or it would be that of one of its ports, and change with the hosts that
# come and go: what the others then send to the old one is lost, for a minute and
# more once TCP has backed off.
readonly BRIDGE_ADDRESS=02:00:0a:4d:00:01

network_up() {
  if ! ip link show "$BRIDGE" 2>/dev/null | grep -q "$BRIDGE_ADDRESS"; then
    (
      flock 9
      ip link show "$BRIDGE" >/dev/null 2>&1 && ip link set "$BRIDGE" address "$BRIDGE_ADDRESS" && exit 0
      ip link add "$BRIDGE" address "$BRIDGE_ADDRESS" type bridge forward_delay 0
      ip addr add "$NETWORK.1/24" dev "$BRIDGE"
      ip link set "$BRIDGE" up
    ) 9>"$LAB_DIR/network.lock"
  fi
  # systemd takes several inotify instances a host: the default of 128 is used up
  # by 17 hosts, and then sshd, dbus and journald fail to start.
  raise_limit fs/inotify/max_user_instances 8192
  raise_limit fs/inotify/max_user_watches 1048576
}

raise_limit() {
  local knob=/proc/sys/$1
  [ "$(cat "$knob")" -ge "$2" ] || echo "$2" >"$knob"
}

link_name() { echo "lab$1"; }

# network_plug NAME NUMBER: a fresh namespace, so that no socket of an earlier
# boot is left in it to answer for the new one.
network_plug() {
  local ns=lab-$1 number=$2 link
  link=$(link_name "$number")
  # The first one of a machine sets up /run/netns, which two must not do at once.
  (
    flock 9
    ip netns add "$ns"
  ) 9>"$LAB_DIR/network.lock"
  ip link add "$link" type veth peer name eth0 address "$(printf '02:00:0a:4d:00:%02x' "$number")" netns "$ns"
  ip link set "$link" master "$BRIDGE" up
  ip -n "$ns" link set lo up
  ip -n "$ns" addr add "$NETWORK.$number/24" dev eth0
  ip -n "$ns" link set eth0 up
  ip -n "$ns" route add default via "$NETWORK.1"
}

# A namespace is freed asynchronously: deleted by name, the veth is gone at once,
# and a quick re-use of its name does not meet "File exists".
network_unplug() {
  ip link del "$(link_name "$2")" 2>/dev/null || true
  ip netns del "lab-$1" 2>/dev/null || true
}
