# shellcheck shell=bash
# What nobody needs any more: hosts whose test is dead, older bases and golden systems.

# A process is known by its number and its start, as numbers come again.
process_identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is a name that may hold blanks and brackets.
  stat=${stat##*) }
  echo "$1 $(echo "$stat" | cut -d' ' -f20)"
}

# A test that was killed leaves its hosts: the next `up` takes them down.
remove_orphans() {
  local name owner
  (
    flock 9
    for name in $(list_names); do
      owner=$(cat "$(host_dir "$name")/owner" 2>/dev/null) || continue
      [ "$(process_identity "${owner%% *}" || true)" != "$owner" ] || continue
      echo "lab: removing $name, whose test is gone" >&2
      host_remove "$name"
    done
  ) 9>"$LAB_DIR/orphans.lock"
}

# Keeps what the present recipes give, and what a host is made from.
prune() {
  local kept path
  mkdir -p "$LAB_DIR/golden"
  # Not while one is being built.
  exec 9>"$LAB_DIR/golden/lock"
  flock 9
  kept=$(
    cat "$LAB_DIR"/hosts/*/base-dir 2>/dev/null || true
    for suite in bookworm trixie; do
      base_dir "$suite"
      for loader in systemd-boot grub extlinux; do
        echo "$LAB_DIR/golden/$(golden_key "$(base_dir "$suite")" "$loader")"
      done
    done
  )
  for path in "$LAB_DIR"/golden/*/ "$LAB_DIR"/bases/*-????????????/; do
    path=${path%/}
    case $path in
      *-debian-* | *'*'*) continue ;;
    esac
    grep -qxF "$path" <<<"$kept" || {
      echo "$path"
      rm -rf "$path"
    }
  done
}
