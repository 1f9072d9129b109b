#!/bin/bash
# nixos-rebuild: the lab's stand-in, with the personality of one of two tools.
#   bash  the shell script of NixOS 25.05 and older
#   ng    the Python one, default since 25.11 (needs nix 2.9)
# It runs the commands that they run, in their order, and says and returns what
# they say and return. Not here: --target-host, --build-host, edit, repl, build-vm.
set -e
shopt -s inherit_errexit
personality=@personality@
self=$0
arguments=("$@")

PROFILE=/nix/var/nix/profiles/system
action=
flake=
reexec=1
rollback=
install_bootloader=
profile_name=
specialisation=
store_path=
json=
sudo=()
eval_flags=()
build_flags=()

is_ng() { [ "$personality" = ng ]; }
warn() { echo "nixos-rebuild: warning: $*" >&2; }
# How the Python one quotes a command, like its shlex.join.
quoted() {
  local word out=
  for word; do
    case $word in
      '' | *[!A-Za-z0-9@%+=:,./_-]*) out="$out '${word//\'/\'\"\'\"\'}'" ;;
      *) out="$out $word" ;;
    esac
  done
  printf '%s' "${out# }"
}
# Runs a command; the Python one names it when it fails, and takes its exit code.
run() {
  local code=0
  "$@" || code=$?
  [ "$code" -ne 0 ] || return 0
  is_ng && echo "Command '$(quoted "$@")' returned non-zero exit status $code." >&2
  exit "$code"
}
usage_error() {
  if is_ng; then
    echo "usage: nixos-rebuild [-h] {switch,boot,test,build,edit,repl,dry-build,dry-run,dry-activate,build-image,build-vm,build-vm-with-bootloader,list-generations} ..." >&2
    echo "nixos-rebuild: error: $1" >&2
    exit 2
  fi
  echo "$self: $2" >&2
  exit 1
}
# Both show their man page, which no lab host has.
manual() {
  echo "No manual entry for nixos-rebuild" >&2
  exit 16
}

next_word() { [ "$1" -gt 1 ] || usage_error "argument $2: expected one argument" "\`$2' requires an argument"; }

parse_arguments() {
  local word
  while [ "$#" -gt 0 ]; do
    word=$1
    shift
    case $word in
      --help | -h) manual ;;
      switch | boot | test | build | edit | repl | dry-build | dry-run | dry-activate | build-vm | build-vm-with-bootloader | list-generations)
        if [ -n "$action" ]; then
          is_ng && usage_error "unrecognized arguments: $word" ""
          manual
        fi
        action=${word/dry-run/dry-build}
        ;;
      --flake) next_word "$(($# + 1))" "$word"; flake=$1; shift ;;
      --flake=* | -F) is_ng || usage_error "" "unknown option \`$word'"
        if [ "$word" = -F ]; then flake=$1; shift; else flake=${word#--flake=}; fi ;;
      --no-flake) flake= ;;
      --fast) reexec=; ! is_ng || warn "--fast is deprecated, use --no-reexec instead" ;;
      --no-reexec) is_ng || usage_error "" "unknown option \`$word'"; reexec= ;;
      --rollback) rollback=1 ;;
      --install-bootloader) install_bootloader=1 ;;
      --profile-name | -p) profile_name=$1; shift ;;
      --specialisation | -c) specialisation=$1; shift ;;
      --store-path) is_ng || usage_error "" "unknown option \`$word'"; store_path=$1; shift ;;
      --json) json=1 ;;
      --use-remote-sudo) ! is_ng || { warn "--use-remote-sudo is deprecated, use --sudo instead"; sudo=(sudo); } ;;
      --sudo) is_ng || usage_error "" "unknown option \`$word'"; sudo=(sudo) ;;
      --use-substitutes | -s | --no-ssh-tty | --upgrade | --upgrade-all) ;;
      --option | --override-input) eval_flags+=("$word" "$1" "$2"); shift 2 ;;
      --log-format | --max-jobs | -j | --cores | --builders | -I | --update-input) build_flags+=("$word" "$1"); shift ;;
      --impure | --refresh | --offline | --no-net | --accept-flake-config | --show-trace | --recreate-lock-file | \
        --no-update-lock-file | --no-write-lock-file | --no-registries | --commit-lock-file) eval_flags+=("$word") ;;
      -L | --print-build-logs | --verbose | -v | -vv | -vvv | --quiet | -k | --keep-going | -K | --keep-failed | --fallback | --repair | -Q) build_flags+=("$word") ;;
      --target-host | --build-host) echo "$self: this stand-in has no $word" >&2; exit 1 ;;
      *) usage_error "unrecognized arguments: $word" "unknown option \`$word'" ;;
    esac
  done
}

