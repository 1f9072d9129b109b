# shellcheck shell=bash
# The golden system: generation 1, that each new host starts from. Built once
# for each base, fixture flake and boot loader, in a chroot; hosts copy it.

golden_key() {
  local base=$1 loader=$2
  {
    basename "$base"
    echo "$loader"
    find "$LAB_SOURCE/flake" "$LAB_SOURCE/host/make-generation-1" -type f -print0 | sort -z | xargs -0 sha256sum
    sha256sum ${NIXDEPLOY_LAB_NIXOS_REBUILD:+"$NIXDEPLOY_LAB_NIXOS_REBUILD"} ${NIXDEPLOY_LAB_SWITCH:+"$NIXDEPLOY_LAB_SWITCH"} </dev/null
  } | sha256sum | cut -c1-12
}

# golden_build BASE LOADER: prints the folder with nix/, boot/ and etc-lab/.
golden_build() {
  local base=$1 loader=$2 dir
  dir=$LAB_DIR/golden/$(golden_key "$base" "$loader")
  if [ ! -e "$dir" ]; then
    mkdir -p "$LAB_DIR/golden"
    (
      flock 9
      [ -e "$dir" ] && exit 0
      echo "lab: building generation 1 for $(basename "$base"), $loader (seconds, once)" >&2
      golden_build_in "$dir.partial" "$base" "$loader"
      mv "$dir.partial" "$dir"
    ) 9>"$LAB_DIR/golden/lock" >&2
  fi
  echo "$dir"
}

golden_build_in() {
  local dir=$1 base=$2 loader=$3
  rm -rf "$dir"
  mkdir -p "$dir"/{nix,boot,etc-lab}
  [ -z "${NIXDEPLOY_LAB_NIXOS_REBUILD-}" ] || install -m 755 "$NIXDEPLOY_LAB_NIXOS_REBUILD" "$dir/etc-lab/nixos-rebuild"
  [ -z "${NIXDEPLOY_LAB_SWITCH-}" ] || install -m 755 "$NIXDEPLOY_LAB_SWITCH" "$dir/etc-lab/switch-to-configuration"
  # The installer tells by these folders which loader a machine has.
  case $loader in grub | extlinux) mkdir "$dir/boot/$loader" ;; esac
  in_base "$base" "$dir" "$LAB_SOURCE/host/make-generation-1"
}

# in_base BASE DIR SCRIPT: with DIR/nix and DIR/boot as its /nix and /boot.
in_base() {
  mkdir -p "$2"/{nix,boot,etc-lab,scratch}
  unshare --mount --pid --fork --propagation private \
    "$LAB_SOURCE/host/enter-base" "$1" "$2/scratch" "$2/nix" "$2/boot" "$LAB_SOURCE/flake" "$3"
  rmdir "$2/scratch"
}

# Writes flake/flake.lock anew, after a change below flake/minios. nix 2.8 wants
# the hash of a relative input in its lock, nix 2.26 wants to know that it is
# relative to its parent; each ignores what the other one needs.
golden_relock() {
  local base=$1 scratch hash
  scratch=$(mktemp -d)
  hash=$(in_base "$base" "$scratch" "$LAB_SOURCE/host/hash-minios")
  rm -rf "$scratch"
  jq -n --arg hash "$hash" '{
    nodes: {
      minios: {
        locked: { lastModified: 1, narHash: $hash, path: "./minios", type: "path" },
        original: { path: "./minios", type: "path" },
        parent: []
      },
      root: { inputs: { minios: "minios" } }
    },
    root: "root",
    version: 7
  }' >"$LAB_SOURCE/flake/flake.lock"
}
