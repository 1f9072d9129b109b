// Package savedplan is the file of a saved plan: what `nixdeploy plan -o FILE`
// writes and `nixdeploy apply FILE` does, exactly or not at all.
//
// Everything here is pure: bytes to a Document and back, what may be saved, and
// what has moved since. Reading files, asking hosts and signatures belong to the
// command line. docs/saved-plan.schema.json documents the format, and a test compares.
package savedplan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Format is the version of the file. It grows with anything that an older
// nixdeploy would not do exactly as the file says and would not refuse: a key that
// it does not know it refuses (strict.go), so that a new one, as accept was, may
// come without.
const Format = 1

// Document is a saved plan. It holds no secret: addresses, hashes, store paths
// and who made it.
type Document struct {
	Format    int       `json:"nixdeploy_plan"`
	Version   string    `json:"version"` // of the nixdeploy that made it
	ID        string    `json:"id"`      // a ULID
	Made      time.Time `json:"made"`    // by the clock of the machine that made it
	By        string    `json:"by"`      // user@machine
	Fleet     string    `json:"fleet"`
	First     bool      `json:"first,omitempty"`    // --first: hosts without a marker are taken in
	Accept    bool      `json:"accept,omitempty"`   // --accept: systems that do not fit their hosts are taken
	Override  string    `json:"override,omitempty"` // --override-gate REASON
	Inventory Inventory `json:"inventory"`
	Flake     Flake     `json:"flake"`
	// Stages are the plans of the stages, in the order of the rollout.
	Stages []deploy.Plan `json:"stages"`
}

// Inventory says which hosts.toml the plan was made by.
type Inventory struct {
	Path string `json:"path"` // where it lay, for people
	Hash string `json:"hash"` // hex SHA-256 of its bytes: this decides
	// Hosts are the settings of the plan's hosts, by the keys of hosts.toml, so
	// that what moved can be named. Overrides are left to the flake.
	Hosts map[string]map[string]string `json:"hosts"`
}

// Flake says which flake the plan was made of.
type Flake struct {
	Source string `json:"source"` // where it lay, or "rendered", for people
	Digest string `json:"digest"` // hex: this decides
	Hash   string `json:"hash"`   // the same as SRI, Nix's narHash
	// Files are short hashes of its files by path, so that what moved can be named.
	Files map[string]string `json:"files"`
}

// InventoryOf takes down what a plan of the named hosts depends on.
func InventoryOf(inv *inventory.Inventory, path string, hosts []inventory.Host) Inventory {
	out := Inventory{Path: path, Hash: inv.Hash, Hosts: make(map[string]map[string]string, len(hosts))}
	for _, h := range hosts {
		out.Hosts[h.Name] = settings(h)
	}
	return out
}

// settings are a host's settings as text, without the empty ones.
func settings(h inventory.Host) map[string]string {
	out := map[string]string{}
	for _, s := range inventory.Resolved(h) {
		if s.Value != "" && s.Key != "override" && !strings.HasPrefix(s.Key, "override.") {
			out[s.Key] = s.Value
		}
	}
	return out
}

// FlakeOf takes down what a flake is.
func FlakeOf(f *flake.Flake) Flake {
	out := Flake{Source: f.Source, Digest: f.Digest(), Hash: f.Hash, Files: make(map[string]string, len(f.Files))}
	for _, file := range f.Files {
		out.Files[file.Path] = fingerprint(file)
	}
	return out
}

// fingerprint tells two versions of one file apart; 64 bits do for that.
func fingerprint(f flake.File) string {
	h := sha256.New()
	kind := "file "
	switch {
	case f.Link != "":
		kind = "link " + f.Link
	case f.Executable:
		kind = "exec "
	}
	_, _ = h.Write([]byte(kind)) // a hash takes everything
	_, _ = h.Write(f.Data)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Hosts are the plans of all hosts of d by name.
func (d *Document) Hosts() map[string]deploy.HostPlan {
	hosts := map[string]deploy.HostPlan{}
	for _, p := range d.Stages {
		for _, h := range p.Hosts {
			hosts[h.Host] = h
		}
	}
	return hosts
}

// Stage is the plan of one stage; false when it is not in d.
func (d *Document) Stage(name string) (deploy.Plan, bool) {
	for _, p := range d.Stages {
		if p.Stage == name {
			return p, true
		}
	}
	return deploy.Plan{}, false
}

// Names are the hosts of d, by stage and as each plan lists them.
func (d *Document) Names() []string {
	var names []string
	for _, p := range d.Stages {
		for _, h := range p.Hosts {
			names = append(names, h.Host)
		}
	}
	return names
}

// Unsavable says, host by host, why plans cannot be saved; none: they can. Only
// a host that was read, has no problem and whose wanted toplevel is known can be
// brought to exactly that. One that cannot is not left out in silence: nobody
// shall believe that a file covers it.
func Unsavable(plans []deploy.Plan) []*deploy.Problem {
	var problems []*deploy.Problem
	for _, p := range plans {
		for _, h := range p.Hosts {
			switch {
			case h.Problem != nil:
				problems = append(problems, h.Problem)
			case h.Observed == nil || h.Change == deploy.ChangeUnknown || h.Change == deploy.ChangeBlocked:
				problems = append(problems, &deploy.Problem{
					Code: deploy.CodeUnreachable, Host: h.Host, Step: deploy.StepInspect,
					What: "it was not read, so what it is now cannot be saved", State: "not touched",
				})
			case h.Wanted == "":
				problems = append(problems, &deploy.Problem{
					Code: deploy.CodeEvaluation, Host: h.Host, Step: deploy.StepDryBuild,
					What:  "which system it is to get is not known, so the plan cannot be saved",
					State: "not touched",
					Next:  "leave out --quick: the host evaluates then",
				})
			}
		}
	}
	return problems
}
