package plan

import (
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Limits are the deadlines of a run that no setting of hosts.toml holds. All
// are for one host.
type Limits struct {
	Connect time.Duration // one dial, jumps included
	Inspect time.Duration // with the evaluation of what it is to get, where that is made here
	Upload  time.Duration // the flake
	Script  time.Duration // one script that does nothing slow
	// LockWait is how much longer the whole run may take for locked hosts.
	LockWait time.Duration
	// Readers is how many hosts are inspected, or checked in a soak, at once.
	Readers int
}

// AtMost bounds how long a stage can take once its inspection begins; the wait
// for an approval is not in it. Each wait of a run has a deadline, so this is
// their sum over the longest path:
//
//	inspection:  ceil(hosts/readers) * (connect + inspect)
//	each wave:   ceil(n/parallel) * the longest host + soak
//	one host:    2 connects (one proves reachability), inspect, upload, twice
//	             build_timeout (dry-build and build), the change, its longest
//	             health check
//	the change:  arm (asked twice), activation_timeout, 3 * confirm_timeout (one of them for a look at the
//	             host once it is back), and two waits for
//	             the host's decision, since one that gives no answer to the
//	             confirmation is asked to return as well
//	a decision:  the guard's own deadline, somebody else's activation that it
//	             waits for, and a whole one of its own after it
//	soak:        its time, and two rounds of checks that begin at its end
//	locks:       --lock-wait, once for the whole run
//	unresolved:  a dead run of one's own is settled first: a change and a check
//	             for each such host (Stage adds it)
//	going back:  of a soak's failed hosts, or with another by on_failure: calls
//	             until one connects (two scripts' time), and a change
//
// n hosts by `parallel` at a time, each at most d long, end within
// ceil(n/parallel) * d whatever the order, since a free place is taken at once.
func AtMost(policy inventory.Stage, waves [][]string, hosts map[string]inventory.Host, l Limits) time.Duration {
	var total, soaks time.Duration
	all := 0
	for _, wave := range waves {
		all += len(wave)
		var longest, check, back time.Duration
		for _, name := range wave {
			h := hosts[name]
			longest = max(longest, hostBound(h, l))
			check = max(check, l.Connect+longestCheck(h))
			back = max(back, l.Connect+2*l.Script+changeBound(h, l))
		}
		total += rounds(len(wave), policy.Parallel) * longest
		if policy.Soak > 0 || policy.OnFailure == inventory.OnFailureWave || policy.OnFailure == inventory.OnFailureStage {
			total += rounds(len(wave), policy.Parallel) * back
		}
		if policy.Soak > 0 {
			soaks += policy.Soak + 2*rounds(len(wave), l.Readers)*check
		}
	}
	return rounds(all, l.Readers)*(l.Connect+l.Inspect) + total + soaks + l.LockWait
}

// hostBound is the longest way that one host can take to a final state.
func hostBound(h inventory.Host, l Limits) time.Duration {
	return 2*l.Connect + l.Inspect + l.Upload + 2*h.BuildTimeout + l.Script + changeBound(h, l) + longestCheck(h)
}

// changeBound is the longest way from arming to a decision that is read back,
// of a host that gives no answer at the worst moment.
func changeBound(h inventory.Host, l Limits) time.Duration {
	decision := 3*h.ActivationTimeout + 2*h.ConfirmTimeout + l.Script
	return 2*l.Script + h.ActivationTimeout + 3*h.ConfirmTimeout + 2*decision
}

// answerGrace is how much later than its deadline a check that runs on the host
// may still report.
const answerGrace = 5 * time.Second

// longestCheck bounds a round of the host's health checks: they run side by
// side, each within its own deadline.
func longestCheck(h inventory.Host) time.Duration {
	if len(h.Checks) == 0 {
		return 0
	}
	var d time.Duration
	for _, c := range h.Checks {
		d = max(d, c.Deadline)
	}
	return d + answerGrace
}

// rounds is ceil(n/atOnce) as a factor.
func rounds(n, atOnce int) time.Duration {
	atOnce = max(atOnce, 1)
	return time.Duration((n + atOnce - 1) / atOnce)
}
