package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// standing is where a host is, read from its own files and past nixdeploy.
type standing struct {
	links       lab.Links
	generations map[string]string // system-2-link -> store path
	left        []string          // what is there of a run that is not resolved
	lease       string            // run that holds the short lock, "" for none
	activations []string          // what the fixture's own activation script wrote: a store path each time
}

// rememberActivation makes a system write down each switch to itself, out of
// nixdeploy's sight. A boot activates, too, and is none.
const rememberActivation = `[ "$NIXOS_ACTION" = boot ] || echo "$systemConfig" >>/var/lib/activations`

func standingOf(h *lab.Host) standing {
	s := standing{links: h.Links(), generations: map[string]string{}}
	root := h.Root()
	profiles, _ := filepath.Glob(filepath.Join(root, "nix/var/nix/profiles/system-*-link"))
	for _, link := range profiles {
		s.generations[filepath.Base(link)], _ = os.Readlink(link)
	}
	for _, pattern := range []string{
		"var/lib/nixdeploy/active", "etc/systemd/system.control/nixdeploy-guard.service",
		"etc/systemd/system.control/*.wants/nixdeploy-guard.service",
	} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are well formed
		for _, path := range found {
			s.left = append(s.left, strings.TrimPrefix(path, root))
		}
	}
	if lease, err := os.ReadFile(filepath.Join(root, "run/nixdeploy/lease")); err == nil {
		s.lease, _, _ = strings.Cut(string(lease), " ")
	}
	log, _ := os.ReadFile(filepath.Join(root, "var/lib/activations"))
	s.activations = strings.Fields(string(log))
	return s
}

// release is the one that the host is wholly on, "" when it is between two.
func (s standing) release() string {
	l := s.links
	if l.Profile == "" || l.Running != l.Profile || l.NextBoot != l.Profile {
		return ""
	}
	return releaseOf(l.Profile)
}

// releaseOf is the number in a toplevel's name: 24.11.7 is release 7.
func releaseOf(toplevel string) string {
	_, number, _ := strings.Cut(toplevel, "-24.11.")
	return number
}

func (s standing) activated(system string) int {
	n := 0
	for _, a := range s.activations {
		if a == system {
			n++
		}
	}
	return n
}

// settling is what there is to judge of one host after its run was settled.
type settling struct {
	before, after standing
	wanted        string       // release that the run was to bring
	dead          []string     // runs that were killed: their leases run out by themselves
	state         deploy.State // by nixdeploy's own account, "" for none
	anew          bool         // it was returned, and a later run has switched it anew
	cutOff        bool         // its power was cut, maybe between a decision and the removal of the guard's unit
}

// isBack reports whether the host is exactly on its record. What it booted may
// have changed by a power cut, and by nothing else.
func (s settling) isBack() bool {
	recorded := s.before.links
	recorded.Booted = s.after.links.Booted
	return s.after.links == recorded
}

// isNew reports whether the host is wholly on the wanted release.
func (s settling) isNew() bool { return s.after.release() == s.wanted }

// violations holds a settled host against what was promised for it.
func (s settling) violations() []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	back := s.isBack()
	switch {
	case !back && !s.isNew():
		say("neither on its record nor wholly on the new system: %+v, was %+v", s.after.links, s.before.links)
	case s.state == deploy.StateConfirmed && !s.isNew(), s.state == deploy.StateReturned && !back, s.state == deploy.StateUntouched && !back:
		say("said to be %s, and is on %+v", s.state, s.after.links)
	case s.state != "" && !s.state.Final(), s.state == deploy.StateStranded:
		say("left %s", s.state)
	}
	if len(s.after.left) > 0 && !(s.cutOff && !slices.Contains(s.after.left, "/"+active)) { // a unit without a run folder is skipped at boot
		say("left behind: %s", strings.Join(s.after.left, " "))
	}
	if s.after.lease != "" && !slices.Contains(s.dead, s.after.lease) {
		say("locked by run %s", s.after.lease)
	}
	for _, link := range slices.Sorted(maps.Keys(s.before.generations)) {
		if was, is := s.before.generations[link], s.after.generations[link]; is != was {
			say("%s was %s and is %q", link, was, is)
		}
	}
	for _, link := range slices.Sorted(maps.Keys(s.after.generations)) {
		if is := s.after.generations[link]; s.before.generations[link] == "" && releaseOf(is) != s.wanted {
			say("%s is new and leads to %s", link, is)
		}
	}
	for _, system := range slices.Compact(slices.Sorted(slices.Values(s.after.activations))) {
		n := s.after.activated(system) - s.before.activated(system)
		if releaseOf(system) == s.wanted && (n > 2 || n > 1 && !s.anew) {
			say("switched %d times to %s", n, system)
		}
	}
	return found
}

