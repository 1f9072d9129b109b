package flake

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// secretText matches what a plain secret looks like, whatever its file's name:
// private keys, age identities, and tokens with a known prefix.
var secretText = regexp.MustCompile(
	`-----BEGIN ([A-Z]+ )?PRIVATE KEY-----|AGE-SECRET-KEY-1[0-9A-Z]{20}|tskey-[a-z]+-[0-9A-Za-z]{8}|` +
		`\bgh[pousr]_[0-9A-Za-z]{30}|\bgithub_pat_[0-9A-Za-z_]{30}|\bAKIA[0-9A-Z]{16}\b|\bxox[bap]-[0-9A-Za-z-]{10}|\bsk-ant-[0-9A-Za-z-]{10}`)

// likelySecrets warns of files that look like plain secrets: everything in a
// flake ends in the world-readable Nix store of each host. It is a help, not
// a proof.
func likelySecrets(files []File) []string {
	var out []string
	for _, f := range files {
		switch {
		case f.Link != "":
		case path.Base(f.Path) == ".gitattributes" && bytes.Contains(f.Data, []byte("filter=git-crypt")):
			out = append(out, fmt.Sprintf("%s: git-crypt is in use; files that are unlocked here are uploaded as plain text", f.Path))
		case encrypted(f.Data):
		case secretName(path.Base(f.Path)) || secretText.Match(f.Data):
			out = append(out, fmt.Sprintf("%s looks like a secret; every user of a host could read it in the Nix store", f.Path))
		}
	}
	return out
}

func secretName(name string) bool {
	switch name {
	case ".env", ".netrc", ".pgpass", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "keys.txt", "key.txt":
		return true
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".key", ".agekey", ".p12", ".pfx", ".kdbx":
		return true
	}
	return false
}

// encrypted recognises age, agenix, sops and git-crypt files.
func encrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte("age-encryption.org/v1")) ||
		bytes.HasPrefix(data, []byte("-----BEGIN AGE ENCRYPTED FILE-----")) ||
		bytes.HasPrefix(data, []byte("\x00GITCRYPT\x00")) ||
		bytes.Contains(data, []byte("ENC[AES256_GCM,data:"))
}
