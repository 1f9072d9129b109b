package flake

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// secretForm is what one kind of plain secret looks like, whatever the name of
// the file that it is in. One of its parts is in each of them: a fixed text is
// found a hundred times as fast as a form, and most files hold none.
type secretForm struct {
	what  string
	parts []string
	form  *regexp.Regexp
}

var secretForms = []secretForm{
	{"a private key", []string{"PRIVATE KEY", "PuTTY-User-Key-File-"},
		regexp.MustCompile(`-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-[0-9]`)},
	{"an age identity", []string{"AGE-SECRET-KEY-"}, regexp.MustCompile(`AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]{20}`)},
	{"a WireGuard key", []string{"rivateKey"}, regexp.MustCompile(`\b[Pp]rivateKey\s*=\s*"?[A-Za-z0-9+/]{43}=`)},
	{"a key that signs Nix caches", []string{"=="}, regexp.MustCompile(`-[0-9]+:[A-Za-z0-9+/]{86}==`)},
	{"a Tailscale key", []string{"tskey-"}, regexp.MustCompile(`\btskey-[a-z]+-[0-9A-Za-z]{8}`)},
	{"a GitHub token", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"},
		regexp.MustCompile(`\bgh[pousr]_[0-9A-Za-z]{30}|\bgithub_pat_[0-9A-Za-z_]{30}`)},
	{"a GitLab token", []string{"glpat-"}, regexp.MustCompile(`\bglpat-[0-9A-Za-z_-]{20}`)},
	{"an AWS key", []string{"AKIA"}, regexp.MustCompile(`\bAKIA[0-9A-Z]{16}\b`)},
	{"a Slack token", []string{"xox"}, regexp.MustCompile(`\bxox[abepr]-[0-9A-Za-z-]{10}`)},
	{"an Anthropic key", []string{"sk-ant-"}, regexp.MustCompile(`\bsk-ant-[0-9A-Za-z-]{10}`)},
	{"an OpenAI key", []string{"sk-proj-", "sk-svcacct-"}, regexp.MustCompile(`\bsk-(proj|svcacct)-[0-9A-Za-z_-]{20}`)},
	{"a Google key", []string{"AIza"}, regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`)},
	{"a Stripe key", []string{"k_live_"}, regexp.MustCompile(`\b[sr]k_live_[0-9A-Za-z]{20}`)},
	{"an npm token", []string{"npm_"}, regexp.MustCompile(`\bnpm_[0-9A-Za-z]{36}\b`)},
}

func (f *secretForm) in(data []byte) bool {
	holds := func(part string) bool { return bytes.Contains(data, []byte(part)) }
	return slices.ContainsFunc(f.parts, holds) && f.form.Match(data)
}

// plainSecret says what a text holds that looks like a secret, "" for nothing.
// It is a help, not a proof.
func plainSecret(data []byte) string {
	for i := range secretForms {
		if secretForms[i].in(data) {
			return secretForms[i].what
		}
	}
	return ""
}

// refuseSecrets refuses a rendered flake with a plain secret in it: everything
// in a flake ends in the world-readable Nix store of each host. What sops or
// age encrypted passes.
func refuseSecrets(files []File) error {
	var found []string
	for i := range files {
		f := &files[i]
		what := plainSecret(f.Data)
		if what == "" && strings.HasSuffix(f.Path, ".nix") {
			what = initialPassword(f.Data)
		}
		if what == "" || sealed(f.Data) {
			continue
		}
		found = append(found, strings.TrimPrefix(f.Path, customFolder+"/")+" ("+what+")")
	}
	if len(found) == 0 {
		return nil
	}
	return &Refusal{
		What: "a plain secret in " + strings.Join(found, ", ") + ": every user of a host could read it in the Nix store",
		Hint: "encrypt it for the host ([flake] secrets), or name a file on the host; make a new one if it was ever shared",
	}
}

// initialPassword finds a user's plain password in Nix text.
func initialPassword(data []byte) string {
	if !bytes.Contains(data, []byte("initialPassword")) {
		return ""
	}
	tokens := nixTokens(data)
	for i := 0; i+2 < len(tokens); i++ {
		value := tokens[i+2]
		if tokens[i].text == "initialPassword" && tokens[i+1].is("=") && value.kind == nixString && value.text != "" {
			return "initialPassword"
		}
	}
	return ""
}

// secretIn says what a value of hosts.toml holds that looks like a secret.
func secretIn(value any) string {
	switch v := value.(type) {
	case string:
		return plainSecret([]byte(v))
	case []any:
		for _, e := range v {
			if what := secretIn(e); what != "" {
				return what
			}
		}
	case map[string]any:
		for name, e := range v {
			// A key is often told by its name alone.
			text, isText := e.(string)
			if what := secretIn(e); what != "" {
				return what
			}
			if isText {
				if what := plainSecret([]byte(name + " = " + text)); what != "" {
					return what
				}
			}
		}
	}
	return ""
}

// likelySecrets warns of files that look like plain secrets.
func likelySecrets(files []File) []string {
	var out []string
	for _, f := range files {
		switch {
		case f.Link != "":
		case path.Base(f.Path) == ".gitattributes" && bytes.Contains(f.Data, []byte("filter=git-crypt")):
			out = append(out, fmt.Sprintf("%s: git-crypt is in use; files that are unlocked here are uploaded as plain text", f.Path))
		case encrypted(f.Data):
		case secretName(path.Base(f.Path)) || plainSecret(f.Data) != "":
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
	return sealed(data) || bytes.Contains(data, []byte("ENC[AES256_GCM,data:"))
}

// sealed recognises files that are encrypted as a whole. In one of sops only
// the values are, and a plain one may stand beside them.
func sealed(data []byte) bool {
	return bytes.HasPrefix(data, []byte("age-encryption.org/v1")) ||
		bytes.HasPrefix(data, []byte("-----BEGIN AGE ENCRYPTED FILE-----")) ||
		bytes.HasPrefix(data, []byte("\x00GITCRYPT\x00"))
}