// An oracle that finds nothing proves nothing.
func TestTheOracleFindsWhatItLooksFor(t *testing.T) {
	on := func(link, system string) lab.Links {
		return lab.Links{ProfileLink: link, Profile: system, Running: system, NextBoot: system}
	}
	older, newer := "/nix/store/a-nixos-system-h-24.11.1", "/nix/store/b-nixos-system-h-24.11.2"
	before := standing{links: on("system-1-link", older), generations: map[string]string{"system-1-link": older}, activations: []string{older}}
	settled := standing{
		links: on("system-2-link", newer), generations: map[string]string{"system-1-link": older, "system-2-link": newer},
		activations: []string{older, newer},
	}
	for name, c := range map[string]struct {
		change func(s *settling)
		want   string
	}{
		"confirmed":         {func(*settling) {}, ""},
		"returned":          {func(s *settling) { s.after, s.state = before, deploy.StateReturned }, ""},
		"between the two":   {func(s *settling) { s.after.links.NextBoot = older }, "neither on its record"},
		"another link":      {func(s *settling) { s.after.links = on("system-3-link", older) }, "neither on its record"},
		"a false returned":  {func(s *settling) { s.state = deploy.StateReturned }, "said to be returned"},
		"a false confirmed": {func(s *settling) { s.after = before }, "said to be confirmed"},
		"undecided":         {func(s *settling) { s.state = deploy.StateInFlight }, "left in-flight"},
		"stranded":          {func(s *settling) { s.state = deploy.StateStranded }, "left stranded"},
		"a guard":           {func(s *settling) { s.after.left = []string{"/var/lib/nixdeploy/active"} }, "left behind"},
		"only its unit":     {func(s *settling) { s.after.left = []string{"/etc/systemd/system.control/nixdeploy-guard.service"} }, "left behind"},
		"its unit, cut off": {func(s *settling) {
			s.after.left, s.cutOff = []string{"/etc/systemd/system.control/nixdeploy-guard.service"}, true
		}, ""},
		"armed, cut off":    {func(s *settling) { s.after.left, s.cutOff = []string{"/var/lib/nixdeploy/active"}, true }, "left behind"},
		"a lock":            {func(s *settling) { s.after.lease = "RUN2" }, "locked by run RUN2"},
		"its own lease":     {func(s *settling) { s.after.lease = "RUN1" }, ""},
		"a lost generation": {func(s *settling) { delete(s.after.generations, "system-1-link") }, "system-1-link was"},
		"one too many":      {func(s *settling) { s.after.generations["system-3-link"] = older }, "system-3-link is new"},
		"switched twice":    {func(s *settling) { s.after.activations = append(s.after.activations, newer) }, "switched 2 times"},
		"switched anew":     {func(s *settling) { s.after.activations, s.anew = append(s.after.activations, newer), true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := settling{before: before, after: settled, wanted: "2", dead: []string{"RUN1"}, state: deploy.StateConfirmed}
			s.after.generations = maps.Clone(settled.generations)
			s.after.activations = slices.Clone(settled.activations)
			c.change(&s)
			got := strings.Join(s.violations(), "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
