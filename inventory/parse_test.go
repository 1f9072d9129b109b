package inventory

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is a valid fleet; tests add to it or replace a part.
const small = `[fleet]
name = "home"

[stages]
order = ["dev"]

[hosts.dev-1]
address = "192.0.2.1"
target = "hetzner"
stage = "dev"
`

func mustParse(t *testing.T, text string) *Inventory {
	t.Helper()
	inv, err := Parse("hosts.toml", []byte(text))
	if err != nil {
		t.Fatalf("a valid file was refused: %v", err)
	}
	return inv
}

func problemsOf(t *testing.T, text string) []Problem {
	t.Helper()
	inv, err := Parse("hosts.toml", []byte(text))
	var p *Problems
	if !errors.As(err, &p) || len(p.List) == 0 || inv != nil {
		t.Fatalf("want problems and no inventory, got %v, %v", inv, err)
	}
	return p.List
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	for _, name := range []string{"broken", "syntax"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", name+".toml"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("hosts.toml", data)
			if err == nil {
				t.Fatal("the file was accepted")
			}
			got := err.Error() + "\n"
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// Each case is a file with one mistake: that one problem is reported, where
// the mistake stands, and nothing that follows from it.
func TestProblem(t *testing.T) {
	stage := func(s string) string { return small + "[stages.dev]\n" + s + "\n" }
	host := func(s string) string { return small + s + "\n" }
	check := func(s string) string { return small + "[checks.c]\n" + s + "\n" }
	tests := []struct {
		name, text string
		line, col  int
		what, hint string // parts of
	}{
		{"empty", "", 1, 1, "the file is empty", "[fleet]"},
		{"only comments", "# nothing\n\n", 1, 1, "the file is empty", ""},
		{"no hosts", "[fleet]\nname=\"a\"\n[stages]\norder=[\"a\"]\n", 1, 1, "[hosts.NAME] is missing", ""},
		{"syntax", small + "x = y\n", 11, 5, "not valid TOML", `key = "value"`},
		{"column in characters", strings.Replace(small, "name = \"home\"", "name = \"\u00e4\u00f6\", x", 1), 2, 12, "not valid TOML", ""},
		{"unterminated", small + `user = "x`, 11, 9, "not valid TOML: unterminated basic string", ""},
		{"duplicate key", host("stage = \"dev\""), 11, 1, `"stage" is defined twice, first in line 10`, ""},
		{"duplicate host", small + "[hosts.dev-1]\n", 11, 8, `"dev-1" is defined twice, first in line 7`, ""},
		{"duplicate by dots", small + "[hosts.dev-1.override]\nb.c = 1\nb = 2\n", 13, 1, `"b" is defined twice`, ""},
		{"unknown table", small + "[host.x]\n", 11, 2, `unknown table "host"`, `did you mean "hosts"?`},
		{"unknown key", host(`tgas = ["a"]`), 11, 1, `[hosts.dev-1] unknown key "tgas"`, `did you mean "tags"?`},
		{"key of another table", host(`soak = "1s"`), 11, 1, `unknown key "soak"`, "it belongs in [stages.NAME]"},
		{"key with control bytes", host(`"a\u001bb" = 1`), 11, 1, `unknown key "a\x1bb"`, ""},
		{"a plural", stage(`window = ["Sat"]`), 12, 1, `unknown key "window"`, `did you mean "windows"?`},
		{"gate of no host", stage(`gate = 0`), 12, 8, "gate: 0 is too small, at least 1", ""},
		{"gate above all", stage(`gate = "101%"`), 12, 8, `"101%" is out of range`, ""},
		{"frozen by a number", stage(`frozen = 1`), 12, 10, "frozen: this is an integer, want true, false or a reason", ""},
		{"approval by a word", stage(`approval = "yes"`), 12, 12, "approval: this is a string, want true or false", ""},
		{"window in no list", stage(`windows = "Sat 09:00-10:00 UTC"`), 12, 11, "want a list of windows", "brackets"},
		{"window without a zone", stage(`windows = ["Sat 09:00-10:00"]`), 12, 12, "is not DAYS HH:MM-HH:MM ZONE", "Europe/Amsterdam"},
		{"window in no zone", stage(`windows = ["Sat 09:00-10:00 UTC", "Sat 09:00-10:00 Europe/Amsterdm"]`), 12, 35, `"Europe/Amsterdm" is no time zone`, ""},
		{"window in the zone of a machine", stage(`windows = ["Sat 09:00-10:00 Local"]`), 12, 12, "another zone on another machine", ""},
		{"window on no day", stage(`windows = ["Sat,Foo-Sun 09:00-10:00 UTC"]`), 12, 12, `"Foo-Sun" are no days`, ""},
		{"window at no time", stage(`windows = ["Sat 09:00-24:01 UTC"]`), 12, 12, "24:01 is no time of a day", ""},
		{"window of nothing", stage(`windows = ["Sat 09:00-09:00 UTC"]`), 12, 12, "ends when it begins", ""},
		{"no windows", stage(`windows = []`), 12, 11, "windows: an empty list", "remove the key"},
		{"window twice", stage(`windows = ["Sat 09:00-10:00 UTC", "Sat 09:00-10:00 UTC"]`), 12, 35, "is listed twice", ""},
		{"freeze of a time", stage(`freeze = ["2026-12-20"]`), 12, 11, "is not YYYY-MM-DD/YYYY-MM-DD", "both days are frozen"},
		{"freeze of no day", stage(`freeze = ["2026-02-20/2026-02-30"]`), 12, 11, "2026-02-30 is no day", ""},
		{"freeze backwards", stage(`freeze = ["2026-12-20/2026-12-19"]`), 12, 11, "ends before it begins", ""},
		{"table is a value", small + "[hosts]\nx = 5\n", 12, 5, "x: this is an integer, want a table", "write [hosts.x]"},
		{"array of tables", small + "[[targets.hetzner]]\nport = 1\n", 11, 11, "want a table", ""},

		{"string for integer", host(`port = "22"`), 11, 8, "this is a string, want an integer", "without quotes: port = 22"},
		{"port too large", host("port = 65536"), 11, 8, "65536 is too large, at most 65535", ""},
		{"port zero", host("port = 0"), 11, 8, "0 is too small, at least 1", ""},
		{"integer past 64 bits", host("port = 99999999999999999999"), 11, 8, "too large", ""},
		{"float", host("port = 22.0"), 11, 8, "this is a float, want an integer", ""},
		{"integer for string", host("user = 5"), 11, 8, "this is an integer, want a string", `quote it: "5"`},
		{"boolean in quotes", host(`accept_guard_loss = "true"`), 11, 21, "want true or false", "without quotes: accept_guard_loss = true"},
		{"string for list", host(`tags = "a"`), 11, 8, "want a list of tags", `tags = ["a"]`},
		{"wrong element", host(`tags = ["a", [5]]`), 11, 8, "this is an array, want a string", ""},
		{"listed twice", host(`tags = ["a", "b", "a"]`), 11, 19, "a is listed twice", "remove it"},
		{"empty string", host(`user = ""`), 11, 8, "an empty string", ""},
		{"control bytes", host(`identity_files = ["a\u0007"]`), 11, 19, `"a\a" has control characters`, ""},
		{"attribute", host(`attribute = "a#b"`), 11, 13, `"a#b" is not an attribute`, "nixosConfigurations"},
		{"address with user", strings.Replace(small, `"192.0.2.1"`, `"root@a"`, 1), 8, 11, "neither", `address = "a", and the user on its own: user = "root"`},
		{"address with port", strings.Replace(small, `"192.0.2.1"`, `"a:22"`, 1), 8, 11, "neither", `address = "a", and the port on its own: port = 22`},
		{"IPv6 with port", strings.Replace(small, `"192.0.2.1"`, `"[::1]:22"`, 1), 8, 11, "neither", `address = "::1", and the port on its own: port = 22`},
		{"IPv6 in brackets", strings.Replace(small, `"192.0.2.1"`, `"[::1]"`, 1), 8, 11, "neither", `address = "::1"`},
		{"jump without end", host(`jump = "[::1:22"`), 11, 8, "is not a jump host", "brackets"},
		{"jump port", host(`jump = ["a:0"]`), 11, 9, "is not a jump host", ""},
		{"jump port with a sign", host(`jump = "a:+22"`), 11, 8, "is not a jump host", ""},
		{"enum", host(`elevate = "su"`), 11, 11, `"su" is not one of none, sudo, doas`, ""},
		{"system", host(`system = "x86-64-linux"`), 11, 10, "is not one of", `did you mean "x86_64-linux"?`},
		{"boot", host(`activation = "boot"`), 11, 14, `"boot" is not supported yet`, "comes later"},

		{"duration without unit", stage("soak = 30"), 12, 8, "this is an integer, want a duration", `soak = "30s"`},
		{"duration in days", stage(`soak = "2d"`), 12, 8, `"2d" is not a duration`, `"24h"`},
		{"negative duration", stage(`soak = "-5s"`), 12, 8, `"-5s" is negative`, ""},
		{"endless duration", stage(`soak = "9999h"`), 12, 8, `"9999h" is too long, at most 720h`, ""},
		{"guard without time", stage(`confirm_timeout = "0s"`), 12, 19, `"0s" is too short, at least 1s`, ""},
		{"fractions of seconds", stage(`activation_timeout = "1.5s"`), 12, 22, "whole seconds", ""},

		{"percentage without number", stage(`max_failures = "%"`), 12, 16, `"%" is not a percentage`, ""},
		{"percentage past 100", stage(`batches = ["101%"]`), 12, 12, `"101%" is out of range, 1% to 100%`, ""},
		{"number in quotes", stage(`batches = ["2"]`), 12, 12, "neither a number nor a percentage", `for hosts write 2, for a percentage "2%"`},
		{"batch of nothing", stage("batches = [1, 0]"), 12, 15, "0 is too small, at least 1", ""},
		{"no batches", stage("batches = []"), 12, 11, "an empty list", ""},
		{"negative budget", stage("max_failures = -1"), 12, 16, "-1 is negative", ""},

		{"no checks", host("checks = []"), 11, 10, "an empty list: a host is never confirmed unchecked", "remove the key"},
		{"unknown check", host(`checks = ["unit"]`), 11, 11, `there is no check called "unit"`, `did you mean "units"?`},
		{"unknown stage", strings.Replace(small, `stage = "dev"`, `stage = "deev"`, 1), 10, 9, `there is no stage called "deev"`, `did you mean "dev"?`},
		{"unknown target", strings.Replace(small, `"hetzner"`, `"hetzer"`, 1), 9, 10, `there is no target called "hetzer"`, `did you mean "hetzner"?`},
		{"no address", strings.Replace(small, "address", "# address", 1), 7, 8, "address is missing", ""},
		{"no target", strings.Replace(small, "target", "# target", 1), 7, 8, "target is missing", ""},
		{"no stage", strings.Replace(small, "stage = ", "# stage = ", 1), 7, 8, "stage is missing", "stages: dev"},
		{"no fleet name", strings.Replace(small, "name", "# name", 1), 1, 2, "name is missing", ""},
		{"no order", strings.Replace(small, "order = [", "#", 1), 4, 2, "order is missing", ""},
		{"empty stage", strings.Replace(small, `["dev"]`, `["dev", "prod"]`, 1), 5, 17, `no host is in stage "prod"`, "remove it from order"},
		{"stage not in order", small + "[stages.dve]\n", 11, 9, "order does not name this stage", "[stages.dev]"},
		{"stage listed twice", strings.Replace(small, `["dev"]`, `["dev", "dev"]`, 1), 5, 17, "dev is listed twice", ""},
		{"host named like a target", strings.Replace(small, "hosts.dev-1", "hosts.m1", 1), 7, 8, `a target is called "m1" too`, "rename the host"},

		{"same address", small + "[hosts.b]\naddress=\"192.0.2.1\"\ntarget=\"wsl\"\nstage=\"dev\"\n", 12, 9, "the same address and port as host dev-1, line 7", ""},
		{"same address in another spelling", strings.Replace(small, "192.0.2.1", "2001:db8::1", 1) +
			"[hosts.b]\naddress=\"2001:DB8:0::1\"\ntarget=\"wsl\"\nstage=\"dev\"\n", 12, 9, "the same address", ""},

		{"flake reference", small + "[flake]\nsource=\"git+ssh://x/y\"\n", 12, 8, "is a flake reference, want a path", "clone it"},
		{"path reference", small + "[flake]\nsource=\"path:./x\"\n", 12, 8, "is a flake reference", `source = "./x"`},
		{"path from home", small + "[flake]\nsource=\"~/x\"\n", 12, 8, "begins with ~", "whole path"},
		{"flake with an output", small + "[flake]\nsource=\"./x#web\"\n", 12, 8, "is not a path", "attribute"},
		{"rendered, misspelt", small + "[flake]\nsource=\"renderd\"\n", 12, 8, "neither", `did you mean "rendered"?`},
		{"nixpkgs of an own flake", small + "[flake]\nsource=\".\"\nnixpkgs=\"github:a/b\"\n", 13, 1, "for the rendered flake only", "remove it"},
		{"nixpkgs with code in it", small + "[flake]\nnixpkgs=\"github:a/${x}\"\n", 12, 9, "is not a flake reference", ""},

		{"check without type", check(`url = "http://x"`), 11, 9, "type is missing", "http"},
		{"check without its key", check(`type = "command"`), 11, 9, "command is missing", ""},
		{"key of another type", check("type = \"tcp\"\naddress = \":1\"\nurl = \"http://x\""), 14, 1, `url means nothing in a check of type "tcp"`, ""},
		{"url with a password", check("type = \"http\"\nurl = \"http://a:b@x/\""), 13, 7, "has a user in it", ""},
		{"ftp with a password", check("type = \"http\"\nurl = \"ftp://a:b@x/\""), 13, 7, "has a user in it", ""},
		{"a password and no URL", check("type = \"http\"\nurl = \"http://a:b c@x/{nothing}\""), 13, 7, "has a user in it", ""},
		{"url scheme", check("type = \"http\"\nurl = \"file:///etc/passwd\""), 13, 7, "not an http or https URL", ""},
		{"placeholder", check("type = \"http\"\nurl = \"http://{addr}/\""), 13, 7, "unknown placeholder {addr}", "{address}"},
		{"status", check("type = \"http\"\nurl = \"http://x/\"\nexpect_status = 99"), 14, 17, "99 is too small, at least 100", ""},
		{"tcp without port", check("type = \"tcp\"\naddress = \"x\""), 13, 11, "not HOST:PORT", ""},
		{"command as text", check("type = \"command\"\ncommand = \"true; false\""), 13, 11, "want a list", `["sh", "-c"`},
		{"no command", check("type = \"command\"\ncommand = []"), 13, 11, "the command is empty", ""},
		{"no program", check("type = \"command\"\ncommand = [\"\"]"), 13, 11, "the command is empty", ""},
		{"command of numbers", check("type = \"command\"\ncommand = [\"sleep\", 5]"), 13, 21, "command: this is an integer, want a string", ""},
		{"url with a space", check("type = \"http\"\nurl = \"http://a/b c\""), 13, 7, "is not a URL", ""},
		{"url without host", check("type = \"http\"\nurl = \"http:///x\""), 13, 7, "has no host", ""},
		{"url port", check("type = \"http\"\nurl = \"http://x:99999/\""), 13, 7, "not a port", ""},
		{"checks of numbers", host("checks = [5]"), 11, 11, "want a string", ""},
		{"reference to a broken check", small + "checks = [\"c\"]\n[checks]\nc = 5\n", 13, 5, "c: this is an integer, want a table", "write [checks.c]"},
		{"target is a value", small + "[targets]\nmine = 5\n", 12, 8, "mine: this is an integer, want a table", "write [targets.mine]"},
		{"stage is a value", strings.Replace(small, "order", "prod = 5\norder", 1), 5, 1, `unknown key "prod"`, "order"},
		{"section is a value", "ssh = 5\n" + small, 1, 7, "ssh: this is an integer, want a table", "write [ssh]"},
		{"no stages in order", strings.Replace(small, `["dev"]`, "5", 1), 5, 9, "this is an integer, want a list of stages", ""},
		{"hosts without a table", strings.SplitN(small, "[hosts", 2)[0] + "[hosts]\n", 7, 2, "a table for each host is missing", "[hosts.web-1]"},
		{"command with NUL", check("type = \"command\"\ncommand = [\"a\\u0000\"]"), 13, 11, "a NUL byte", ""},
		{"no units", check("type = \"active\"\nunits = []"), 13, 9, "an empty list", ""},
		{"unit", check("type = \"active\"\nunits = [\"-H evil\"]"), 13, 10, "is not a systemd unit", ""},
		{"try longer than the check", check("type = \"units\"\ntimeout = \"2m\""), 13, 11, "longer than the whole check", ""},
		{"successes that do not fit", check("type = \"units\"\nsuccesses = 100"), 13, 13, "do not fit into the deadline", ""},
		{"units of another type", small + "[checks.units]\ntype=\"tcp\"\naddress=\":1\"\n", 12, 6, "built in", "another name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := problemsOf(t, tt.text)
			if len(got) != 1 {
				t.Fatalf("want one problem, got %v", got)
			}
			p := got[0]
			if p.Line != tt.line || p.Col != tt.col {
				t.Errorf("at %d:%d, want %d:%d (%s)", p.Line, p.Col, tt.line, tt.col, p.What)
			}
			if !strings.Contains(p.What, tt.what) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("got %q, hint %q; want %q, hint %q", p.What, p.Hint, tt.what, tt.hint)
			}
		})
	}
}