# The flake's reference and attribute, as `nix build` wants them.
resolve_flake() {
  local reference attribute
  if [ -z "$flake" ] && [ -e /etc/nixos/flake.nix ]; then
    flake=$(dirname "$(readlink -f /etc/nixos/flake.nix)")
  fi
  [ -n "$flake" ] || return 0
  reference=${flake%%#*}
  attribute=
  case $flake in *'#'*) attribute=${flake#*#} ;; esac
  [ -n "$attribute" ] || attribute=$(cat /proc/sys/kernel/hostname)
  flake_attribute=$reference#nixosConfigurations.\"${attribute:-default}\".config.system.build
}

nix_build() { run nix --extra-experimental-features 'nix-command flakes' build "$@"; }

# Both build nixos-rebuild out of the new flake and become it, also to roll back.
become_the_newer_one() {
  local newer=
  [ -n "$reexec" ] && [ -z "${_NIXOS_REBUILD_REEXEC-}" ] || return 0
  case $action in switch | boot | test) ;; *) return 0 ;; esac
  export _NIXOS_REBUILD_REEXEC=1
  if [ -n "$flake" ]; then
    if is_ng; then
      newer=$(nix_build --print-out-paths "$flake_attribute.nixos-rebuild" --no-link "${eval_flags[@]}" "${build_flags[@]}")
    else
      nix_build --out-link "$temporary/nixos-rebuild" "$flake_attribute.nixos-rebuild" "${eval_flags[@]}" "${build_flags[@]}"
      newer=$(readlink -f "$temporary/nixos-rebuild")
    fi
  elif is_ng; then
    run nix-build '<nixpkgs/nixos>' --attr config.system.build.nixos-rebuild --no-out-link
  else
    nix-build --expr 'with import <nixpkgs/nixos> {}; config.system.build.nixos-rebuild' -o "$temporary/nixos-rebuild" || true
  fi
  if [ -x "$newer/bin/nixos-rebuild" ]; then
    rm -rf "$temporary"
    exec "$newer/bin/nixos-rebuild" "${arguments[@]}"
  fi
}

# Sets $toplevel. The Python one says what it builds with --print-out-paths.
build_toplevel() {
  local flags=("${eval_flags[@]}" "${build_flags[@]}")
  [ -n "$flake" ] || { echo "error: file 'nixpkgs/nixos' was not found in the Nix search path (add it using \$NIX_PATH or -I)" >&2; exit 1; }
  if is_ng; then
    toplevel=$(nix_build --print-out-paths "$flake_attribute.toplevel" "$@" "${flags[@]}")
  elif [ "${1-}" = --no-link ]; then
    nix_build "$flake_attribute.toplevel" --out-link "$temporary/result" "${flags[@]}"
    toplevel=$(readlink -f "$temporary/result")
  else
    nix_build "$flake_attribute.toplevel" "$@" "${flags[@]}"
    toplevel=$(readlink -f ./result || true)
  fi
}

set_profile() {
  if is_ng; then
    [ -f "$toplevel/nixos-version" ] || { echo "error: $toplevel is not a NixOS system: it has no nixos-version" >&2; exit 1; }
  fi
  run "${sudo[@]}" nix-env -p "$PROFILE" --set "$toplevel"
}

