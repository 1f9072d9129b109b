package inventory

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// User is [users.NAME]: a person with an account on hosts, beside the user that
// nixdeploy connects as.
type User struct {
	Name        string
	Keys        []string // public keys, as lines of authorized_keys
	Admin       bool     // may become root
	Description string
	Home        map[string]bool // home modules that are on or off; the others go by the target
}

// UserByName returns the user called name.
func (inv *Inventory) UserByName(name string) (User, bool) {
	for _, u := range inv.Users {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}

// homeModules are the folders of the rendered flake's home-modules.
func homeModules() []string {
	return []string{"ai-assistants", "editors", "shell", "terminal", "tools"}
}

// accountPattern is narrower than a name: what useradd, systemd and NixOS all
// take. NixOS has at most 31 characters.
var accountPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,30}$`)

// readUsers reads [users.NAME]. Users with problems are returned as well.
func (r *reader) readUsers(n *node) []User {
	out := make([]User, 0, len(n.kids))
	r.named(n, func(name string, t *node) {
		r.users = append(r.users, name) // referred to, whatever is wrong with it
		if t == nil {
			return
		}
		switch {
		case name == "root":
			r.report(t.keyOff, "give a person an account of their own, with admin = true", "root is no person")
		case validName(name) && !accountPattern.MatchString(name):
			r.report(t.keyOff, "a letter, then letters, digits, '.', '_' and '-', at most 31 in all", "%q is no name of an account", name)
		}
		u := User{Name: name}
		r.each(t, scopeUser, func(k *node) {
			switch k.key {
			case "keys":
				assign(&u.Keys, k, func(n *node) ([]string, bool) { return list(r, n, "public keys", r.publicKey) })
			case "admin":
				assign(&u.Admin, k, r.boolean)
			case "description":
				assign(&u.Description, k, r.description)
			case "home":
				assign(&u.Home, k, r.home)
			}
		})
		out = append(out, u)
	})
	slices.Sort(r.users)
	slices.SortFunc(out, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// description reads the full name of a user: a field of /etc/passwd.
func (r *reader) description(n *node) (string, bool) {
	s, ok := r.text(n)
	if ok && strings.Contains(s, ":") {
		r.bad(n, "", "%q has a colon, which ends a field of /etc/passwd", s)
		return "", false
	}
	return s, ok
}

// home reads a table of home modules, each on (true) or off (false).
func (r *reader) home(n *node) (map[string]bool, bool) {
	if !r.isTable(n) {
		return nil, false
	}
	outer := r.path
	r.path = append(slices.Clip(outer), n.key)
	defer func() { r.path = outer }()
	out := map[string]bool{}
	r.each(n, scopeHome, func(k *node) {
		if on, ok := r.boolean(k); ok {
			out[k.key] = on
		}
	})
	return out, true
}

func (r *reader) userRef(n *node) (string, bool) {
	s, ok := r.name(n)
	if !ok {
		return "", false
	}
	if !slices.Contains(r.users, s) {
		r.unknownRef(n, "user", "users", r.users)
		return "", false
	}
	return s, true
}

// publicKey reads one line of authorized_keys.
func (r *reader) publicKey(n *node) (string, bool) {
	const hint = `the line of ~/.ssh/id_ed25519.pub: "ssh-ed25519 AAAA... you@example.org"`
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s))
	switch {
	case strings.HasPrefix(s, "SHA256:") || strings.HasPrefix(s, "MD5:"):
		r.bad(n, hint, "a fingerprint, want the public key itself")
	case err != nil:
		r.bad(n, hint, "not a public key")
	case !slices.Contains(publicKeyTypes(), key.Type()):
		r.bad(n, hint, "sshd takes no keys of type %s", key.Type())
	default:
		return s, true
	}
	return "", false
}

// publicKeyTypes are those that today's sshd takes without being told to.
func publicKeyTypes() []string {
	return []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}
}

// privateKey says what kind of private key a text is or begins, "" for none.
func privateKey(text string) string {
	switch {
	case strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "PRIVATE KEY BLOCK-----"):
		return "a private key"
	case strings.Contains(text, "AGE-SECRET-KEY-1"):
		return "a private key of age"
	case strings.HasPrefix(text, "PuTTY-User-Key-File-"):
		return "a private key of PuTTY"
	}
	return ""
}
