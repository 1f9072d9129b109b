package flake

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// secretForm is what one kind of plain secret looks like, whatever the name of
// the file that it is in. One of its parts is in each of them: a fixed text is
// found a hundred times as fast as a form, and most files hold none.
type secretForm struct {
	what  string
	parts []string
	form  *regexp.Regexp
}

// secretForms are those of the tree: what Go, Nix and the flake's check refuse
// is one list.
var secretForms = sync.OnceValue(func() []secretForm {
	data, err := tree.ReadFile("tree/lib/secret-forms.txt")
	if err != nil {
		panic(err) // it is embedded
	}
	var forms []secretForm
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		forms = append(forms, secretForm{columns[0], strings.Split(columns[1], "|"), regexp.MustCompile(columns[2])})
	}
	return forms
})

func (f *secretForm) in(data []byte) bool {
	holds := func(part string) bool { return bytes.Contains(data, []byte(part)) }
	return slices.ContainsFunc(f.parts, holds) && f.form.Match(data)
}

// plainSecret says what a text holds that looks like a secret, "" for nothing.
// It is a help, not a proof.
func plainSecret(data []byte) string {
	forms := secretForms()
	for i := range forms {
		if forms[i].in(data) {
			return forms[i].what
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
		switch {
		case sealed(f.Data):
			what = unreadable(f)
		case what == "" && strings.HasSuffix(f.Path, ".nix"):
			what = initialPassword(f.Data)
		case what == "" && mustBeEncrypted(f) && !encrypted(f.Data):
			what = "in a folder of secrets, and not encrypted"
		}
		if what == "" {
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

// mustBeEncrypted reports whether f lies in a folder called secrets, and is not one
// of the files there that say who may read them.
func mustBeEncrypted(f *File) bool {
	return f.Link == "" && strings.Contains("/"+path.Dir(f.Path)+"/", "/secrets/") && !secretRules.MatchString(path.Base(f.Path))
}

// secretRules are the files in a folder of secrets that hold none.
var secretRules = regexp.MustCompile(`^(.*\.(nix|pub|md)|\.sops\.yaml|\.git(ignore|attributes|keep))$`)

// unreadable says why Nix could not tell that f, a file of age, is encrypted: it
// reads no file with a NUL in it, and goes by the name instead.
func unreadable(f *File) string {
	if mustBeEncrypted(f) && bytes.HasPrefix(f.Data, []byte("age-")) && bytes.ContainsRune(f.Data, 0) && path.Ext(f.Path) != ".age" {
		return "encrypted, which Nix sees by the name alone: call it " + path.Base(f.Path) + ".age"
	}
	return ""
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
