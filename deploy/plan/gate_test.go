package plan_test

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
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
