# shellcheck shell=bash
# What the lab needs from this machine, and how it says what is missing.
# Exit code 77 (the skip code of automake) means: the lab cannot run here.

readonly EXIT_CANNOT_RUN=77

# The cgroup2 mount under which each host gets a subtree of its own.
cgroup_mount() {
  awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

install_missing_tools() {
  local packages=()
  command -v mmdebstrap >/dev/null || packages+=(mmdebstrap)
  command -v ip >/dev/null || packages+=(iproute2)
  command -v ssh-keygen >/dev/null || packages+=(openssh-client)
  command -v jq >/dev/null || packages+=(jq)
  [ "${#packages[@]}" -eq 0 ] && return 0
  command -v apt-get >/dev/null || return 1
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${packages[@]}" >&2
}

# Prints one line for each thing that is missing.
missing_from_this_machine() {
  [ "$(uname -s)" = Linux ] || { echo "Linux (this is $(uname -s))"; return; }
  [ "$(id -u)" = 0 ] || { echo "root (run as root, in a throw-away machine)"; return; }
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || echo "overlayfs in the kernel"
  grep -qw cgroup2 /proc/filesystems || echo "cgroup2 in the kernel"
  unshare --time --cgroup --fork true 2>/dev/null || echo "time and cgroup namespaces (util-linux 2.38, kernel 5.6)"
  [ "$(cgroup_mount)" != "" ] || mount_cgroup2 || echo "a cgroup2 mount (none found, and none could be made)"
  overlay_works || echo "overlayfs on $LAB_DIR (is it an overlay itself? set NIXDEPLOY_LAB_DIR to another filesystem)"
  local tool
  for tool in mmdebstrap ip ssh-keygen jq unshare nsenter setsid flock; do
    command -v "$tool" >/dev/null || echo "the command $tool (apt-get install of it failed)"
  done
}

mount_cgroup2() {
  mkdir -p "$LAB_DIR/cgroup" && mount -t cgroup2 cgroup2 "$LAB_DIR/cgroup" 2>/dev/null
}

overlay_works() {
  local trial code=0
  trial=$(mktemp -d "$LAB_DIR/trial.XXXXXX") || return 1
  mkdir "$trial"/{lower,upper,work,root}
  unshare --mount mount -t overlay overlay \
    -o "lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" "$trial/root" 2>/dev/null || code=1
  rm -rf "$trial"
  return "$code"
}

preflight() {
  mkdir -p "$LAB_DIR" 2>/dev/null || true
  [ "$(id -u)" != 0 ] || install_missing_tools || true
  local missing
  missing=$(missing_from_this_machine)
  [ -z "$missing" ] && return 0
  echo "lab: cannot run here, missing:" >&2
  printf '%s\n' "$missing" | sed 's/^/  /' >&2
  exit "$EXIT_CANNOT_RUN"
}
