package main

import (
	"encoding/json"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestLockStatusSaysWhoHoldsWhat(t *testing.T) {
	d := &fakeDriver{plans: map[string]deploy.HostPlan{}}
	c := newCall(t, d)
	run := crashed(t, c)
	held := observation("dev-1")
	held.Active = &deploy.ActiveRun{Run: run, Operator: "anna@ci", DecidesIn: 60}
	d.plans["dev-1"] = deploy.HostPlan{Observed: held}
	c.expect(t, 0, "lock", "status")
	contains(t, "stdout", flat(c.stdout.String()), "! dev-1 dev anna@ci run "+run, "its guard decides in 1m00s at the latest",
		"its process is gone from this machine", "= web-1 prod nobody", "Locks: 2 free, 1 held by a run", "Next: nixdeploy resume "+run)
	c.expect(t, 0, "lock", "status", "--on", "web-1", "--json")
	var doc struct {
		Hosts []struct{ Host, Holder string }
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || len(doc.Hosts) != 1 || doc.Hosts[0].Holder != "free" {
		t.Errorf("%v: %s", err, &c.stdout)
	}
	d.plans["web-1"] = deploy.HostPlan{Problem: &deploy.Problem{Code: deploy.CodeHostKey, What: "the key has changed"}}
	c.expect(t, 7, "lock", "status")
	d.plans["web-1"] = deploy.HostPlan{Problem: &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}}
	c.expect(t, 4, "lock", "status")
	contains(t, "stdout", c.stdout.String(), "?  web-1", "1 unknown")
	if len(d.applied) > 0 {
		t.Errorf("it touched %v", d.applied)
	}
}

func TestACommandOfTwoWords(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	for _, args := range [][]string{
		{"lock", "status"}, {"--json", "lock", "status"}, {"-f", "hosts.toml", "lock", "status"}, {"--file=hosts.toml", "lock", "status", "-v"},
	} {
		c.expect(t, 0, args...)
	}
	c.expect(t, 2, "lock", "stauts")
	contains(t, "stderr", c.stderr.String(), "did you mean lock status?")
	c.expect(t, 2, "lock", "status", "web-1")
	contains(t, "stderr", c.stderr.String(), "nixdeploy lock status --on web-1")
	c.expect(t, 0, "help", "lock", "status")
	contains(t, "stdout", c.stdout.String(), "Usage: nixdeploy lock status [flags]")
	c.expect(t, 2, "-f", "lock", "status") // a file of that name, and status of it
	contains(t, "stderr", c.stderr.String(), "the inventory cannot be read")
}
