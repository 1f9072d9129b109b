#!/bin/sh
# plaintext-secrets FOLDER: names the files below FOLDER that look like plain
# secrets, and fails if there are any.
set -eu

folder=$1
forms=$(sed -e '/^#/d' "$(dirname "$0")/../lib/secret-forms.txt" | cut -f 3)
sealed='^age-encryption\.org/v1|^-----BEGIN AGE ENCRYPTED FILE-----'

# The status of grep: 1 says that nothing was found, more that it failed.
found=$(grep -rlaE -e "$forms" "$folder") || [ $? -eq 1 ]
# What is encrypted as a whole holds none, whatever its bytes spell.
if [ -n "$found" ]; then
	found=$(printf '%s\n' "$found" | while IFS= read -r file; do
		head -n 1 "$file" | grep -qaE -e "$sealed" || printf '%s\n' "$file"
	done)
fi

# What lies in a folder of secrets is encrypted, but for the rules that say to whom.
plain=$(find "$folder" -path '*/secrets/*' -type f \
	! -name '*.nix' ! -name '*.pub' ! -name '*.md' ! -name '.sops.yaml' \
	! -name .gitignore ! -name .gitattributes ! -name .gitkeep \
	-exec grep -LaE -e "$sealed|ENC\[AES256_GCM,data:" {} +) || [ $? -eq 1 ]

if [ -n "$found$plain" ]; then
	echo "these files look like plain secrets, which every user of a host could read in the Nix store:" >&2
	printf '%s\n' "$found" "$plain" | sed -e '/^$/d' -e 's/^/  /' >&2
	exit 1
fi
