#!/bin/sh
# xvnc-session: an X server behind VNC on a socket that only its user can open,
# and the session NIXDEPLOY_SESSION in it. It tells systemd when both are there.
# Whoever connects to the session of NIXDEPLOY_VNC_USER has to know the password
# in NIXDEPLOY_VNC_PASSWORD_FILE.
set -eu

run=${XDG_RUNTIME_DIR:?is not set: start this by systemctl --user}
display=:$(id -u)
cookies=$run/nixdeploy-xvnc.cookies
ready=$run/nixdeploy-xvnc.ready

# By a pipe: arguments of a program are for everybody to see.
rm -f "$cookies" "$ready"
(umask 077 && : >"$cookies")
printf 'add %s . %s\n' "$display" "$(mcookie)" | xauth -q -f "$cookies" source -

security="-SecurityTypes None"
if [ "${NIXDEPLOY_VNC_USER:-}" = "$(id -un)" ]; then
	security="-SecurityTypes VncAuth -PasswordFile $NIXDEPLOY_VNC_PASSWORD_FILE"
fi

mkfifo -m 600 "$ready"
# shellcheck disable=SC2086 # three words or four, and a path has no blank
Xvnc "$display" -auth "$cookies" -nolisten tcp -displayfd 3 \
	-rfbport -1 -rfbunixpath "$run/nixdeploy-xvnc.sock" \
	$security -geometry 1920x1080 -AlwaysShared 3>"$ready" &
server=$!
read -r _ <"$ready"
rm -f "$ready"

export DISPLAY="$display" XAUTHORITY="$cookies" XDG_SESSION_TYPE=x11
systemd-notify --ready
# Hands the clipboard to and fro.
vncconfig -nowin &
# A login shell, for the PATH of a person; it expands its own argument.
# shellcheck disable=SC2016
env -u __NIXOS_SET_ENVIRONMENT_DONE bash --login -c 'exec "$0"' "$NIXDEPLOY_SESSION" || true
kill "$server"
