package plan_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

const flakeHash = "sha256-wanted"

// recorded is a host that was read: its record and what it runs now.
func recorded(hash, toplevel, running string) deploy.HostPlan {
	return deploy.HostPlan{Observed: &deploy.Observation{
		Links:    deploy.Links{Running: running},
		Recorded: &deploy.Record{FlakeHash: hash, Toplevel: toplevel},
	}}
}

func proven() deploy.HostPlan { return recorded(flakeHash, "/nix/store/t", "/nix/store/t") }

func ago(d time.Duration) *int64 {
	seconds := int64(d / time.Second)
	return &seconds
}

func unread(code deploy.Code, what string) deploy.HostPlan {
	return deploy.HostPlan{Problem: &deploy.Problem{Code: code, What: what}}
}

func gateInput() plan.GateInput {
	return plan.GateInput{
		Order: []string{"container", "dev", "prod"},
		Stage: "prod",
		Hosts: map[string][]string{"container": {"box-1"}, "dev": {"dev-2", "dev-1"}, "prod": {"web-1"}},
		Flake: flakeHash,
		Seen:  map[string]deploy.HostPlan{"box-1": proven(), "dev-1": proven(), "dev-2": proven()},
		Done:  map[string]deploy.Outcome{},
	}
}

func TestGate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*plan.GateInput)
		open   bool
		why    string // of dev-1, when the gate is closed by it
	}{
		{"every host of every earlier stage is proven", func(*plan.GateInput) {}, true, ""},
		{"the first stage waits for nobody", func(in *plan.GateInput) { in.Stage, in.Seen = "container", nil }, true, ""},
		{"an unknown stage never opens", func(in *plan.GateInput) { in.Stage = "staging" }, false, ""},
		{"no record", func(in *plan.GateInput) {
			in.Seen["dev-1"] = deploy.HostPlan{Observed: &deploy.Observation{}}
		}, false, "never confirmed"},
		{"a record of another flake", func(in *plan.GateInput) {
			in.Seen["dev-1"] = recorded("sha256-other", "/nix/store/t", "/nix/store/t")
		}, false, "never confirmed"},
		{"confirmed, then something else was switched to", func(in *plan.GateInput) {
			in.Seen["dev-1"] = recorded(flakeHash, "/nix/store/t", "/nix/store/other")
		}, false, "runs another system"},
		{"a record without a toplevel and nothing read as running prove nothing", func(in *plan.GateInput) {
			in.Seen["dev-1"] = recorded(flakeHash, "", "")
		}, false, "runs another system"},
		{"unreachable", func(in *plan.GateInput) {
			in.Seen["dev-1"] = unread(deploy.CodeUnreachable, "10.0.0.9:22 timed out")
		}, false, "unreachable: 10.0.0.9:22 timed out"},
		{"could not be read", func(in *plan.GateInput) {
			in.Seen["dev-1"] = unread(deploy.CodeElevate, "sudo wants a password")
		}, false, "could not be read"},
		{"a host with the right record under the wrong identity", func(in *plan.GateInput) {
			hp := proven()
			hp.Problem = &deploy.Problem{Code: deploy.CodeIdentity, What: "is dev-9"}
			in.Seen["dev-1"] = hp
		}, false, "refused: is dev-9"},
		{"a problem that is not of identity leaves the record true", func(in *plan.GateInput) {
			hp := proven()
			hp.Problem = &deploy.Problem{Code: deploy.CodeLocked, What: "held by anna"}
			in.Seen["dev-1"] = hp
		}, true, ""},
		{"confirmed, but not soaked", func(in *plan.GateInput) {
			hp := proven()
			hp.Problem = &deploy.Problem{Code: deploy.CodeInconclusive, Step: deploy.StepSoak, What: "broken off"}
			in.Seen["dev-1"] = hp
		}, false, "not soaked: broken off"},
		{"a unit failed since", func(in *plan.GateInput) {
			in.Units = map[string]bool{"dev-1": true}
			in.Seen["dev-1"].Observed.FailedUnits = []string{"old.service", "web.service"}
			in.Seen["dev-1"].Observed.Recorded.Failed = []string{"old.service"}
		}, false, "has failed since it was confirmed: web.service"},
		{"a unit failed since that no check looks at", func(in *plan.GateInput) {
			in.Seen["dev-1"].Observed.FailedUnits = []string{"web.service"}
		}, true, ""},
		{"a unit was failed before", func(in *plan.GateInput) {
			in.Units = map[string]bool{"dev-1": true}
			in.Seen["dev-1"].Observed.FailedUnits = []string{"old.service"}
			in.Seen["dev-1"].Observed.Recorded.Failed = []string{"old.service"}
		}, true, ""},
		{"confirmed by a run whose soak may still go on", func(in *plan.GateInput) {
			in.Policies = map[string]inventory.Stage{"dev": {Soak: 10 * time.Minute}}
			in.Seen["dev-1"].Observed.ConfirmedAgo = ago(9 * time.Minute)
			in.Seen["dev-2"].Observed.ConfirmedAgo = ago(10*time.Minute - time.Second)
		}, false, "not soaked: confirmed 540 s ago by its own clock, and its stage soaks for 10m0s"},
		{"its clock went back since it was confirmed", func(in *plan.GateInput) {
			in.Policies = map[string]inventory.Stage{"dev": {Soak: 10 * time.Minute}}
			in.Seen["dev-1"].Observed.ConfirmedAgo = ago(-time.Hour)
		}, false, "not soaked"},
		{"confirmed just now, in a stage without a soak", func(in *plan.GateInput) {
			in.Seen["dev-1"].Observed.ConfirmedAgo = ago(0)
		}, true, ""},
		{"unchanged, in a stage that soaks", func(in *plan.GateInput) {
			in.Policies = map[string]inventory.Stage{"dev": {Soak: 10 * time.Minute}}
		}, true, ""},
		{"nobody looked", func(in *plan.GateInput) { delete(in.Seen, "dev-1") }, false, "not read"},
		{"confirmed in this run", func(in *plan.GateInput) {
			delete(in.Seen, "dev-1")
			in.Done["dev-1"] = deploy.Outcome{State: deploy.StateConfirmed}
		}, true, ""},
		{"unchanged and healthy in this run", func(in *plan.GateInput) {
			in.Done["dev-1"] = deploy.Outcome{State: deploy.StateUnchanged}
		}, true, ""},
		{"unchanged and unhealthy: this run's finding beats the old record", func(in *plan.GateInput) {
			in.Done["dev-1"] = deploy.Outcome{State: deploy.StateUnchanged, Problem: &deploy.Problem{Code: deploy.CodeHealth}}
		}, false, "failed in this run"},
		{"returned in this run", func(in *plan.GateInput) {
			in.Done["dev-1"] = deploy.Outcome{State: deploy.StateReturned}
		}, false, "failed in this run"},
		{"waits for a reboot", func(in *plan.GateInput) {
			in.Done["dev-1"] = deploy.Outcome{State: deploy.StateRebootPending}
		}, false, "reboot-pending"},
		{"skipped in this run", func(in *plan.GateInput) {
			in.Done["dev-1"] = deploy.Outcome{State: deploy.StateSkipped}
		}, false, "skipped"},
		{"a run with this flake was returned there since", func(in *plan.GateInput) {
			in.Seen["dev-1"].Observed.Failed = &deploy.FailedRun{Run: "R7", Result: deploy.ResultReturned}
		}, false, "failed with this flake: run R7 was returned"},
		{"it went back after its confirmation", func(in *plan.GateInput) {
			in.Seen["dev-1"].Observed.Failed = &deploy.FailedRun{Run: "R7", Result: deploy.ResultConfirmed}
		}, false, "failed with this flake: run R7 went back after its confirmation"},
		{"a run with it is stranded there", func(in *plan.GateInput) {
			in.Seen["dev-1"].Observed.Active = &deploy.ActiveRun{Run: "R8", FlakeHash: flakeHash, Result: deploy.ResultStranded}
		}, false, "failed with this flake: run R8 left it stranded"},
		{"another run is at work there", func(in *plan.GateInput) {
			in.Seen["dev-1"].Observed.Active = &deploy.ActiveRun{Run: "R8", Operator: "bob@desk", FlakeHash: "other"}
		}, false, "run R8 of bob@desk is not decided there"},
		{"an empty stage opens no gate", func(in *plan.GateInput) { in.Hosts["dev"] = nil }, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := gateInput()
			c.change(&in)
			g := plan.Gate(in)
			if g.Open != c.open {
				t.Fatalf("open = %v, want %v: %+v", g.Open, c.open, g)
			}
			if c.why == "" {
				return
			}
			dev := g.Before[1]
			if len(dev.Missing) != 1 || dev.Missing[0] != "dev-1" || !strings.Contains(dev.Why["dev-1"], c.why) {
				t.Errorf("missing %v because %q, want dev-1 because %q", dev.Missing, dev.Why["dev-1"], c.why)
			}
			if len(dev.Proven) != 1 || dev.Proven[0] != "dev-2" {
				t.Errorf("proven %v, want dev-2", dev.Proven)
			}
		})
	}
}