roll_back_profile() {
  run "${sudo[@]}" nix-env --rollback -p "$PROFILE"
  toplevel=$PROFILE
}

# `test --rollback` takes a generation without moving the profile to it: bash
# the one listed before the current, the Python one the highest that is not current.
find_previous_generation() {
  local generations number
  generations=$(run nix-env -p "$PROFILE" --list-generations)
  if is_ng; then
    number=$(grep -v current <<<"$generations" | awk '{ n = $1 } END { print n }')
    [ -n "$number" ] || { echo "error: could not find previous generation" >&2; exit 1; }
  else
    number=$(sed -n '/current/ {g; p}; s/ *\([0-9]*\).*/\1/; h' <<<"$generations")
  fi
  toplevel=$PROFILE-$number-link
}

as_transient_unit() {
  if is_ng; then
    NIXOS_INSTALL_BOOTLOADER=${install_bootloader:-0} run "${sudo[@]}" \
      systemd-run -E LOCALE_ARCHIVE -E NIXOS_INSTALL_BOOTLOADER -E NIXOS_NO_CHECK --collect --no-ask-password \
      --pipe --quiet --service-type=exec --unit=nixos-rebuild-switch-to-configuration "$@" >&2
  else
    systemd-run -E LOCALE_ARCHIVE -E NIXOS_INSTALL_BOOTLOADER="$install_bootloader" --collect --no-ask-password \
      --pipe --quiet --service-type=exec --unit=nixos-rebuild-switch-to-configuration --wait "$@"
  fi
}

activate() {
  local command=$toplevel/bin/switch-to-configuration unprotected
  if [ -n "$specialisation" ]; then
    if [ ! -d "$toplevel/specialisation/$specialisation" ]; then
      is_ng && echo "error: specialisation not found: $specialisation" >&2
      exit 1
    fi
    command=$toplevel/specialisation/$specialisation/bin/switch-to-configuration
  fi
  if is_ng; then
    if [ -d /run/systemd/system ]; then as_transient_unit "$command" "$action"; else run "$command" "$action" >&2; fi
    return 0
  fi
  unprotected=(env -i "LOCALE_ARCHIVE=${LOCALE_ARCHIVE-}" "NIXOS_INSTALL_BOOTLOADER=$install_bootloader" "$command" "$action")
  if [ -n "${NIXOS_SWITCH_USE_DIRTY_ENV-}" ]; then
    echo "warning: skipping systemd-run since NIXOS_SWITCH_USE_DIRTY_ENV is set. This environment variable will be ignored in the future" >&2
    "${unprotected[@]}" || activation_failed
  elif as_transient_unit true; then
    as_transient_unit "$command" "$action" || activation_failed
  else
    # Also taken when another switch is at work: the probe's unit has its name.
    "${unprotected[@]}" || activation_failed
  fi
}

activation_failed() {
  echo "warning: error(s) occurred while switching to the new configuration" >&2
  exit 1
}

# Without a flake both look for nixpkgs, to no end here; the Python one in silence.
look_for_channel() {
  if is_ng; then
    nix-instantiate --find-file nixpkgs >/dev/null 2>&1 || true
  else
    nix-instantiate --find-file nixpkgs >/dev/null || true
  fi
}

say_what_is_done() {
  is_ng || { [ -n "$rollback" ] || echo "building the system configuration..." >&2; return 0; }
  echo "building the system configuration..." >&2
}

say_done() {
  ! is_ng || { printf 'Done. The new configuration is ' >&2; echo "$toplevel"; }
}

revision_of() { "$1/sw/bin/nixos-version" --configuration-revision 2>/dev/null || { ! is_ng || echo Unknown; }; }

