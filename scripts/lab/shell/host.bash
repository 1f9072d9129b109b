# shellcheck shell=bash
# One host: its folder under $LAB_DIR/hosts/NAME, and what can happen to it.
#   number    last byte of its address      base, loader, kind  what it was made from
#   upper work root nix                     its disk      known_hosts   its host key
#   log       what its boots printed        off           it was switched off

host_dir() { echo "$LAB_DIR/hosts/$1"; }
host_number() { cat "$(host_dir "$1")/number"; }
host_ip() { echo "$NETWORK.$(host_number "$1")"; }
host_cgroup() { echo "$(cgroup_mount)/nixdeploy-lab/$1"; }

require_host() {
  [ -n "${1-}" ] || fail "name a host: $(list_names | tr '\n' ' ')"
  [ -e "$(host_dir "$1")/number" ] || fail "no host $1: see \`lab list\`"
}

list_names() {
  local number
  for number in "$LAB_DIR"/hosts/*/number; do
    [ ! -e "$number" ] || basename "${number%/number}"
  done
}

# Names and addresses are handed out under one lock: tests run in parallel processes.
claim_name_and_number() {
  local name=$1 number dir
  case $name in
    '' | *[!a-z0-9-]* | -*) fail "a host's name is made of a-z, 0-9 and -: not '$name'" ;;
  esac
  dir=$(host_dir "$name")
  mkdir -p "$LAB_DIR/hosts"
  (
    flock 9
    [ ! -e "$dir" ] || fail "host $name exists: \`lab down $name\` removes it"
    number=10
    while grep -qsx "$number" "$LAB_DIR"/hosts/*/number; do number=$((number + 1)); done
    [ "$number" -lt 250 ] || fail "all addresses are taken: \`lab down --all\` frees them"
    mkdir "$dir"
    echo "$number" >"$dir/number"
  ) 9>"$LAB_DIR/hosts.lock"
}

