package rollout

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// kinds are all the ways in which a host can end, as far as exit codes care.
// code is the exit code of a run of this host alone, not interrupted.
var kinds = []struct {
	name string
	h    deploy.HostReport
	code int
}{
	{"confirmed", report(deploy.StateConfirmed, true, ""), ExitOK},
	{"confirmed after a retry", report(deploy.StateConfirmed, true, deploy.CodeReachable), ExitOK},
	{"unchanged", report(deploy.StateUnchanged, false, ""), ExitOK},
	{"reboot-pending", report(deploy.StateRebootPending, true, ""), ExitOK},
	{"unchanged, unhealthy", report(deploy.StateUnchanged, false, deploy.CodeHealth), ExitUnchanged},
	{"unreachable", report(deploy.StateUntouched, false, deploy.CodeUnreachable), ExitUnchanged},
	{"locked", report(deploy.StateUntouched, false, deploy.CodeLocked), ExitLocked},
	{"returned", report(deploy.StateReturned, true, deploy.CodeHealth), ExitReturned},
	{"returned with a locked host", report(deploy.StateReturned, true, deploy.CodeLocked), ExitReturned},
	{"stranded", report(deploy.StateStranded, true, deploy.CodeReturnFailed), ExitStranded},
	{"skipped, budget", report(deploy.StateSkipped, false, deploy.CodeBudget), ExitUnchanged},
	{"skipped, gate", report(deploy.StateSkipped, false, deploy.CodeGate), ExitUnchanged},
	{"host key", report(deploy.StateUntouched, false, deploy.CodeHostKey), ExitSecurity},
	{"identity", report(deploy.StateUntouched, false, deploy.CodeIdentity), ExitSecurity},
	{"internal", report(deploy.StateUntouched, false, deploy.CodeInternal), ExitInternal},
	{"in flight, changed", report(deploy.StateInFlight, true, ""), ExitStranded},
	{"in flight, not changed", report(deploy.StateInFlight, false, ""), ExitInternal},
}

func report(state deploy.State, changed bool, code deploy.Code) deploy.HostReport {
	h := deploy.HostReport{State: state, Changed: changed}
	if code != "" {
		h.Problem = &deploy.Problem{Code: code}
	}
	return h
}

func TestExitCodeOfOneHost(t *testing.T) {
	for _, k := range kinds {
		if got := ExitCode(deploy.Report{Hosts: []deploy.HostReport{k.h}}, false); got != k.code {
			t.Errorf("%s: exit %d, want %d", k.name, got, k.code)
		}
	}
	if got := ExitCode(deploy.Report{}, false); got != ExitOK {
		t.Errorf("no hosts: exit %d", got)
	}
	if got := ExitCode(deploy.Report{}, true); got != ExitInterrupted {
		t.Errorf("no hosts, interrupted: exit %d", got)
	}
}

// TestExitCodeOfEveryMixture runs through every set of kinds of hosts, with and
// without an interruption, against the design's sentences said one by one.
func TestExitCodeOfEveryMixture(t *testing.T) {
	for set := range 1 << len(kinds) {
		var r deploy.Report
		has := map[string]bool{}
		for i, k := range kinds {
			if set&(1<<i) != 0 {
				r.Hosts = append(r.Hosts, k.h)
				has[k.name] = true
			}
		}
		for _, interrupted := range []bool{false, true} {
			if got, want := ExitCode(r, interrupted), oracle(has, interrupted); got != want {
				t.Fatalf("%v, interrupted %v: exit %d, want %d", has, interrupted, got, want)
			}
		}
	}
}

func oracle(has map[string]bool, interrupted bool) int {
	is := func(names ...string) bool {
		for _, n := range names {
			if has[n] {
				return true
			}
		}
		return false
	}
	changed := is("confirmed", "confirmed after a retry", "reboot-pending", "returned", "returned with a locked host", "stranded", "in flight, changed")
	failed := is("unchanged, unhealthy", "unreachable", "returned", "returned with a locked host")
	skipped := is("skipped, budget", "skipped, gate")
	switch {
	case is("internal") || is("in flight, not changed") && !interrupted:
		return 1
	case is("host key", "identity"):
		return 7
	case is("stranded") || is("in flight, changed") && !interrupted:
		return 6
	case interrupted:
		return 130
	case is("locked") && !failed:
		return 3
	case (failed || skipped) && changed:
		return 5
	case failed || skipped:
		return 4
	}
	return 0
}

// TestExitCodeOfAFold is what the command line does: events in, exit code out.
func TestExitCodeOfAFold(t *testing.T) {
	retried := []deploy.Event{
		{Kind: deploy.EventStepFailed, Host: "a", Step: deploy.StepConnect, Problem: &deploy.Problem{Code: deploy.CodeUnreachable}},
		{Kind: deploy.EventHostState, Host: "a", State: deploy.StateUnchanged},
	}
	if got := ExitCode(deploy.Fold(retried), false); got != ExitOK {
		t.Errorf("a step that was tried again: exit %d, want 0", got)
	}
	back := []deploy.Event{
		{Kind: deploy.EventStepIntent, Host: "a", Step: deploy.StepArm},
		{Kind: deploy.EventStepFailed, Host: "a", Step: deploy.StepHealth, Problem: &deploy.Problem{Code: deploy.CodeHealth}},
		{Kind: deploy.EventHostState, Host: "a", State: deploy.StateReturned},
	}
	if got := ExitCode(deploy.Fold(back), false); got != ExitReturned {
		t.Errorf("armed and returned: exit %d, want 5", got)
	}
}
