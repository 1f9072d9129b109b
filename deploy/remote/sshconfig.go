package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// configTimeout bounds one run of ssh -G: a "Match exec" may call anything.
const configTimeout = 5 * time.Second

// query is what ssh_config is asked about: a destination as it was written.
type query struct{ host, port, user string }

// sshConfig answers from the user's ssh_config, by asking "ssh -G": exact in
// Include, Match, canonical names and tokens, which nothing else is.
//
// A process per host is too much for a fleet. So the files are looked through
// once (configscan.go), ssh is asked only about hosts for which they set
// something that counts here, and once for all hosts to which the same blocks
// apply.
type sshConfig struct {
	ssh    string // path of the program
	file   string // -F, "" for the default files
	blocks []configBlock
	slots  chan struct{} // bounds how many run at once

	mu      sync.Mutex
	answers map[string]*answer
}

// answer is one run of ssh -G, shared.
type answer struct {
	done     chan struct{}
	settings settings
	err      error
}

// settings is what ssh_config says of a host; empty fields say nothing.
type settings struct {
	hostname, user, port string
	alias                string
	identityFiles        []string
	identitiesOnly       bool
	identityAgent        string
	proxyJump            []string
	proxyCommand         string
	knownHosts           []string
}

// newSSHConfig looks through the files; nil when nothing in them counts.
func newSSHConfig(ssh, file, home string) *sshConfig {
	var blocks []configBlock
	if file != "" {
		blocks = scanConfig(file, home)
	} else {
		if home != "" {
			blocks = scanConfig(filepath.Join(home, ".ssh", "config"), home)
		}
		blocks = append(blocks, scanConfig("/etc/ssh/ssh_config", home)...)
	}
	if len(blocks) == 0 {
		return nil
	}
	return &sshConfig{
		ssh:     ssh,
		file:    file,
		blocks:  blocks,
		slots:   make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
		answers: map[string]*answer{},
	}
}

// lookup answers for one destination. Errors are Problems.
func (c *sshConfig) lookup(ctx context.Context, q query) (settings, error) {
	relevant, shared := blocksFor(c.blocks, q.host)
	if len(relevant) == 0 {
		return settings{}, nil
	}
	key := fmt.Sprintf("%v %s %s", relevant, q.user, q.port)
	if !shared {
		key += " " + q.host
	}
	c.mu.Lock()
	a, ok := c.answers[key]
	if !ok {
		a = &answer{done: make(chan struct{})}
		c.answers[key] = a
	}
	c.mu.Unlock()
	if !ok {
		// Not bound to ctx: others wait for the same answer.
		a.settings, a.err = c.ask(context.WithoutCancel(ctx), q, keywordsOf(c.blocks, relevant))
		close(a.done)
	}
	select {
	case <-a.done:
		return a.settings, a.err
	case <-ctx.Done():
		return settings{}, unreachable(ctx.Err(), "interrupted while reading ssh_config")
	}
}

// ask runs ssh -G.
func (c *sshConfig) ask(ctx context.Context, q query, keywords map[string]bool) (settings, error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.ssh, configArgs(c.file, q)...)
	cmd.WaitDelay = time.Second
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		p := unreachable(err, "ssh -G cannot read the configuration for %s", q.host)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			p.Err = fmt.Errorf("no answer within %s", configTimeout)
		}
		for line := range strings.Lines(complaint.String()) {
			p.Details = append(p.Details, strings.TrimSpace(line))
		}
		p.Code = deploy.CodeInternal
		return settings{}, p
	}
	return parseSettings(string(out), q, keywords), nil
}

// configArgs is the argument list: the destination after "--", checked by safe
// before, so that it can never be taken for an option.
func configArgs(file string, q query) []string {
	args := []string{"-G"}
	if file != "" {
		args = append(args, "-F", file)
	}
	if q.port != "" {
		args = append(args, "-p", q.port)
	}
	dest := q.host
	if q.user != "" {
		dest = q.user + "@" + q.host
	}
	return append(args, "--", dest)
}

// parseSettings reads the "keyword value" lines of ssh -G. Only keywords that
// the files set count: of the others it prints OpenSSH's own defaults. It is
// pure.
func parseSettings(out string, q query, keywords map[string]bool) settings {
	var s settings
	known := keywords["userknownhostsfile"] || keywords["globalknownhostsfile"]
	for line := range strings.Lines(out) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasSuffix(key, "knownhostsfile") && known {
			s.knownHosts = append(s.knownHosts, strings.Fields(value)...)
		}
		if !ok || !keywords[key] || value == "" {
			continue
		}
		switch key {
		case "hostname":
			if value != q.host {
				s.hostname = value
			}
		case "user":
			s.user = value
		case "port":
			s.port = value
		case "hostkeyalias":
			s.alias = value
		case "identityfile":
			s.identityFiles = append(s.identityFiles, value)
		case "identitiesonly":
			s.identitiesOnly = value == "yes"
		case "identityagent":
			s.identityAgent = value
		case "proxyjump":
			if value != "none" {
				s.proxyJump = strings.Split(value, ",")
			}
		case "proxycommand":
			if value != "none" {
				s.proxyCommand = value
			}
		}
	}
	return s
}

// apply overlays the settings. What the destination already said stays.
func (s settings) apply(to *endpoint, d *Dialer) {
	if s.hostname != "" && safe(query{host: s.hostname}) == nil {
		to.host = s.hostname
	}
	if to.user == "" {
		to.user = s.user
	}
	if to.port == "" {
		to.port = s.port
	}
	to.alias = s.alias
	if len(s.identityFiles) > 0 {
		to.files, to.configured = d.expandAll(s.identityFiles), true
	}
	to.identitiesOnly = s.identitiesOnly
	switch s.identityAgent {
	case "", "SSH_AUTH_SOCK":
	case "none":
		to.agent = ""
	default:
		to.agent = d.expand(s.identityAgent)
	}
	if len(s.knownHosts) > 0 && !d.ownKnownHosts {
		to.knownHosts = nil
		for _, f := range s.knownHosts {
			if f != "none" {
				to.knownHosts = append(to.knownHosts, d.expand(f))
			}
		}
	}
}

// unsupported tells what of the settings nixdeploy does not do.
func (s settings) unsupported(q query) error {
	if s.proxyCommand == "" {
		return nil
	}
	p := unreachable(nil, "ssh_config sets ProxyCommand for %s, which nixdeploy does not run", net.JoinHostPort(q.host, q.port))
	p.Next = "use ProxyJump there, or jump in hosts.toml"
	return p
}
