#!/bin/sh
# plaintext-secrets FOLDER: names the files below FOLDER that look like plain
# secrets, and fails if there are any.
set -eu

folder=$1
forms='-----BEGIN ([A-Z]+ )?PRIVATE KEY-----|AGE-SECRET-KEY-1[0-9A-Z]{20}|tskey-[a-z]+-[0-9A-Za-z]{8}'
forms="$forms"'|gh[pousr]_[0-9A-Za-z]{30}|github_pat_[0-9A-Za-z_]{30}|AKIA[0-9A-Z]{16}|xox[bap]-[0-9A-Za-z-]{10}|sk-ant-[0-9A-Za-z-]{10}'

# The status of grep: 1 says that nothing was found, more that it failed.
found=$(grep -rlaE -e "$forms" "$folder") || [ $? -eq 1 ]

# What lies in a folder of secrets is encrypted, but for the rules that say to whom.
encrypted='^age-encryption\.org/v1|^-----BEGIN AGE ENCRYPTED FILE-----|ENC\[AES256_GCM,data:'
plain=$(find "$folder" -path '*/secrets/*' -type f \
	! -name '*.nix' ! -name '*.pub' ! -name '*.md' ! -name '.sops.yaml' \
	-exec grep -LaE -e "$encrypted" {} +) || [ $? -eq 1 ]

if [ -n "$found$plain" ]; then
	echo "these files look like plain secrets, which every user of a host could read in the Nix store:" >&2
	printf '%s\n' "$found" "$plain" | sed -e '/^$/d' -e 's/^/  /' >&2
	exit 1
fi
