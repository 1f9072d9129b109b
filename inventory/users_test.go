package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	annKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@desk"
	peopled = `[fleet]
name = "home"
[stages]
order = ["dev"]
[users.bob]
[users.ann]
description = "Ann Example"
keys = ["` + annKey + `", 'from="10.0.0.0/8" ` + annKey + `']
admin = true
home = { shell = true, editors = false }
[targets.server]
time_zone = "UTC"
locale = "de_DE.UTF-8"
extra_packages = ["htop", 'python3Packages."requests"']
tcp_ports = [80]
[targets.server.home]
shell = false
tools = true
[hosts.web-1]
address = "192.0.2.1"
target = "server"
stage = "dev"
time_zone = "Europe/Amsterdam"
extra_packages = ["htop", "jq"]
tcp_ports = [443, 80]
udp_ports = [51820]
users = ["ann"]
home.tools = false
[hosts.web-2]
address = "192.0.2.2"
target = "server"
stage = "dev"
`
)

func TestUsersAndWhatHostsMakeOfThem(t *testing.T) {
	inv := mustParse(t, peopled)
	want := []User{
		{
			Name: "ann", Description: "Ann Example", Admin: true, Home: map[string]bool{"shell": true, "editors": false},
			Keys: []string{annKey, `from="10.0.0.0/8" ` + annKey},
		},
		{Name: "bob"},
	}
	if diff := cmp.Diff(want, inv.Users); diff != "" {
		t.Error(diff)
	}
	type row struct {
		host, key, value, from string
		line                   int
	}
	for _, want := range []row{
		{"web-1", "users", "ann", "host web-1", 27},
		{"web-1", "home", "shell = false, tools = false", "host web-1, target server", 28},
		{"web-1", "time_zone", "Europe/Amsterdam", "host web-1", 23},
		{"web-1", "locale", "de_DE.UTF-8", "target server", 13},
		{"web-1", "extra_packages", "htop, python3Packages.requests, jq", "host web-1, target server", 24},
		{"web-1", "tcp_ports", "80, 443", "host web-1, target server", 25},
		{"web-1", "udp_ports", "51820", "host web-1", 26},
		{"web-2", "users", "ann, bob", "default", 0},
		{"web-2", "home", "shell = false, tools = true", "target server", 16},
		{"web-2", "udp_ports", "", "default", 0},
	} {
		h, _ := inv.HostByName(want.host)
		got := row{host: want.host, key: want.key}
		for _, s := range Resolved(h) {
			if s.Key == want.key {
				got.value, got.from, got.line = s.Value, s.Origin.From, s.Origin.Line
			}
		}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestHostsWithoutUsers(t *testing.T) {
	if h := mustParse(t, small+"users = []\n[users.ann]\n").Hosts[0]; len(h.Users) != 0 || h.Provenance["users"].Line != 11 {
		t.Errorf("users %v, from %+v", h.Users, h.Provenance["users"])
	}
}

// The keys of the user that nixdeploy connects as are not lost to a list that
// names others.
func TestTheUserThatConnectsIsAlwaysThere(t *testing.T) {
	text := strings.Replace(peopled, "[users.bob]\n", "[users.bob]\n[users.deploy]\nkeys = ['"+annKey+"']\n[ssh]\nuser = \"deploy\"\n", 1)
	if got := mustParse(t, text).Hosts[0].Users; !cmp.Equal(got, []string{"ann", "deploy"}) {
		t.Errorf("users %v", got)
	}
}

func TestMistakesInUsersAndNixSettings(t *testing.T) {
	user := func(s string) string { return small + "[users.ann]\n" + s + "\n" }
	host := func(s string) string { return small + s + "\n" }
	tests := []struct {
		name, text string
		line, col  int
		what, hint string
	}{
		{"root", small + "[users.root]\n", 11, 8, "root is no person", "admin = true"},
		{"a long name", small + "[users." + strings.Repeat("a", 32) + "]\n", 11, 8, "is no name of an account", "at most 31"},
		{"a number", small + "[users.1000]\n", 11, 8, "is no name of an account", "a letter"},
		{"an unknown key", user("admn = true"), 12, 1, `[users.ann] unknown key "admn"`, `did you mean "admin"?`},
		{"an unknown module", user("home.shel = true"), 12, 6, `[users.ann.home] unknown key "shel"`, `did you mean "shell"?`},
		{"a module that is no boolean", user("home.shell = \"on\""), 12, 14, "want true or false", ""},
		{"a colon", user(`description = "a:b"`), 12, 15, "has a colon", ""},
		{"no key", user(`keys = ["ann"]`), 12, 9, "keys: not a public key", "id_ed25519.pub"},
		{"a damaged key", user(`keys = ["` + annKey[:60] + `"]`), 12, 9, "keys: not a public key", ""},
		{"a fingerprint", user(`keys = ["SHA256:abc"]`), 12, 9, "a fingerprint", ""},
		{"a key twice", user(`keys = ["` + annKey + `", "` + annKey + `"]`), 12, len(annKey) + 13, "is listed twice", ""},
		{"a key without brackets", user(`keys = "` + annKey + `"`), 12, 8, "want a list of public keys", "put it in brackets"},
		{"an unknown user", user("") + "[hosts.x]\naddress=\"192.0.2.9\"\ntarget=\"m1\"\nstage=\"dev\"\nusers = [\"anne\"]\n", 17, 10, `there is no user called "anne"`, `did you mean "ann"?`},
		{"a zone", host(`time_zone = "Europe/Amsterdm"`), 11, 13, "is no time zone", "Europe/Amsterdam"},
		{"a zone that is a path", host(`time_zone = "../../etc/passwd"`), 11, 13, "is no time zone", ""},
		{"a locale", host(`locale = "english"`), 11, 10, "is no locale", "en_US.UTF-8"},
		{"a locale with a dash", host(`locale = "de-DE.UTF-8"`), 11, 10, "is no locale", `did you mean "de_DE.UTF-8"?`},
		{"a package with pkgs", host(`extra_packages = ["pkgs.htop"]`), 11, 19, "attribute path", `"htop"`},
		{"a package with spaces", host(`extra_packages = ["a b"]`), 11, 19, "is not an attribute name", "python3Packages.requests"},
		{"code for a package", host(`extra_packages = ["(import ./x)"]`), 11, 19, "is not an attribute name", ""},
		{"an interpolation", host(`extra_packages = ['a."${x}"']`), 11, 19, "${...}", ""},
		{"a package twice", host(`extra_packages = ["htop", '"htop"']`), 11, 27, "htop is listed twice", ""},
		{"port 0", host("tcp_ports = [0]"), 11, 14, "", ""},
		{"a port too high", host("udp_ports = [65536]"), 11, 14, "at most 65535", ""},
		{"a port twice", host("tcp_ports = [80, 80]"), 11, 18, "80 is listed twice", ""},
		{"a port in quotes", host(`tcp_ports = ["80"]`), 11, 14, "want an integer", "without quotes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problems := problemsOf(t, tt.text)
			p := problems[0]
			if len(problems) != 1 || p.Line != tt.line || p.Col != tt.col || !strings.Contains(p.What, tt.what) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("got %+v, want %d:%d %q, hint %q", problems, tt.line, tt.col, tt.what, tt.hint)
			}
		})
	}
}

