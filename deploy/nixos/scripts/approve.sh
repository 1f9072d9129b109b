#!/bin/sh
# nixdeploy remote script: approve
# Remembers that a person approved a flake for a stage.
# Arguments: NONCE DIGEST (of the flake, hex) STAGE WHO
nonce=$1 digest=$2 stage=$3 who=$4

enter
mkdir -p "$APPROVALS"
{
	if [ -f "$APPROVALS/$digest" ]; then
		while read -r held by at; do
			if [ "$held $by" != "$stage $who" ]; then printf '%s %s %s\n' "$held" "$by" "$at"; fi
		done <"$APPROVALS/$digest"
	fi
	printf '%s %s %s\n' "$stage" "$who" "$(date +%s)"
} >"$APPROVALS/.new" && come_last "$APPROVALS/.new" "$APPROVALS" && mv "$APPROVALS/.new" "$APPROVALS/$digest" && say approved yes
# The newest fifty stay.
past 50 "$digest" "$APPROVALS" | while read -r old; do rm -f "${APPROVALS:?}/$old"; done
leave
say end approve