// What goes to ssh or a remote script must not pass as an option, as shell
// code or as more than one word (S3 of the rules on input).
func TestHostileNamesAreRefused(t *testing.T) {
	hostile := []string{
		"-oProxyCommand=x", "-l root", "a;b", "a b", "$(x)", "`x`", "a|b", "a&b", "a>b", "h\n", "\th", "h\x00", "h\x1b[0m",
		"a'b", `a"b`, `a\b`, "a/b", "../x", "@x", "a@", "%h", "*", "{a,b}", "~", "#x", "!x", "x,y",
		"\u0430dmin", "a\u202eb", "a\u00a0b", ".x", "_x", "[::1]", "::1%;x", "fe80::1%-x", strings.Repeat("a", 300),
	}
	for _, h := range hostile {
		q := tomlQuote(h)
		for _, text := range []string{
			strings.Replace(small, `"192.0.2.1"`, q, 1),
			strings.Replace(small, "dev-1", q, 1),
			strings.Replace(small, `"home"`, q, 1),
			small + "user = " + q,
			small + "bootstrap_user = " + q,
			small + "tags = [" + q + "]",
			small + "jump = " + tomlQuote(h+"@x.example.org"),
			small + "jump = " + tomlQuote("x.example.org:"+h),
		} {
			if inv, err := Parse("hosts.toml", []byte(text)); err == nil {
				t.Errorf("%q was accepted: %+v", h, inv.Hosts)
			}
		}
	}
}

func tomlQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteRune('\\')
			b.WriteRune(c)
		case c < ' ':
			b.WriteString(`\u00`)
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func TestAddressesAndJumpsAreAccepted(t *testing.T) {
	for _, a := range []string{"10.0.0.1", "2001:db8::1", "fe80::1%eth0", "web-1", "web_1.example.org", "a.b.", "::ffff:10.0.0.1"} {
		if got := mustParse(t, strings.Replace(small, "192.0.2.1", a, 1)).Hosts[0].Address; got != a {
			t.Errorf("address %q became %q", a, got)
		}
	}
	for _, j := range []string{"b", "b:22", "u@b", "u@b.example.org:2222", "10.0.0.1:22", "u@[2001:db8::1]:22", "2001:db8::1"} {
		if got := mustParse(t, small+"jump = \""+j+"\"").Hosts[0].Jump; !cmp.Equal(got, []string{j}) {
			t.Errorf("jump %q became %q", j, got)
		}
	}
	inv := mustParse(t, small+`jump = ["a", "b"]`+"\n[hosts.b]\naddress=\"192.0.2.1\"\ntarget=\"wsl\"\nstage=\"dev\"\n")
	if len(inv.Hosts) != 2 {
		t.Error("one address behind two ways is two machines")
	}
}

