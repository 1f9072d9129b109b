#!/bin/sh
# The activation script: /etc from the store, then the link that says what runs.
# A snippet that fails does not stop it; the exit code tells in the end.
PATH=/usr/bin:/bin
systemConfig=$(dirname "$(readlink -f "$0")")
_status=0
export NIXOS_ACTION

echo "setting up /etc..."
ln -sfn "$systemConfig/etc" /etc/static
mkdir -p /etc/systemd
for entry in system user system.conf; do
  [ -L "/etc/systemd/$entry" ] || rm -rf "/etc/systemd/$entry"
  ln -sfn "/etc/static/systemd/$entry" "/etc/systemd/$entry"
done
(cd "$systemConfig/etc" && find . -path ./systemd -prune -o ! -type d -print) | while read -r file; do
  file=${file#./}
  case $file in */*) mkdir -p "/etc/${file%/*}" ;; esac
  ln -sfn "/etc/static/$file" "/etc/$file"
done
find /etc -xdev -type l -lname '/etc/static/*' -xtype l | while read -r link; do
  echo "removing obsolete symlink ‘$link’..."
  rm "$link"
done

mkdir -p /run/wrappers/bin
ln -sfn /usr/bin/sudo /run/wrappers/bin/sudo
ln -sfn /usr/bin/su /run/wrappers/bin/su
ln -sfn /usr/bin/ping /run/wrappers/bin/ping

@activation@

ln -sfn "$systemConfig" /run/current-system
mkdir -p /nix/var/nix/gcroots
ln -sfn /run/current-system /nix/var/nix/gcroots/current-system
ln -sfn /run/booted-system /nix/var/nix/gcroots/booted-system
exit "$_status"
