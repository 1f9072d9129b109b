package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// approvals are those in the journals of this machine, the newest run first.
func approvals(t *testing.T, dir string) []deploy.Approval {
	t.Helper()
	runs, err := journal.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []deploy.Approval
	for _, r := range runs {
		events, err := journal.Read(dir, r.Run)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == deploy.EventStageApproved {
				all = append(all, *e.Approval)
			}
		}
	}
	return all
}

// A stage that asks for an approval is not begun without: --yes is none, and
// neither is one of another stage or another flake. It counts from any machine.
func TestAStageThatAsksForAnApproval(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "prod", "approval = true")
	s.run(t, 0, "apply", "--stage", "container", "--yes")
	s.run(t, 0, "apply", "--stage", "dev", "--yes")
	before := s.Links()
	s.forget()
	s.run(t, 4, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
	s.says(t, "error[approval] web-1: stage prod asks for an approval of flake", "missing on web-1 web-2",
		"Next: nixdeploy approve --stage prod")
	s.unmoved(t, before)
	if n := s.count("build") + s.count("upload") + s.count("guard"); n > 0 {
		t.Errorf("%d scripts did more than read: %q", n, s.sent)
	}
	s.run(t, 0, "plan", "--stage", "prod")
	s.says(t, "Approval: missing")

	s.run(t, 0, "approve", "--stage", "prod")
	s.says(t, "is approved for stage prod by "+operator(s.app), ", on web-1 web-2", "Next: nixdeploy apply --stage prod")
	s.unmoved(t, before)
	if got := approvals(t, s.path("state")); len(got) != 1 || got[0].Stage != "prod" || got[0].By != operator(s.app) || got[0].Time.IsZero() {
		t.Errorf("the journal has %+v", got)
	}
	s.run(t, 0, "plan", "--stage", "prod", "--json")
	s.says(t, `"by": "`+operator(s.app)+`"`)

	s.elsewhere(t)
	s.run(t, 0, "apply", "--stage", "prod", "--yes")
	s.says(t, "Approval: by "+operator(s.app), "confirmed 2 web-1 web-2")

	s.run(t, 0, "rollback", "--stage", "prod", "--yes") // the way back needs none
	s.release(t, simfleet.DemoBad)
	s.run(t, 4, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
	s.says(t, "error[approval] web-1")
}

// A host that was away when the stage was approved has to be approved as well.
func TestAnApprovalIsOnEveryHost(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "prod", "approval = true")
	s.Host("web-2").PowerOff()
	s.run(t, 4, "approve", "--stage", "prod")
	s.says(t, "on web-1", "not on web-2: a host that has no approval is not begun", "error[unreachable] web-2")
	s.Host("web-2").PowerOn("")
	s.run(t, 4, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
	s.says(t, "missing on web-2", "on other hosts: by "+operator(s.app))
	s.run(t, 0, "approve", "--stage", "prod", "--json")
	s.says(t, `"type": "approval"`, `"missing": []`)
	s.run(t, 0, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
}

// What leads from a command that took hosts in to an approval, and from there on,
// would be refused for the same hosts without --first.
func TestAnApprovalOfNewHostsKeepsFirst(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "prod", "approval = true")
	s.run(t, 4, "apply", "--stage", "prod", "--yes", "--first", "--override-gate", "hurry")
	s.says(t, "Next: nixdeploy approve --stage prod --first")
	s.Host("web-2").PowerOff()
	s.run(t, 4, "approve", "--stage", "prod", "--first")
	s.says(t, "Next: nixdeploy approve --stage prod --first")
	s.Host("web-2").PowerOn("")
	s.run(t, 0, "approve", "--stage", "prod", "--first")
	s.says(t, "Next: nixdeploy apply --stage prod --first")
}

// A saved plan is its own consent, and no approval.
func TestASavedPlanNeedsItsApproval(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "prod", "approval = true")
	s.run(t, 0, "apply", "--stage", "container", "--yes")
	s.run(t, 0, "apply", "--stage", "dev", "--yes")
	s.run(t, 0, "plan", "--stage", "prod", "-o", "release.plan")
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "error[approval] web-1", "Next: nixdeploy approve --stage prod")
	s.run(t, 0, "approve", "--stage", "prod")
	s.run(t, 0, "apply", "release.plan")
}

