package remote

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestConfigLine(t *testing.T) {
	for in, want := range map[string][]string{
		"":                       nil,
		"  # Host x":             nil,
		"Host a b":               {"host", "a", "b"},
		"\tHostName = x":         {"hostname", "x"},
		"IdentityFile=\"~/a\"":   {"identityfile", "~/a"},
		"ForwardAgent":           {"forwardagent"},
		"PROXYJUMP u@h:22,h2 \r": {"proxyjump", "u@h:22,h2"},
	} {
		keyword, args := configLine(in)
		got := append([]string{keyword}, args...)
		if keyword == "" {
			got = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

// Which hosts ssh must be asked about, and which may share an answer.
func TestConfigScan(t *testing.T) {
	const defaults = "Host *\n  SendEnv LANG LC_*\n  HashKnownHosts yes\n  GSSAPIAuthentication yes\n"
	tests := map[string]struct {
		config string
		ask    []string // of web-1, web-2, github.com
		shared bool
	}{
		"none":                {"", nil, true},
		"a distribution's":    {defaults, nil, true},
		"another host":        {defaults + "Host github.com\n  User git\n", []string{"github.com"}, true},
		"all hosts":           {"User me\nHost x\n Port 3\n", []string{"web-1", "web-2", "github.com"}, true},
		"star":                {"Host *\n  IdentityFile ~/.ssh/work\n", []string{"web-1", "web-2", "github.com"}, true},
		"pattern":             {"Host web-?\n  ProxyJump bastion\n", []string{"web-1", "web-2"}, true},
		"negated":             {"Host * !web-2\n  Port 23\n", []string{"web-1", "github.com"}, true},
		"tokens":              {"Host web-*\n  HostName %h.example.org\n", []string{"web-1", "web-2"}, false},
		"match":               {"Match exec \"true\"\n  User x\n", []string{"web-1", "web-2", "github.com"}, false},
		"match, nothing ours": {"Match exec \"true\"\n  SendEnv X\n", nil, true},
		"case":                {"HOST WEB-1\n  USER x\n", []string{"web-1"}, true},
		"included":            {"Include part*\n", []string{"web-2"}, true},
		"included in a block": {"Host web-1\n  Include part-plain\n", []string{"web-1"}, true},
		"missing include":     {"Include nowhere/*\n", nil, true},
		"include of itself":   {"Include config\nHost web-1\n  User x\n", []string{"web-1"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "config")
			must(t, os.WriteFile(file, []byte(tt.config), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "part-host"), []byte("Host web-2\n  User x\n"), 0o600))
			if name == "included in a block" {
				must(t, os.WriteFile(filepath.Join(dir, "part-plain"), []byte("User x\n"), 0o600))
			}
			blocks := scanConfig(file, dir)
			var ask []string
			shared := true
			for _, h := range []string{"web-1", "web-2", "github.com"} {
				relevant, same := blocksFor(blocks, h)
				if len(relevant) > 0 {
					ask = append(ask, h)
					shared = shared && same
				}
			}
			if diff := cmp.Diff(tt.ask, ask); diff != "" {
				t.Error(diff)
			}
			if shared != tt.shared {
				t.Errorf("shared: %v", shared)
			}
		})
	}
}

func TestParseSettings(t *testing.T) {
	const out = "host web-1\nuser root\nhostname 10.0.0.1\nport 2222\nidentityfile ~/.ssh/a\nidentityfile ~/.ssh/b\n" +
		"identitiesonly yes\nproxyjump u@j1,j2:23\nuserknownhostsfile /a /b\nglobalknownhostsfile /c\nidentityagent none\nhostkeyalias al\n"
	all := map[string]bool{}
	for _, k := range relevantKeywords {
		all[k] = true
	}
	want := settings{
		hostname: "10.0.0.1", user: "root", port: "2222", alias: "al",
		identityFiles: []string{"~/.ssh/a", "~/.ssh/b"}, identitiesOnly: true, identityAgent: "none",
		proxyJump: []string{"u@j1", "j2:23"}, knownHosts: []string{"/a", "/b", "/c"},
	}
	opts := cmp.AllowUnexported(settings{})
	if diff := cmp.Diff(want, parseSettings(out, query{host: "web-1"}, all), opts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(settings{user: "root"}, parseSettings(out, query{host: "web-1"}, map[string]bool{"user": true}), opts); diff != "" {
		t.Errorf("OpenSSH's defaults were taken for settings: %s", diff)
	}
}

func TestConfigArgs(t *testing.T) {
	for want, q := range map[string]query{
		"-G -F f -- h":          {host: "h"},
		"-G -F f -p 22 -- u@h":  {host: "h", user: "u", port: "22"},
		"-G -F f -- u@fe80::1a": {host: "fe80::1a", user: "u"},
	} {
		if got := strings.Join(configArgs("f", q), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// withConfig is a dialer under an ssh_config, and OpenSSH's ssh to read it.
func (l *lab) withConfig(config string) *Dialer {
	l.t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		l.t.Skip("OpenSSH's ssh is not installed")
	}
	file := filepath.Join(l.dir, "ssh_config")
	must(l.t, os.WriteFile(file, []byte(config), 0o600))
	o := l.options()
	o.SSHConfig, o.SSHConfigFile = true, file
	return l.dialer(o)
}

func TestSSHConfigCounts(t *testing.T) {
	l := newLab(t)
	hop := l.server(simfleet.ServerOptions{Forward: true, Users: []string{"hopper"}})
	s := l.server(simfleet.ServerOptions{Users: []string{"conf"}})
	other := l.server(simfleet.ServerOptions{})
	h := host(s)
	d := l.withConfig("Host web\n HostName 127.0.0.1\n Port " + strconv.Itoa(h.Port) + "\n User conf\n ProxyJump hop\n" +
		"Host hop\n HostName 127.0.0.1\n Port " + strconv.Itoa(host(hop).Port) + "\n User hopper\n")
	defaults := map[string]inventory.Origin{"user": {From: "default"}, "port": {From: "default"}}

	c := l.dial(d, inventory.Host{Name: "web", Address: "web", Port: 22, User: "root", Provenance: defaults})
	if c.User() != "conf" || hop.Record().Connections != 1 {
		t.Errorf("let in as %s, %d connections to the hop", c.User(), hop.Record().Connections)
	}
	_, err := d.Dial(t.Context(), inventory.Host{Name: "web", Address: "web", User: "mine"})
	mustContain(t, problem(t, err, deploy.CodeAuth).What, "user mine") // what the inventory says wins

	direct := inventory.Host{Name: "o", Address: "127.0.0.1", Port: host(other).Port, User: "any"}
	l.dial(d, direct)
	if n := hop.Record().Connections; n != 1 {
		t.Errorf("a host without configuration went through the hop (%d)", n)
	}
}

func TestSSHConfigKnownHostsAndIdentity(t *testing.T) {
	l := newLab(t)
	work := writeKey(t, filepath.Join(l.dir, "work"))
	s := l.stranger(simfleet.ServerOptions{AuthorizedKeys: []ssh.PublicKey{work.PublicKey()}})
	saved := l.known
	l.known = filepath.Join(l.dir, "work_hosts")
	l.trust(s)
	config := "Host 127.*\n UserKnownHostsFile " + l.known + "\n IdentityFile " + l.dir + "/work\n IdentitiesOnly yes\n"
	l.known = saved
	_, err := l.withConfig(config).Dial(t.Context(), host(s))
	failsAs(t, err, deploy.CodeHostKey) // Options name the files: they win
	d := l.withConfig(config)
	d.ownKnownHosts = false
	l.dial(d, host(s))
}

func TestSSHConfigProxyCommandIsRefused(t *testing.T) {
	l := newLab(t)
	d := l.withConfig("Host web\n ProxyCommand touch " + l.dir + "/ran\n")
	_, err := d.Dial(t.Context(), inventory.Host{Name: "web", Address: "web", User: "u"})
	mustContain(t, problem(t, err, deploy.CodeUnreachable).What, "ProxyCommand")
	if _, err := os.Stat(l.dir + "/ran"); err == nil {
		t.Error("the command ran")
	}
}

func TestSSHConfigThatIsBroken(t *testing.T) {
	l := newLab(t)
	d := l.withConfig("Host web\n User x\n Port nonsense\n")
	_, err := d.Dial(t.Context(), inventory.Host{Name: "web", Address: "web", User: "u"})
	p := problem(t, err, deploy.CodeInternal)
	mustContain(t, strings.Join(p.Details, " "), "ssh_config")
}

// A thousand hosts under one block cost one process, and none without a block.
func TestSSHConfigIsAskedOnce(t *testing.T) {
	l := newLab(t)
	log := filepath.Join(l.dir, "log")
	path := fakeBin(t, "ssh", `echo x >> `+quote(log)+`; echo "user conf"; echo "hostname $(for a; do :; done; echo "$a")"`)
	t.Setenv("PATH", path)
	d := l.withConfig("Host web-*\n User conf\n")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			n := strconv.Itoa(i)
			for _, name := range []string{"web-" + n, "db-" + n} {
				to, err := d.resolve(t.Context(), inventory.Host{Name: name, Address: name})
				if err != nil || to.host != name || strings.HasPrefix(name, "web") != (to.user == "conf") {
					t.Errorf("%s: %+v, %v", name, to, err)
				}
			}
		})
	}
	wg.Wait()
	ran, err := os.ReadFile(log)
	must(t, err)
	if n := strings.Count(string(ran), "x"); n != 1 {
		t.Errorf("ssh ran %d times", n)
	}
}
