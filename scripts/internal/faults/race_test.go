package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// The guard's deadline and the confirmation fall into the same instant, in
// either order, with --all a thousand times: one claim is made, and both sides tell the
// same end.
func TestF66TheGuardDecidesAtTheInstantOfTheConfirmation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		ends, times := map[string]int{}, 60
		if *all {
			times = 1000
		}
		for n := range times {
			ends[race(t, mode, n)]++
		}
		injected(t, len(ends) == 2, "confirmation and deadline around one instant, %d times", times)
		t.Attr("seen", "one claim each, and its end: "+counts(ends))
	})
}

const window = 10 * time.Second // without a sign of life

// race lets the confirmation arrive up to a second around the guard's deadline.
func race(t *testing.T, mode string, n int) string {
	t.Helper()
	now := time.Unix(1_000_000, 0)
	before, wanted := simfleet.ToplevelPath("before", "web"), simfleet.ToplevelPath("wanted", "web")
	host := simfleet.NewHost(simfleet.HostOptions{
		Hostname: "web", System: simfleet.System{Toplevel: before, SwitchTime: 2 * time.Second}, Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(max(d, time.Millisecond)); return nil },
	})
	defer host.Close()
	conn, err := host.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &nixos.Machine{Conn: conn, Run: "RUN1", Operator: "ann@desk"}
	later := func(d time.Duration) {
		now = now.Add(d)
		host.Settle()
	}
	armedAndSwitched(t, m, host, later, mode, wanted)
	// A third of them at the instant itself, the others up to a second before or after.
	shift := time.Duration(n%3-1) * time.Duration(1+17*n%1000) * time.Millisecond
	now = now.Truncate(time.Second).Add(window + shift)
	if n%2 == 0 {
		host.Settle() // the guard looks first
	}
	got, err := m.Confirm(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Back(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Result == deploy.ResultNone || again.Result != got.Result || again.Links != got.Links {
		t.Fatalf("%d: confirm says %+v, back says %+v", n, got, again)
	}
	if late := got.Result == deploy.ResultReturned; got.Claim == deploy.ClaimConfirm && late || got.Claim == deploy.ClaimReturn && !late {
		t.Fatalf("%d: claimed for %s, and %s", n, got.Claim, got.Result)
	}
	place := map[deploy.Result]string{deploy.ResultConfirmed: wanted, deploy.ResultReturned: before}[got.Result]
	if l := host.Links(); l.Running != place || l.Profile != place || l.NextBoot != place {
		t.Fatalf("%d: %s, and the host is on %+v", n, got.Result, l)
	}
	return fmt.Sprint(got.Result)
}

// armedAndSwitched brings a host to where only the decision is missing, right
// after a sign of life. The wanted system is an older generation of the host.
func armedAndSwitched(t *testing.T, m *nixos.Machine, host *simfleet.Host, later func(time.Duration), mode, wanted string) {
	t.Helper()
	host.ForeignSwitch("switch", simfleet.System{Toplevel: wanted, SwitchTime: 2 * time.Second})
	later(time.Minute)
	host.ForeignRollback()
	later(time.Minute)
	_, err := m.Arm(t.Context(), deploy.ArmRequest{
		Stage: "prod", Fleet: "faults", Host: "web", Mode: mode, Goal: deploy.GoalSystem, Wanted: wanted, WantedLink: "system-2-link",
		Expect: host.Links(), ActivationTimeout: time.Minute, ConfirmTimeout: window,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, err := m.Await(t.Context(), 0, 10*time.Second); err != nil || !a.Done || a.Links.Running != wanted {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, claim, gone, err := m.Contact(t.Context()); err != nil || gone || claim != deploy.ClaimNone {
		t.Fatalf("contact: %q, %v, %v", claim, gone, err)
	}
}
