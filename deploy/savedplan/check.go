package savedplan

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

var (
	ulid      = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)
	digest    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	storePath = regexp.MustCompile(`^/nix/store/[0-9A-Za-z+._?=-]+$`)
)

// check says what of d does not hold together, and where; "" when it does. A
// file can be edited by hand, and an unsigned one proves nothing.
func (d *Document) check() (path, what string) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(d.Flake.Hash, "sha256-"))
	switch {
	case !ulid.MatchString(d.ID):
		return "id", "not the id of a plan"
	case d.Fleet == "":
		return "fleet", "empty"
	case !digest.MatchString(d.Inventory.Hash):
		return "inventory.hash", "not a SHA-256 in hexadecimal"
	case !digest.MatchString(d.Flake.Digest):
		return "flake.digest", "not a SHA-256 in hexadecimal"
	case err != nil || hex.EncodeToString(raw) != d.Flake.Digest:
		return "flake.hash", "not the hash that flake.digest is"
	case len(d.Stages) == 0:
		return "stages", "no stage"
	}
	seen := map[string]bool{}
	for i, p := range d.Stages {
		at := fmt.Sprintf("stages[%d]", i)
		if seen["stage "+p.Stage] || p.Stage == "" || p.Policy.Name != p.Stage {
			return at + ".stage", "not the name of one stage"
		}
		seen["stage "+p.Stage] = true
		switch {
		case p.Fleet != d.Fleet:
			return at + ".fleet", "another fleet than the file's"
		case p.Flake != d.Flake.Digest:
			return at + ".flake", "another flake than the file's"
		case p.Policy.Parallel < 1:
			return at + ".policy.parallel", "less than 1"
		case len(p.Hosts) == 0:
			return at + ".hosts", "no host"
		}
		if path, what := checkHosts(at, p, seen); what != "" {
			return path, what
		}
		for _, h := range p.Hosts {
			if d.Inventory.Hosts[h.Host] == nil {
				return "inventory.hosts", h.Host + " is missing"
			}
		}
	}
	return "", ""
}

// checkHosts wants each host once, in its wave, read, and with a known system.
func checkHosts(at string, p deploy.Plan, seen map[string]bool) (path, what string) {
	placed := 0
	for _, wave := range p.Waves {
		placed += len(wave)
	}
	if placed != len(p.Hosts) {
		return at + ".waves", "they do not hold each host once"
	}
	for i, h := range p.Hosts {
		at := fmt.Sprintf("%s.hosts[%d]", at, i)
		switch {
		case h.Host == "" || seen["host "+h.Host]:
			return at + ".host", "not the name of one host"
		case h.Wave < 1 || h.Wave > len(p.Waves) || !slices.Contains(p.Waves[h.Wave-1], h.Host):
			return at + ".wave", "not the wave that holds the host"
		case h.Problem != nil:
			return at + ".problem", "a host with a problem cannot be in a saved plan"
		case h.Observed == nil:
			return at, "observed is missing"
		case !storePath.MatchString(h.Wanted):
			return at + ".wanted", "not a store path"
		case h.Change != deploy.ChangeSwitch && h.Change != deploy.ChangeUnchanged:
			return at + ".change", "neither change nor unchanged"
		}
		seen["host "+h.Host] = true
	}
	return "", ""
}
