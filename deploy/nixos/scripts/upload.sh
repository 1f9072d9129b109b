#!/bin/sh
# nixdeploy remote script: upload
# Takes the lock and receives the flake: unpacked beside its place, verified by
# Nix's own hash, then renamed. A partial upload is never used.
# Arguments: NONCE RUN OPERATOR SECONDS DIGEST NARHASH TIMEOUT; the payload is a tar.
nonce=$1 run=$2 operator=$3 seconds=$4 digest=$5 narhash=$6 timeout=$7

enter
take_lease "$run" "$operator" "$seconds"
leave
if [ -d "$UPLOADS/$digest" ]; then
	come_last "$UPLOADS/$digest" "$UPLOADS"
	say end upload
	exit 0
fi
mkdir -p "$UPLOADS"
staging=$UPLOADS/.$run
rm -rf "$staging"
mkdir "$staging" || exit 1
keep_lease
trap 'kill "$keeper" 2>/dev/null; rm -rf "$staging"' EXIT
if ! timeout "$timeout" tar -x --no-same-owner -C "$staging" -f - <&3 2>"$staging.err"; then
	say_lines fault <"$staging.err"
	rm -f "$staging.err"
	exit 1
fi
rm -f "$staging.err"
hash=$(nix --extra-experimental-features nix-command hash path "$staging") || {
	say fault "nix hash path failed"
	exit 1
}
if [ "$hash" != "$narhash" ]; then
	say fault "the flake arrived as $hash, and was sent as $narhash"
	exit 1
fi
come_last "$staging" "$UPLOADS"
find "$staging" -exec sync {} +
mv -T "$staging" "$UPLOADS/$digest" || [ -d "$UPLOADS/$digest" ] || exit 1
# Old flakes go: the newest ten stay.
past 10 "$digest" "$UPLOADS" | while read -r old; do rm -rf "${UPLOADS:?}/$old"; done
say end upload