list_generations() {
  local number numbers
  if [ ! -e "$PROFILE" ]; then
    if is_ng; then echo "error: no profile '$(basename "$PROFILE")' found" >&2; else echo "No profile \`$(basename "$PROFILE")' found" >&2; fi
    exit 1
  fi
  numbers=$(find "$(dirname "$PROFILE")" -maxdepth 1 -name "$(basename "$PROFILE")-*-link" | sed -E 's/.*-([0-9]+)-link$/\1/' | sort -rn)
  if [ -n "$json" ]; then
    echo "["
    for number in $numbers; do
      [ "$number" = "${numbers%%$'\n'*}" ] || printf ',\n'
      list_one_generation "$number"
    done
    printf '\n]\n'
    return 0
  fi
  {
    printf 'Generation\tBuild-date\tNixOS version\tKernel\tConfiguration Revision\tSpecialisation'
    if is_ng; then printf '\tCurrent\n'; else printf '\n'; fi
    for number in $numbers; do list_one_generation "$number"; done
  } | column -t -s "$(printf '\t')"
}

list_one_generation() {
  local number=$1 shown=$1 link=$PROFILE-$1-link date version kernel revision specialisations is_current=false
  date=$(date -u -d "@$(stat -c %Y "$link")" '+%Y-%m-%d %H:%M:%S')
  version=$(cat "$link/nixos-version")
  kernel=$(cd "$link/kernel-modules/lib/modules" && echo *)
  revision=$(revision_of "$link")
  # The shell one prints its glob where there is nothing to match.
  specialisations=$(cd "$link/specialisation" && echo *)
  if is_ng && [ "$specialisations" = '*' ]; then specialisations=; fi
  [ "$(readlink "$PROFILE")" != "$(basename "$link")" ] || is_current=true
  if [ -n "$json" ]; then
    is_ng || date=${date/ /T}Z
    if [ -z "$specialisations" ]; then specialisations="[]"; else specialisations=$(printf '[\n      "%s"\n    ]' "${specialisations// /$'",\n      "'}"); fi
    printf '  {\n    "generation": %s,\n    "date": "%s",\n    "nixosVersion": "%s",\n    "kernelVersion": "%s",\n    "configurationRevision": "%s",\n    "specialisations": %s,\n    "current": %s\n  }' \
      "$number" "$date" "$version" "$kernel" "$revision" "$specialisations" "$is_current"
  elif is_ng; then
    printf '%s\t%s\t%s\t%s\t%s\t[%s]\t%s\n' "$number" "$date" "$version" "$kernel" "$revision" "$specialisations" "${is_current^}"
  else
    [ "$is_current" = false ] || shown="$number current"
    printf '%s\t%s\t%s\t%s\t%s \t%s\n' "$shown" "$date" "$version" "$kernel" "$revision" "$specialisations"
  fi
}

main() {
  parse_arguments "$@"
  [ -n "$action" ] || manual
  [ -z "$profile_name" ] || { PROFILE=/nix/var/nix/profiles/system-profiles/$profile_name; mkdir -p "$(dirname "$PROFILE")"; }
  if [ "$action" = list-generations ]; then list_generations; exit 0; fi
  temporary=$(mktemp -t -d nixos-rebuild.XXXXXX)
  trap 'rm -rf "$temporary"' EXIT
  resolve_flake
  become_the_newer_one
  [ -z "$rollback" ] || [ -n "$flake" ] || look_for_channel
  say_what_is_done
  case ${rollback:+rollback-}$action in
    rollback-switch | rollback-boot) roll_back_profile; activate ;;
    rollback-test) find_previous_generation; activate ;;
    rollback-build) find_previous_generation ;;
    rollback-*)
      is_ng || manual
      echo "cannot access local variable 'path_to_config' where it is not associated with a value" >&2
      exit 1 ;;
    dry-build) build_toplevel --dry-run; exit 0 ;;
    build) build_toplevel ;;
    switch | boot)
      if [ -n "$store_path" ]; then toplevel=$store_path; else build_toplevel --no-link; fi
      set_profile
      activate ;;
    test | dry-activate)
      if [ -n "$store_path" ]; then toplevel=$store_path; else build_toplevel --no-link; fi
      activate ;;
    *) echo "$self: this stand-in has no action $action" >&2; exit 1 ;;
  esac
  say_done
}

main "$@"
