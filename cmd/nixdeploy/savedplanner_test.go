package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// savedProd is a saved plan of a stage with a canary, made with --parallel 1.
func savedProd(t *testing.T) (*saved, *inventory.Inventory) {
	t.Helper()
	inv, err := inventory.Parse("hosts.toml", []byte(testInventory+"[stages.prod]\nbatches = [1, \"100%\"]\nparallel = 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	policy, _ := inv.StageByName("prod")
	policy.Parallel, policy.Approval = 1, true
	host := func(name string, wave int) deploy.HostPlan {
		return deploy.HostPlan{
			Host: name, Wave: wave, Change: deploy.ChangeSwitch, Wanted: "/nix/store/new-" + name, Observed: observation(name),
			Build: []string{"/nix/store/a.drv"}, Difference: &deploy.Difference{Reboot: []string{"kernel"}},
		}
	}
	return &saved{planFile: &planFile{Document: &savedplan.Document{Stages: []deploy.Plan{{
		Stage: "prod", Policy: policy, Waves: [][]string{{"web-1"}, {"web-2"}}, Budget: 1, AtMost: 24 * time.Hour,
		Hosts: []deploy.HostPlan{host("web-1", 1), host("web-2", 2)},
	}}}}}, inv
}

// A host that cannot begin is planned last, elsewhere; here it keeps its wave.
func TestASavedPlanKeepsItsWaves(t *testing.T) {
	s, inv := savedProd(t)
	gone := &deploy.Problem{Code: deploy.CodeUnreachable, Host: "web-1"}
	p := savedPlanner{Planner: plan.Planner{Inventory: s.policies(inv), Limits: plan.Limits{LockWait: time.Minute}}, saved: s}
	got := p.Stage("prod", []deploy.HostPlan{
		{Host: "web-1", Change: deploy.ChangeUnknown, Problem: gone},
		{Host: "web-2", Change: deploy.ChangeSwitch, Wanted: "/nix/store/new-web-2", Observed: observation("now")},
	}, deploy.Gate{Open: true})
	if diff := cmp.Diff([][]string{{"web-1"}, {"web-2"}}, got.Waves); diff != "" {
		t.Errorf("waves:\n%s", diff)
	}
	if got.Budget != 0 || got.AtMost != 24*time.Hour+time.Minute || got.Policy.Parallel != 1 || !got.Gate.Open {
		t.Errorf("%+v", got)
	}
	first, second := got.Hosts[0], got.Hosts[1]
	if first.Host != "web-1" || first.Wave != 1 || first.Problem != gone || first.Wanted != "/nix/store/new-web-1" {
		t.Errorf("%+v", first)
	}
	if second.Wave != 2 || second.Observed.MachineID != "now" || len(second.Build) != 1 ||
		!slices.Contains(second.Notes, "needs a reboot for another kernel") {
		t.Errorf("what is now and what was planned are not together: %+v", second)
	}
}

func TestASavedPlanKeepsItsPolicies(t *testing.T) {
	s, inv := savedProd(t)
	own := s.policies(inv)
	prod, _ := own.StageByName("prod")
	dev, _ := own.StageByName("dev")
	if prod.Approval {
		t.Error("an approval is asked for that hosts.toml does not ask for")
	}
	if was, _ := inv.StageByName("prod"); prod.Parallel != 1 || was.Parallel != 7 || dev.Parallel != 10 {
		t.Errorf("prod %d at once, dev %d; the inventory itself says %d", prod.Parallel, dev.Parallel, was.Parallel)
	}
}

// A file that was edited by hand names hosts where they are not.
func TestAPlanHasToFitItsInventory(t *testing.T) {
	s, inv := savedProd(t)
	if err := s.misplaced(inv); err != nil {
		t.Error(err)
	}
	s.Stages[0].Hosts[1].Host = "dev-1"
	if err := s.misplaced(inv); err == nil {
		t.Error("a host of another stage is taken")
	}
	s.Stages[0].Hosts[1].Host = "nosuch"
	if err := s.misplaced(inv); err == nil {
		t.Error("a host that nobody has is taken")
	}
}