func TestOverrideIsRecordedOnlyWhereItWasNeeded(t *testing.T) {
	in := gateInput()
	in.Override = "dev-1 is in repair"
	if g := plan.Gate(in); !g.Open || g.Override != "" {
		t.Errorf("a proven gate was overridden: %+v", g)
	}
	in.Seen["dev-1"] = unread(deploy.CodeUnreachable, "timed out")
	g := plan.Gate(in)
	if !g.Open || g.Override != in.Override {
		t.Errorf("the override did not open the gate: %+v", g)
	}
	if len(g.Before[1].Missing) != 1 {
		t.Errorf("what was overridden is lost: %+v", g.Before)
	}
	in.Hosts["dev"] = nil
	if g := plan.Gate(in); !g.Open {
		t.Errorf("an empty stage cannot be overridden: %+v", g)
	}
}

func TestOverrideDoesNotExcuseAFailureOfThisRun(t *testing.T) {
	in := gateInput()
	in.Override = "hurry"
	in.Done["box-1"] = deploy.Outcome{State: deploy.StateReturned}
	if g := plan.Gate(in); g.Open || g.Override != "" {
		t.Errorf("the gate opened over a host that this run returned: %+v", g)
	}
}

func TestNeeded(t *testing.T) {
	for _, c := range []struct {
		share       inventory.Share
		hosts, want int
	}{
		{inventory.Share{}, 5, 5},
		{percent(100), 5, 5},
		{percent(80), 5, 4},
		{percent(81), 5, 5},
		{percent(1), 5, 1},
		{percent(50), 3, 2},
		{percent(34), 3, 2},
		{percent(99), 1, 1},
		{count(2), 5, 2},
		{count(9), 5, 5},
		{percent(50), 0, 0},
	} {
		if got := plan.Needed(c.share, c.hosts); got != c.want {
			t.Errorf("%v of %d hosts are %d, want %d", c.share, c.hosts, got, c.want)
		}
	}
}

