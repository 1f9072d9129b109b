package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestSoakInterval(t *testing.T) {
	for _, c := range []struct{ soak, want time.Duration }{
		{time.Hour, 10 * time.Second},
		{30 * time.Second, 10 * time.Second},
		{3 * time.Second, time.Second},
		{0, time.Millisecond},
	} {
		if got := soakInterval(c.soak); got != c.want {
			t.Errorf("soak %v: a round each %v, want %v", c.soak, got, c.want)
		}
	}
}

func TestInconclusiveIsAskedAgainButNeverPasses(t *testing.T) {
	unsure, bad := &deploy.Problem{Code: deploy.CodeInconclusive}, &deploy.Problem{Code: deploy.CodeHealth}
	if fails(nil, false) || fails(nil, true) {
		t.Error("passed is failed")
	}
	if fails(unsure, false) || !fails(unsure, true) {
		t.Error("inconclusive must wait for the last round, and fail in it")
	}
	if !fails(bad, false) || !fails(bad, true) {
		t.Error("failed is passed")
	}
}

func TestOwedSoak(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	plan := &deploy.Plan{Policy: inventory.Stage{Soak: 10 * time.Minute}}
	confirmed := func(host string, wave int) deploy.Event {
		return deploy.Event{Kind: deploy.EventHostState, Stage: "prod", Wave: wave, Host: host, State: deploy.StateConfirmed}
	}
	events := []deploy.Event{
		{Kind: deploy.EventStageStarted, Stage: "prod", Plan: plan},
		confirmed("done", 1),
		{Kind: deploy.EventSoakStarted, Stage: "prod", Wave: 1, Time: start, Duration: 10 * time.Minute},
		{Kind: deploy.EventHostState, Stage: "prod", Wave: 1, Host: "never", State: deploy.StateStranded},
		{Kind: deploy.EventSoakFinished, Stage: "prod", Wave: 1},
		confirmed("half", 2),
		confirmed("back", 2),
		confirmed("stuck", 1),
		{Kind: deploy.EventSoakStarted, Stage: "prod", Wave: 2, Time: start, Duration: 10 * time.Minute},
		{Kind: deploy.EventHostState, Stage: "prod", Wave: 2, Host: "back", State: deploy.StateReturned},
		{Kind: deploy.EventHostState, Stage: "prod", Wave: 1, Host: "stuck", State: deploy.StateStranded},
		confirmed("unsoaked", 3),
		{Kind: deploy.EventHostState, Stage: "prod", Wave: 3, Host: "same", State: deploy.StateUnchanged},
		{Kind: deploy.EventStageStarted, Stage: "dev", Plan: &deploy.Plan{}},
		{Kind: deploy.EventHostState, Stage: "dev", Wave: 1, Host: "no-soak", State: deploy.StateConfirmed},
	}
	for _, c := range []struct {
		after time.Duration
		half  time.Duration
	}{
		{4 * time.Minute, 6 * time.Minute},
		{time.Hour, 0},                 // its time is over, one round is still owed
		{-time.Hour, 10 * time.Minute}, // a clock that went back makes it no longer
	} {
		want := map[string]time.Duration{"half": c.half, "unsoaked": 10 * time.Minute, "stuck": 10 * time.Minute}
		if d := cmp.Diff(want, Owed(events, start.Add(c.after))); d != "" {
			t.Errorf("after %v (-want +got):\n%s", c.after, d)
		}
	}
}

// A soak is paid by who was in it. A host of its wave that this run could not
// reach goes on owing.
func TestAnUnreachedHostGoesOnOwing(t *testing.T) {
	ended := func(host string, s deploy.State) deploy.Event {
		return deploy.Event{Kind: deploy.EventHostState, Stage: "prod", Wave: 1, Host: host, State: s}
	}
	owed := map[string]time.Duration{"away": time.Minute, "there": time.Minute, "back": time.Minute, "elsewhere": time.Minute}
	AddOwed(owed, []deploy.Event{
		{Kind: deploy.EventStageStarted, Stage: "prod", Plan: &deploy.Plan{Policy: inventory.Stage{Soak: time.Minute}}},
		ended("away", deploy.StateUntouched), ended("there", deploy.StateUnchanged), ended("new", deploy.StateConfirmed), ended("back", deploy.StateReturned),
		{Kind: deploy.EventSoakStarted, Stage: "prod", Wave: 1, Duration: time.Minute},
		{Kind: deploy.EventSoakFinished, Stage: "prod", Wave: 1},
	}, time.Time{})
	if d := cmp.Diff(map[string]time.Duration{"away": time.Minute, "elsewhere": time.Minute}, owed); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestDoubledMachines(t *testing.T) {
	read := func(host, id string) deploy.HostPlan {
		return deploy.HostPlan{Host: host, Observed: &deploy.Observation{MachineID: id}}
	}
	known := map[string]string{"e1": "earlier"}
	got := doubled(known, []deploy.HostPlan{
		read("a", "m1"), read("b", "m1"), read("c", "m2"), read("d", ""), read("e", ""),
		{Host: "f"}, read("g", "e1"), read("c", "m2"),
	})
	for host, with := range map[string]string{"a": "b", "b": "a", "g": "earlier"} {
		p := got[host]
		if p == nil || !p.Security() || p.Host != host || p.What != "is the same machine as "+with {
			t.Errorf("%s: %v, want the same machine as %s", host, p, with)
		}
	}
	for _, host := range []string{"c", "d", "e", "f"} {
		if got[host] != nil {
			t.Errorf("%s is refused: %v", host, got[host])
		}
	}
	if d := cmp.Diff(map[string]string{"e1": "earlier", "m1": "a", "m2": "c"}, known); d != "" {
		t.Errorf("known (-want +got):\n%s", d)
	}
}
