# What the newer activators run before they touch anything: CHECK TOPLEVEL ACTION.
{ checkFailure, inhibitors }:
''
  #!/bin/sh
  toplevel=$1 action=$2
  inhibitors() { sed -n 's/[{},]/\n/gp' "$1/switch-inhibitors" 2>/dev/null | sed -n 's/^"\(.*\)":"\(.*\)"$/\1 \2/p'; }
  if [ -e "$toplevel/switch-inhibitors" ]; then
    if [ "$action" = boot ]; then
      echo "Not checking switch inhibitors (action = boot)"
    else
      printf 'Checking switch inhibitors...'
      changes=$(inhibitors "$toplevel" | while read -r key new; do
        old=$(inhibitors /run/current-system | sed -n "s/^$key //p")
        if [ -n "$old" ] && [ "$old" != "$new" ]; then echo "$key : $old -> $new"; fi
      done)
      if [ -z "$changes" ]; then
        echo " done"
      else
        printf '\nThere are changes to critical components of the system:\n\n%s\n\n' "$changes"
        printf "Switching into this system is not recommended.\nYou probably want to run 'nixos-rebuild boot' and reboot your system instead.\n\n"
        printf "If you really want to switch into this configuration directly, then\nyou can set NIXOS_NO_CHECK=1 to ignore pre-switch checks.\n\n"
        printf 'WARNING: doing so might cause the switch to fail or your system to become unstable.\n\n'
        echo "Pre-switch check 'switchInhibitors' failed"
        exit 1
      fi
    fi
  fi
  ${if checkFailure then ''
    echo "lab: this check refuses on purpose"
    echo "Pre-switch check 'lab' failed"
    exit 1
  '' else "exit 0"}
''