// A share opens the gate without some hosts, but never with one that failed.
func TestGateShare(t *testing.T) {
	silent := unread(deploy.CodeUnreachable, "timed out")
	failed := proven()
	failed.Observed.Failed = &deploy.FailedRun{Run: "R7", Result: deploy.ResultReturned}
	for _, c := range []struct {
		name  string
		share inventory.Share
		hosts map[string]deploy.HostPlan // of dev
		done  map[string]deploy.Outcome
		open  bool
	}{
		{"half of two", percent(50), map[string]deploy.HostPlan{"dev-1": silent, "dev-2": proven()}, nil, true},
		{"a number of two", count(1), map[string]deploy.HostPlan{"dev-1": silent, "dev-2": proven()}, nil, true},
		{"51 % of two are both", percent(51), map[string]deploy.HostPlan{"dev-1": silent, "dev-2": proven()}, nil, false},
		{"none of two", percent(50), map[string]deploy.HostPlan{"dev-1": silent, "dev-2": silent}, nil, false},
		{"one failed since", percent(50), map[string]deploy.HostPlan{"dev-1": failed, "dev-2": proven()}, nil, false},
		{"one failed in this run", percent(50), map[string]deploy.HostPlan{"dev-2": proven()}, map[string]deploy.Outcome{"dev-1": {State: deploy.StateReturned}}, false},
		{"one was away in this run", percent(50), map[string]deploy.HostPlan{"dev-2": proven()},
			map[string]deploy.Outcome{"dev-1": {State: deploy.StateUntouched, Problem: silent.Problem}}, true},
		{"one did not evaluate in this run", percent(50), map[string]deploy.HostPlan{"dev-2": proven()},
			map[string]deploy.Outcome{"dev-1": {State: deploy.StateUntouched, Problem: &deploy.Problem{Code: deploy.CodeEvaluation}}}, false},
		{"one waits for a reboot", percent(50), map[string]deploy.HostPlan{"dev-2": proven()}, map[string]deploy.Outcome{"dev-1": {State: deploy.StateRebootPending}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := gateInput()
			in.Policies = map[string]inventory.Stage{"dev": {Gate: c.share}}
			in.Done = c.done
			delete(in.Seen, "dev-1")
			maps.Copy(in.Seen, c.hosts)
			if g := plan.Gate(in); g.Open != c.open || len(g.Before[1].Missing) == 0 {
				t.Errorf("open is %v: %+v", g.Open, g.Before[1])
			}
		})
	}
}

func TestFrozenAndShutStages(t *testing.T) {
	window, err := inventory.ParseWindow("Mon-Thu 09:00-16:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	in := gateInput()
	in.Now = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	in.Policies = map[string]inventory.Stage{"prod": {Frozen: "sale"}}
	if g := plan.Gate(in); g.Open || g.Frozen != "sale" {
		t.Errorf("a frozen stage is open: %+v", g)
	}
	in.Stage = "dev"
	if g := plan.Gate(in); !g.Open {
		t.Errorf("another stage is frozen with it: %+v", g)
	}
	in.Stage = "prod"
	in.Policies = map[string]inventory.Stage{"prod": {Windows: []inventory.Window{window}}}
	g := plan.Gate(in)
	if g.Open || g.Shut == "" || !g.Opens.Equal(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("outside of the window: %+v", g)
	}
	in.Override = "hotfix"
	if g := plan.Gate(in); !g.Open || g.Override != "hotfix" || g.Shut == "" {
		t.Errorf("overridden: %+v", g)
	}
	in.Override, in.Now = "", in.Now.Add(14*time.Hour)
	if g := plan.Gate(in); !g.Open || g.Shut != "" || !g.Opens.IsZero() {
		t.Errorf("in the window: %+v", g)
	}
}