// A pasted private key is refused wherever it stands, and shown nowhere.
func TestPrivateKeysAreRefusedAndNeverRepeated(t *testing.T) {
	for _, key := range []string{
		"-----BEGIN OPENSSH PRIVATE KEY-----\nhush\n-----END OPENSSH PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----hush",
		"AGE-SECRET-KEY-1HUSH", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhush", "PuTTY-User-Key-File-3: ssh-ed25519\nhush",
	} {
		for _, text := range []string{"[users.ann]\nkeys = [\"\"\"" + key + "\"\"\"]\n", "host_key = \"\"\"" + key + "\"\"\"\n"} {
			problems := problemsOf(t, small+text)
			all := (&Problems{List: problems}).Error()
			if len(problems) != 1 || !strings.Contains(all, "a private key") || !strings.Contains(all, "make a new one") || strings.Contains(strings.ToLower(all), "hush") {
				t.Errorf("got %s", all)
			}
		}
	}
}

func TestKeysThatSSHDDoesNotTake(t *testing.T) {
	for _, bad := range []string{
		"ssh-dss AAAAB3NzaC1kc3MAAAADAQABAAAAAgECAAAAAgED",
		"no-pty",
	} {
		if p := problemsOf(t, small+"[users.ann]\nkeys = [\""+bad+"\"]\n"); len(p) != 1 {
			t.Errorf("%q: %v", bad, p)
		}
	}
}
