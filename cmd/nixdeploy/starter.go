package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/crypto/ssh"
)

// starterFiles are what init writes, for people to read as they are. [[ ]] hold
// what differs from fleet to fleet.
//
//go:embed starter
var starterFiles embed.FS

// starter is what init was told.
type starter struct {
	Fleet, Target string
	Stages        []string
	Hosts         []starterHost
	Keys          []string // public keys
	Workflows     []string // paths
	Version       string   // of nixdeploy, for CI; empty: this one is no release
	BuiltIn       bool     // the target is one of nixdeploy's own
	example       bool     // the host is made up
}

type starterHost struct{ Name, Address, Stage string }

type starterFile struct {
	path string // with slashes, relative
	data []byte
}

// NeedsFacts says whether the hosts have to be adopted before a flake is rendered.
func (s starter) NeedsFacts() bool { return s.Target == "hetzner" || s.Target == "m1" }

// starter reads the flags.
func (in *invocation) starter(dir string) (starter, error) {
	s := starter{
		Fleet: in.cli.String("fleet"), Target: in.cli.String("target"),
		BuiltIn: slices.Contains([]string{"container", "hetzner", "m1", "wsl"}, in.cli.String("target")),
	}
	if s.Fleet == "" {
		s.Fleet = fleetName(dir)
	}
	if v := versionNumber(); releaseTag.MatchString(v) {
		s.Version = v
	}
	switch forge := in.cli.String("ci"); forge {
	case "github", "forgejo":
		s.Workflows = []string{"." + forge + "/workflows/nixdeploy.yml"}
	case "both":
		s.Workflows = []string{".github/workflows/nixdeploy.yml", ".forgejo/workflows/nixdeploy.yml"}
	case "none":
	default:
		return s, &usageError{what: "--ci " + quoted(forge) + " is none of github, forgejo, both, none", command: "init"}
	}
	if err := s.addHosts(in.cli.StringSlice("host")); err != nil {
		return s, err
	}
	var err error
	s.Keys, err = in.publicKeys(in.cli.StringSlice("key"))
	return s, err
}

// releaseTag is a version that the Go proxy knows.
var releaseTag = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// addHosts reads NAME=ADDRESS. Of several the first is for dev, so that a mistake
// stops there.
func (s *starter) addHosts(values []string) error {
	if len(values) == 0 {
		values, s.example = []string{"box-1=192.0.2.10"}, true
	}
	for i, v := range values {
		name, address, ok := strings.Cut(v, "=")
		if !ok || name == "" || address == "" {
			return &usageError{what: "--host " + quoted(v) + ": it takes NAME=ADDRESS", hint: "for instance --host web-1=192.0.2.10", command: "init"}
		}
		if slices.ContainsFunc(s.Hosts, func(h starterHost) bool { return h.Name == name }) {
			return &usageError{what: "--host " + quoted(name) + " is given twice", hint: "each host has a name of its own", command: "init"}
		}
		stage := "prod"
		if i == 0 && len(values) > 1 {
			stage = "dev"
		}
		if !slices.Contains(s.Stages, stage) {
			s.Stages = append(s.Stages, stage)
		}
		s.Hosts = append(s.Hosts, starterHost{name, address, stage})
	}
	return nil
}

// publicKeys are those that were given, else the user's own, if there is one.
func (in *invocation) publicKeys(given []string) ([]string, error) {
	var keys []string
	for _, k := range given {
		text := k
		if !strings.ContainsRune(k, ' ') {
			data, err := os.ReadFile(absolute(in.App, k))
			if err != nil {
				return nil, &usageError{what: "--key " + quoted(k) + ": " + err.Error(), command: "init"}
			}
			text = string(data)
		}
		key, ok := publicKey(text)
		if !ok {
			return nil, &usageError{what: "--key " + quoted(shortened(k)) + " is no public key", hint: "the line of ~/.ssh/id_ed25519.pub, or that file", command: "init"}
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 || len(given) > 0 {
		return keys, nil
	}
	for _, name := range []string{"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"} {
		if data, err := os.ReadFile(filepath.Join(in.getenv("HOME"), ".ssh", name)); err == nil {
			if key, ok := publicKey(string(data)); ok {
				return []string{key}, nil
			}
		}
	}
	return nil, nil
}

// publicKey is the one public key that text holds. A private key is none.
func publicKey(text string) (string, bool) {
	text = strings.TrimSpace(text)
	_, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil || len(options) > 0 || len(bytes.TrimSpace(rest)) > 0 || strings.ContainsAny(text, "\n\r") {
		return "", false
	}
	return text, true
}

func shortened(text string) string {
	if len(text) > 24 {
		return text[:24] + "..."
	}
	return text
}

// files are all of them, hosts.toml first.
func (s starter) files() ([]starterFile, error) {
	list := [][2]string{{inventoryName, "hosts.toml.tmpl"}, {".gitignore", "gitignore"}, {"README.md", "README.md.tmpl"}}
	for _, w := range s.Workflows {
		from := "github.yml"
		if strings.HasPrefix(w, ".forgejo/") {
			from = "forgejo.yml"
		}
		list = append(list, [2]string{w, from})
	}
	var out []starterFile
	for _, f := range list {
		data, err := s.fill(f[1])
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", f[0], err)
		}
		out = append(out, starterFile{path: f[0], data: data})
	}
	return out, nil
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// fill puts what init was told into a file. In TOML each of it is a quoted string.
func (s starter) fill(name string) ([]byte, error) {
	text, err := starterFiles.ReadFile("starter/" + name)
	if err != nil {
		return nil, err
	}
	quote := func(v string) (string, error) {
		data, err := json.Marshal(v) // TOML's basic strings have the same escapes
		return string(data), err
	}
	t, err := template.New(name).Delims("[[", "]]").Funcs(template.FuncMap{
		"text": quote,
		"key": func(v string) (string, error) {
			if bareKey.MatchString(v) {
				return v, nil
			}
			return quote(v)
		},
	}).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