func TestWhatCannotBeApproved(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	c.expect(t, 2, "approve")
	contains(t, "stderr", c.stderr.String(), "approve needs the stage")
	c.expect(t, 2, "approve", "--stage", "prod")
	contains(t, "stderr", c.stderr.String(), `stage "prod" asks for no approval`, "approval = true in [stages.prod]")
	c.expect(t, 2, "approve", "--stage", "nosuch")
	c.expect(t, 2, "approve", "--stage", "prod", "--on", "web-1")
	if len(c.driver.read) > 0 {
		t.Errorf("hosts were read: %v", c.driver.read)
	}
}

// onTerminal is a call whose prod asks for an approval, typed at a terminal.
func onTerminal(t *testing.T, stdin string) *call {
	t.Helper()
	d := &fakeDriver{plans: map[string]deploy.HostPlan{}}
	c := newCall(t, d)
	file := filepath.Join(c.Dir, "hosts.toml")
	if err := os.WriteFile(file, []byte(testInventory+"\n[stages.prod]\napproval = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Terminal, c.stdin = Terminal{In: true}, stdin
	return c
}

func TestAnApprovalAtThePrompt(t *testing.T) {
	c := onTerminal(t, "y\n")
	c.expect(t, 0, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
	contains(t, "stderr", c.stderr.String(), "Approve flake ", "for stage prod, as ", "? Change 2 of 2 hosts of stage prod? [y/N]")
	if got := sorted(c.driver.approved); !slices.Equal(got, []string{"web-1 prod", "web-2 prod"}) {
		t.Errorf("kept on %v", got)
	}
	if got := approvals(t, filepath.Join(c.Dir, "state")); len(got) != 1 || got[0].Stage != "prod" || got[0].By != operator(c.App) {
		t.Errorf("the journal has %+v", got)
	}

	c = onTerminal(t, "n\n")
	c.expect(t, 4, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
	contains(t, "stdout", c.stdout.String(), "nixdeploy approve --stage prod")
	if len(c.driver.applied)+len(c.driver.approved) > 0 || len(approvals(t, filepath.Join(c.Dir, "state"))) > 0 {
		t.Errorf("it was declined: %v, %v", c.driver.applied, c.driver.approved)
	}

	// A host that cannot keep it does not stop this run.
	c = onTerminal(t, "yes\n")
	c.driver.silent = map[string]error{"web-2": &deploy.Problem{Code: deploy.CodeUnreachable, Host: "web-2", What: "reset"}}
	c.expect(t, 0, "apply", "--stage", "prod", "--yes", "--override-gate", "hurry")
	contains(t, "stderr", c.stderr.String(), "the approval holds for this run, and is not kept: web-2: reset")
}

func TestAnApprovalIsAskedForOnATerminal(t *testing.T) {
	c := onTerminal(t, "n\n")
	c.expect(t, 4, "approve", "--stage", "prod")
	contains(t, "stderr", c.stderr.String(), "Approve flake ", "stage prod was not approved")
	if len(c.driver.approved) > 0 || len(approvals(t, filepath.Join(c.Dir, "state"))) > 0 {
		t.Errorf("it was declined: %v", c.driver.approved)
	}
	c = onTerminal(t, "")
	c.expect(t, 0, "approve", "--stage", "prod", "--yes")
	if strings.Contains(c.stderr.String(), "[y/N]") || len(c.driver.approved) != 2 {
		t.Errorf("asked, or not kept: %v", c.driver.approved)
	}
}