# The one file for all hosts follows the files of each, also when there are none.
gather_known_hosts() {
  (
    flock 9
    shopt -s nullglob
    # No find: the folder of a host that is going may vanish under it.
    cat /dev/null "$LAB_DIR"/hosts/*/known_hosts >"$LAB_DIR/known_hosts.new"
    mv "$LAB_DIR/known_hosts.new" "$LAB_DIR/known_hosts"
  ) 9>"$LAB_DIR/hosts.lock"
}

# A file of a host goes under the lock, so that none vanishes between being
# found and being read.
forget_known_host() {
  (
    flock 9
    rm -f "$(host_dir "$1")/known_hosts"
  ) 9>"$LAB_DIR/hosts.lock"
}

# host_create NAME SUITE LOADER KIND READONLY_ETC_CONTROL
host_create() {
  local name=$1 suite=$2 loader=$3 kind=$4 readonly_control=$5 dir upper base golden number
  base=$(base_build "$suite")
  golden=$(golden_build "$base" "$loader")
  claim_name_and_number "$name"
  dir=$(host_dir "$name")
  upper=$dir/upper
  number=$(host_number "$name")
  echo "$suite" >"$dir/base"
  echo "$base" >"$dir/base-dir"
  echo "$loader" >"$dir/loader"
  echo "$kind" >"$dir/kind"
  [ -z "$readonly_control" ] || : >"$dir/readonly-etc-control"
  mkdir -p "$dir"/{work,root} "$upper"/{etc/ssh,etc/lab,root/.ssh,home/deploy/.ssh,boot}
  cp -a "$golden/nix" "$dir/nix"
  cp -a "$golden/etc-lab/." "$upper/etc/lab/"
  echo "$kind" >"$upper/etc/lab/kind"
  case $kind in
    machine) cp -a "$golden/boot/." "$upper/boot/" ;;
    container) # as in one of LXC, whose init is a link that the installer moves
      mkdir -p "$upper/usr/sbin"
      ln -s "$(generation_1 "$dir")/init" "$upper/usr/sbin/init"
      ;;
  esac
  chmod 755 "$upper"
  chmod 700 "$upper/root" "$upper/root/.ssh" "$upper/home/deploy/.ssh"
  install -m 600 "$LAB_DIR/keys/id_ed25519.pub" "$upper/root/.ssh/authorized_keys"
  install -m 600 "$LAB_DIR/keys/id_ed25519.pub" "$upper/home/deploy/.ssh/authorized_keys"
  chown -R 1000:1000 "$upper/home/deploy"
  ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$upper/etc/ssh/ssh_host_ed25519_key"
  echo "$name" >"$upper/etc/hostname"
  printf '127.0.0.1 localhost\n%s %s\n' "$NETWORK.$number" "$name" >"$upper/etc/hosts"
  tr -d - </proc/sys/kernel/random/uuid >"$upper/etc/machine-id"
  [ "$loader$kind" != systemd-bootmachine ] || sed -i "s/^machine-id .*/machine-id $(cat "$upper/etc/machine-id")/" "$upper"/boot/loader/entries/*.conf
  cut -d' ' -f1,2 "$upper/etc/ssh/ssh_host_ed25519_key.pub" | sed "s/^/$NETWORK.$number,$name /" >"$dir/known_hosts"
  gather_known_hosts
}

generation_1() { readlink "$1/nix/var/nix/profiles/system-1-link"; }

host_is_on() {
  grep -qs 'populated 1' "$(host_cgroup "$1")/cgroup.events"
}

host_start() {
  local name=$1 dir cgroup
  dir=$(host_dir "$name")
  cgroup=$(host_cgroup "$name")
  ! host_is_on "$name" || fail "host $name is on"
  mkdir -p "$cgroup"
  # It may have been frozen when its power was cut.
  echo 0 >"$cgroup/cgroup.freeze"
  rm -f "$dir/off"
  network_up
  network_unplug "$name" "$(host_number "$name")"
  network_plug "$name" "$(host_number "$name")"
  [ ! -e "$dir/cable-pulled" ] || host_cut_link "$name"
  setsid nsenter --net="/run/netns/lab-$name" "$LAB_SOURCE/host/supervise" "$dir" "$(cat "$dir/base-dir")" "$cgroup" \
    >>"$dir/log" 2>&1 </dev/null 9>&- &
}

# As a cut cable and a power cut are from outside: silence. The link goes first,
# or the dying sockets would say goodbye.
host_power_cut() {
  local name=$1 cgroup
  cgroup=$(host_cgroup "$name")
  : >"$(host_dir "$name")/off"
  network_unplug "$name" "$(host_number "$name")"
  [ -e "$cgroup/cgroup.kill" ] || return 0
  echo 1 >"$cgroup/cgroup.kill"
  local attempt
  for attempt in $(seq 500); do
    host_is_on "$name" || break
    sleep 0.02
  done
  [ "$attempt" != 500 ] || fail "host $name does not die: see $cgroup/cgroup.procs"
  find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
}

host_remove() {
  host_power_cut "$1"
  forget_known_host "$1"
  rm -rf "$(host_dir "$1")"
  gather_known_hosts
}

# A pulled cable stays pulled, also over a power cut.
host_cut_link() {
  : >"$(host_dir "$1")/cable-pulled"
  ip link set "$(link_name "$(host_number "$1")")" down 2>/dev/null || ! host_is_on "$1"
}

host_mend_link() {
  rm -f "$(host_dir "$1")/cable-pulled"
  ip link set "$(link_name "$(host_number "$1")")" up 2>/dev/null || ! host_is_on "$1"
}

# The host's systemd, as seen from outside; nothing while it is off or starting.
host_pid() {
  head -n 1 "$(host_cgroup "$1")/init.scope/cgroup.procs" 2>/dev/null | grep . || fail "host $1 is off, or still starting"
}

# host_enter NAME COMMAND...: run it in the host, past its network and sshd.
host_enter() {
  local name=$1 pid
  shift
  pid=$(host_pid "$name")
  # A systemd that shuts down stops everything before it kills it. An nsenter that
  # forks then stops as its child did, and never reaps it: the host would wait for
  # ever for its last process, and not come back. A shell outside of the host's pid
  # namespace just waits.
  # shellcheck disable=SC2016 # for that shell
  nsenter --target "$pid" --time --mount --uts --ipc --net --pid --no-fork --cgroup \
    /bin/sh -c '"$@"; exit $?' sh /usr/bin/env -i HOME=/root PATH=/run/wrappers/bin:/run/current-system/sw/bin "$@"
}

host_ssh() {
  local name=$1
  shift
  ssh -F "$LAB_DIR/ssh_config" "$(host_ip "$name")" "$@"
}

# host_wait NAME: until it answers over ssh.
host_wait() {
  local name=$1 deadline=$((SECONDS + ${NIXDEPLOY_LAB_WAIT:-60}))
  until host_ssh "$name" true 2>/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || fail "host $name does not answer over ssh: see $(host_dir "$name")/log"
    sleep 0.05
  done
}

host_reboot() {
  host_enter "$1" systemctl reboot
}

client_files() {
  if [ ! -e "$LAB_DIR/keys/id_ed25519" ]; then
    mkdir -p "$LAB_DIR/keys"
    (
      flock 9
      [ -e "$LAB_DIR/keys/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$LAB_DIR/keys/id_ed25519"
    ) 9>"$LAB_DIR/keys/lock"
  fi
  cat >"$LAB_DIR/ssh_config.$$" <<EOF
Host *
  User root
  IdentityFile $LAB_DIR/keys/id_ed25519
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  UserKnownHostsFile $LAB_DIR/known_hosts
  GlobalKnownHostsFile /dev/null
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 15
  # The default of OpenSSH 9 costs 60 ms more a handshake.
  KexAlgorithms curve25519-sha256
EOF
  mv "$LAB_DIR/ssh_config.$$" "$LAB_DIR/ssh_config"
}
