package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
)

const (
	confirmed = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-nixos-system-web-1-26.05"
	theirs    = "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-nixos-system-web-1-26.05"
	third     = "/nix/store/cccccccccccccccccccccccccccccccc-nixos-system-web-1-26.05"
)

func TestStanding(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *deploy.Observation)
		want   deploy.Standing
	}{
		"as confirmed": {func(*deploy.Observation) {}, deploy.Standing{Condition: deploy.ConditionHealthy}},
		"switched by hand": {
			func(o *deploy.Observation) {
				o.ProfileLink, o.Profile, o.Running, o.NextBoot = "system-43-link", theirs, theirs, theirs
			},
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftRunning, deploy.DriftProfile, deploy.DriftNextBoot},
				How: "was switched by hand: generation 43, confirmed was 42",
			},
		},
		"rolled back by hand": {
			func(o *deploy.Observation) {
				o.ProfileLink, o.Profile, o.Running, o.NextBoot = "system-41-link", theirs, theirs, theirs
			},
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftRunning, deploy.DriftProfile, deploy.DriftNextBoot},
				How: "was rolled back by hand: generation 41, confirmed was 42",
			},
		},
		"switched, of a record without its generation": {
			func(o *deploy.Observation) {
				o.ProfileLink, o.Profile, o.Running, o.NextBoot, o.Last.ProfileLink = "system-41-link", theirs, theirs, theirs, ""
			},
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftRunning, deploy.DriftProfile, deploy.DriftNextBoot},
				How: "was switched by hand to generation 41",
			},
		},
		"booted into an older generation": {
			func(o *deploy.Observation) { o.Booted, o.Running = theirs, theirs },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftRunning},
				How: "was booted into another system than the confirmed one",
			},
		},
		"tested by hand": {
			func(o *deploy.Observation) { o.Running = theirs },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftRunning},
				How: "runs another system than the confirmed one, which its profile still is: activated by hand (nixos-rebuild test), gone with the next boot",
			},
		},
		"profile moved and not activated": {
			func(o *deploy.Observation) { o.ProfileLink, o.Profile, o.NextBoot = "system-43-link", theirs, theirs },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftProfile, deploy.DriftNextBoot},
				How: "its profile was moved to generation 43, which is not activated (nixos-rebuild boot): the next boot starts it",
			},
		},
		"profile moved alone": {
			func(o *deploy.Observation) { o.ProfileLink, o.Profile = "x", theirs },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftProfile},
				How: "its profile was moved to another generation, which neither runs nor boots next",
			},
		},
		"three systems": {
			func(o *deploy.Observation) { o.Running, o.Profile = theirs, third },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftRunning, deploy.DriftProfile},
				How: "runs one system, and its profile is another: neither is the confirmed one",
			},
		},
		"another next boot": {
			func(o *deploy.Observation) { o.NextBoot = theirs },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftNextBoot},
				How: "the boot loader starts another system than the confirmed one",
			},
		},
		"a next boot that cannot be read": {
			func(o *deploy.Observation) { o.NextBoot = "" },
			deploy.Standing{Condition: deploy.ConditionHealthy},
		},
		"away and back": {
			func(o *deploy.Observation) { o.ProfileLink = "system-44-link" },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftGeneration},
				How: "is on the confirmed system, but as generation 44 and not generation 42: switched away and back by hand",
			},
		},
		"a generation that is not recorded": {
			func(o *deploy.Observation) { o.Last.ProfileLink = "" },
			deploy.Standing{Condition: deploy.ConditionHealthy},
		},
		"somebody switches": {
			func(o *deploy.Observation) {
				o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignUpgradeDue}, {Kind: deploy.ForeignSwitch}}
			},
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftSwitch}, How: "a switch that is not nixdeploy's is under way",
			},
		},
		"an upgrade that is due": {
			func(o *deploy.Observation) { o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignUpgradeDue}} },
			deploy.Standing{Condition: deploy.ConditionHealthy},
		},
		"units failed since": {
			func(o *deploy.Observation) { o.FailedUnits = []string{"new.service", "old.service"} },
			deploy.Standing{Condition: deploy.ConditionFailedUnits, Failed: []string{"new.service"}, FailedBefore: []string{"old.service"}},
		},
		"units failed when it was confirmed": {
			func(o *deploy.Observation) { o.FailedUnits = []string{"old.service"} },
			deploy.Standing{Condition: deploy.ConditionHealthy, FailedBefore: []string{"old.service"}},
		},
		"drift counts before failed units": {
			func(o *deploy.Observation) { o.NextBoot, o.FailedUnits = theirs, []string{"new.service"} },
			deploy.Standing{
				Condition: deploy.ConditionDrift, Drift: []deploy.DriftKind{deploy.DriftNextBoot}, Failed: []string{"new.service"},
				How: "the boot loader starts another system than the confirmed one",
			},
		},
		"a kernel waits for a reboot": {
			func(o *deploy.Observation) { o.Booted, o.RebootPending = theirs, true },
			deploy.Standing{Condition: deploy.ConditionRebootPending},
		},
		"an unresolved run": {
			func(o *deploy.Observation) { o.Active, o.Running = &deploy.ActiveRun{Run: "RUN2"}, theirs },
			deploy.Standing{Condition: deploy.ConditionUnresolved},
		},
		"never confirmed": {
			func(o *deploy.Observation) { o.Last, o.RebootPending = nil, true },
			deploy.Standing{Condition: deploy.ConditionUnconfirmed},
		},
		"never confirmed, with failed units": {
			func(o *deploy.Observation) { o.Last, o.FailedUnits = nil, []string{"old.service"} },
			deploy.Standing{Condition: deploy.ConditionFailedUnits, Failed: []string{"old.service"}},
		},
	} {
		o := deploy.Observation{
			Links: deploy.Links{
				ProfileLink: "system-42-link", Profile: confirmed, Running: confirmed, Booted: confirmed, NextBoot: confirmed, Reader: "grub",
			},
			Last: &deploy.Record{Toplevel: confirmed, ProfileLink: "system-42-link", Run: "RUN1", Time: time.Unix(1, 0), Failed: []string{"old.service"}},
		}
		c.change(&o)
		if diff := cmp.Diff(c.want, plan.Stand(o)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatNobodyHasToDoAnythingAbout(t *testing.T) {
	for c, good := range map[deploy.Condition]bool{
		deploy.ConditionUnresolved: false, deploy.ConditionDrift: false, deploy.ConditionFailedUnits: false,
		deploy.ConditionUnconfirmed: false, deploy.ConditionRebootPending: true, deploy.ConditionHealthy: true,
	} {
		if c.Good() != good {
			t.Errorf("%s: good is %v", c, c.Good())
		}
	}
}
