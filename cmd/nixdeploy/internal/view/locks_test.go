package view

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// shopLocks is a host in each state of a lock.
func shopLocks() []HostLock {
	row := func(host string, change func(*deploy.Observation)) HostStatus {
		o := observed(7, host)
		change(o)
		return HostStatus{Host: host, Stage: "prod", Observed: o}
	}
	rows := []HostStatus{
		row("free1", func(*deploy.Observation) {}),
		row("lease1", func(o *deploy.Observation) {
			o.Lease = &deploy.Lease{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX", Operator: "anna@ci", Since: noon.Unix(), Seconds: 71}
		}),
		row("armed1", func(o *deploy.Observation) {
			o.Lease = &deploy.Lease{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX", Operator: "anna@ci", Since: noon.Unix(), Seconds: 5}
			o.Active = &deploy.ActiveRun{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX", Operator: "anna@ci", Since: noon.Unix(), DecidesIn: 95}
		}),
		row("dead1", func(o *deploy.Observation) {
			o.Active = &deploy.ActiveRun{Run: "DEAD", Operator: "bob\x1b[2J@desk", Since: noon.Unix(), DecidesIn: 95, Result: deploy.ResultStranded}
		}),
		row("hand1", func(o *deploy.Observation) {
			o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignSwitch, What: "nixos-rebuild switch", PID: 812, Who: "alice"}}
		}),
		row("gc1", func(o *deploy.Observation) {
			o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignGarbage, What: "nix-gc.service"}}
		}),
		{Host: "off1", Stage: "prod", Problem: &deploy.Problem{Code: deploy.CodeUnreachable, What: "10.0.0.9:22 timed out"}},
	}
	var locks []HostLock
	for _, r := range rows {
		locks = append(locks, LockOf(r, func(run string) bool { return run == "DEAD" }))
	}
	return locks
}

func TestLocks(t *testing.T) {
	for name, s := range styles() {
		golden(t, "locks-"+name+".golden", s.Locks(shopLocks(), time.UTC, "nixdeploy resume DEAD"))
	}
	var kinds []string
	for _, l := range shopLocks() {
		kinds = append(kinds, string(l.Holder))
	}
	// A garbage collection holds nothing, and is told all the same.
	if got := strings.Join(kinds, " "); got != "free lease run run foreign free unknown" {
		t.Errorf("holders: %s", got)
	}
}

func TestLocksAsJSON(t *testing.T) {
	var doc struct {
		Type  string
		Hosts []map[string]any
	}
	if err := json.Unmarshal(JSONLocks("1", shopLocks(), ""), &doc); err != nil || doc.Type != "locks" || len(doc.Hosts) != 7 {
		t.Fatalf("%v: %+v", err, doc)
	}
	for host, want := range map[int]map[string]any{
		0: {"holder": "free"},
		1: {"holder": "lease", "lease_expires_in_s": 71.0, "operator": "anna@ci", "since": "2026-03-01T12:00:00Z"},
		2: {"holder": "run", "guard_decides_in_s": 95.0, "lease_expires_in_s": 5.0, "run": "01JDXK7QJ3M8Z9V6B2T4R5W0AX"},
		3: {"holder": "run", "stranded": true, "dead": true},
	} {
		for key, value := range want {
			if got := doc.Hosts[host][key]; got != value {
				t.Errorf("host %d: %s is %v, want %v", host, key, got, value)
			}
		}
	}
	for _, key := range []string{"run", "since", "guard_decides_in_s", "lease_expires_in_s"} {
		if _, there := doc.Hosts[0][key]; there {
			t.Errorf("a free host has %s", key)
		}
	}
}