func TestChecksAreReadWithDefaults(t *testing.T) {
	inv := mustParse(t, small+`checks = ["units", "web", "up", "db", "own"]
[checks.web]
type = "http"
url = "https://{address}:8443/{host}"
successes = 3
from = "host"
[checks.up]
type = "active"
units = ["nginx", "a@b.timer"]
[checks.db]
type = "tcp"
address = ":5432"
timeout = "500ms"
[checks.own]
type = "command"
command = ["sh", "-c", "a\nb; c"]
deadline = "5m"
`)
	common := Check{ExpectStatus: 200, From: "deployer", Interval: 2 * time.Second, Timeout: 10 * time.Second, Successes: 1, Deadline: 90 * time.Second}
	units, web, up, db, own := common, common, common, common, common
	units.Name, units.Type = "units", CheckUnits
	web.Name, web.Type, web.URL, web.Successes, web.From = "web", CheckHTTP, "https://{address}:8443/{host}", 3, "host"
	up.Name, up.Type, up.Units = "up", CheckActive, []string{"nginx.service", "a@b.timer"}
	db.Name, db.Type, db.Address, db.Timeout = "db", CheckTCP, ":5432", 500*time.Millisecond
	own.Name, own.Type, own.Command, own.Deadline = "own", CheckCommand, []string{"sh", "-c", "a\nb; c"}, 5*time.Minute
	if diff := cmp.Diff([]Check{units, web, up, db, own}, inv.Hosts[0].Checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestStagesAreReadWithDefaults(t *testing.T) {
	inv := mustParse(t, strings.Replace(small, `["dev"]`, `["a", "dev"]`, 1)+`
[stages.dev]
batches = [1, 1, "25%", "100%"]
parallel = 3
max_failures = "10%"
on_failure = "stage"
soak = "1h30m"
[hosts.z]
address = "z"
target = "m1"
stage = "a"
`)
	want := []Stage{
		{Name: "a", Batches: []Share{{100, true}}, Parallel: 10, OnFailure: OnFailureHost, Gate: Share{100, true}},
		{
			Name: "dev", Batches: []Share{{1, false}, {1, false}, {25, true}, {100, true}}, Parallel: 3,
			MaxFailures: Share{10, true}, OnFailure: OnFailureStage, Soak: 90 * time.Minute, Gate: Share{100, true},
		},
	}
	if diff := cmp.Diff(want, inv.Stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if got := hostNames(inv.Hosts); !cmp.Equal(got, []string{"z", "dev-1"}) {
		t.Errorf("hosts are not in the order of stages: %v", got)
	}
}

// What Windows editors write is no mistake.
func TestByteOrderMarkAndCRLF(t *testing.T) {
	plain := mustParse(t, small)
	crlf := "\ufeff" + strings.ReplaceAll(small, "\n", "\r\n")
	inv := mustParse(t, crlf)
	if diff := cmp.Diff(plain.Hosts, inv.Hosts); diff != "" {
		t.Errorf("hosts (-plain +crlf):\n%s", diff)
	}
	if plain.Hash == inv.Hash {
		t.Error("the hash is not that of the bytes")
	}
	if p := problemsOf(t, "\ufeffx = 1\r\n[fleet]\r\nname = 5\r\n")[0]; p.Line != 1 || p.Col != 1 {
		t.Errorf("the mark counts as a column: %v", p)
	}
}

// After a syntax error nothing is called missing or unknown that may only have
// been hidden, and reading gives up after a number of them.
func TestSyntaxErrorsAreBounded(t *testing.T) {
	got := problemsOf(t, numbered("[hosts.a%d]\nx = y\n", 100))
	if len(got) != maxSyntaxErrors {
		t.Errorf("%d problems: %v", len(got), got)
	}
	for i, p := range problemsOf(t, "[fleet\n[hosts.a]\ntarget = \"x\"\n[hosts.b]\nport = 0\n") {
		want := []string{"not valid TOML", "0 is too small"}[i]
		if !strings.Contains(p.What, want) {
			t.Errorf("got %v, want %s", p, want)
		}
	}
}

// Two runs over one file say the same, and one problem reads like one.
func TestProblemsAreStable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "broken.toml"))
	if err != nil {
		t.Fatal(err)
	}
	_, first := Parse("a.toml", data)
	for range 20 {
		if _, again := Parse("a.toml", data); again.Error() != first.Error() {
			t.Fatal(cmp.Diff(first.Error(), again.Error()))
		}
	}
	_, one := Parse("dir/f.toml", []byte(small+"port = 0"))
	const want = "dir/f.toml has 1 problem\ndir/f.toml:11:8: [hosts.dev-1] port: 0 is too small, at least 1"
	if one.Error() != want {
		t.Errorf("got  %s\nwant %s", one, want)
	}
}

func TestSampleIsValidAndShowsEveryTable(t *testing.T) {
	inv, err := Load(filepath.Join("..", "hosts.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := stageNames(inv); !cmp.Equal(got, []string{"container", "dev", "prod"}) {
		t.Errorf("stages: %v", got)
	}
	if len(inv.Hosts) > 5 || !inv.Flake.Rendered() || inv.Flake.Nixpkgs == "" || inv.Fleet == "" {
		t.Errorf("sample: %+v", inv)
	}
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a directory: %v", err)
	}
}
