package e2e

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// fate is where a host is in the end.
type fate string

const (
	older  fate = "old"
	newer  fate = "new"
	either fate = "old or new" // who is quicker decides: the guard, or who resumes
)

// place is a point of a run at which the power of its host is cut.
type place struct {
	name    string
	reached func(s scene) bool
	hold    func(s *lab.System) // keeps the run there
	checks  string              // of the stage, "" for the usual ones
	// What has to become of the host, by activation. With switch it may boot the
	// new system from the boot loader's entry on; with test-first only from the
	// confirmation on.
	bySwitch, byTestFirst fate
}

// scene is what can be seen of a run from outside.
type scene struct {
	root   string // of the host
	before lab.Links
	watch  *watch
}

func (s scene) there(pattern string) bool {
	found, _ := filepath.Glob(filepath.Join(s.root, pattern)) // the patterns are well formed
	return len(found) > 0
}

func (s scene) says(path, text string) bool {
	content, err := os.ReadFile(filepath.Join(s.root, path))
	return err == nil && strings.Contains(string(content), text)
}

func (s scene) event(step deploy.Step) bool { return s.watch.has(deploy.EventStepStarted, step) }

func (s scene) claim(who string) bool {
	link, err := os.Readlink(filepath.Join(s.root, active, "claim"))
	return err == nil && link == who
}

const (
	stateDir = "var/lib/nixdeploy"
	active   = stateDir + "/active"
)

func holdBuild(s *lab.System) { s.BuildWaitsFor = "/run/go-on" }

// holdActivation holds a switch, but not the activation of the boot after it.
func holdActivation(s *lab.System) {
	s.Activation += "\n[ \"$NIXOS_ACTION\" = boot ] || until [ -e /run/go-on ]; do sleep 0.05; done"
}

func failUnit(s *lab.System) { s.FailingUnit = true }

// places are in the order of a run. Until the run folder is in its place nothing
// is armed, so nothing can have changed; from the claim on, the claim decides.
func places() []place {
	return []place{
		{name: "connect", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.event(deploy.StepConnect) }},
		{name: "inspected", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.event(deploy.StepInspect) }},
		{name: "locked", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.there("run/nixdeploy/lease") }},
		{name: "uploading", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.there(stateDir + "/uploads/.[0-9A-Z]*") }},
		{name: "dry-build", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.event(deploy.StepBuild) }},
		{name: "building", bySwitch: older, byTestFirst: older, hold: holdBuild, reached: func(s scene) bool { return s.there(stateDir + "/build-*") }},
		{name: "arming, not yet durable", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.there(stateDir + "/arming/meta") }},
		{name: "armed", bySwitch: older, byTestFirst: older, reached: func(s scene) bool { return s.there(active+"/meta") && !s.there(active+"/started") }},
		{name: "switch sent", bySwitch: older, byTestFirst: older, hold: holdActivation, reached: func(s scene) bool {
			return s.there(active+"/started") && !s.says(active+"/switch.log", "+ ")
		}},
		{name: "profile set, loader not", bySwitch: older, byTestFirst: older, reached: func(s scene) bool {
			link, err := os.Readlink(filepath.Join(s.root, "nix/var/nix/profiles/system"))
			return err == nil && link != s.before.ProfileLink
		}},
		{name: "activating", bySwitch: either, byTestFirst: older, hold: holdActivation, reached: func(s scene) bool {
			return s.says(active+"/switch.log", "activating the configuration")
		}},
		{name: "switched", bySwitch: either, byTestFirst: older, checks: waitingCheck, reached: func(s scene) bool { return s.there(active + "/switch.rc") }},
		{name: "health", bySwitch: either, byTestFirst: older, checks: waitingCheck, reached: func(s scene) bool { return s.event(deploy.StepHealth) }},
		{name: "confirm claimed", bySwitch: newer, byTestFirst: either, reached: func(s scene) bool { return s.claim("confirm") }},
		{name: "confirm recorded", bySwitch: newer, byTestFirst: newer, reached: func(s scene) bool { return s.there(stateDir + "/records/*") }},
		{name: "confirmed, not closed", bySwitch: newer, byTestFirst: newer, reached: func(s scene) bool { return s.says(active+"/result", "confirmed") }},
		{name: "closed", bySwitch: newer, byTestFirst: newer, reached: func(s scene) bool { return s.there(stateDir + "/done/*/result") }},
		{name: "soak", bySwitch: newer, byTestFirst: newer, checks: "soak = \"3s\"\n", reached: func(s scene) bool { return s.watch.has(deploy.EventSoakStarted, "") }},
		{name: "return claimed", bySwitch: older, byTestFirst: older, hold: failUnit, reached: func(s scene) bool { return s.claim("return") }},
		{name: "return half done", bySwitch: older, byTestFirst: older, hold: failUnit, reached: func(s scene) bool { return s.says(active+"/log", "+ ") }},
		{name: "returned, not closed", bySwitch: older, byTestFirst: older, hold: failUnit, reached: func(s scene) bool { return s.says(active+"/result", "returned") }},
	}
}

func (p place) want(mode string) fate {
	if mode == "switch" {
		return p.bySwitch
	}
	return p.byTestFirst
}
