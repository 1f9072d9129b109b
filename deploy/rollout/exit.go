package rollout

import "github.com/nixdeploy/nixdeploy/deploy"

// The exit codes of nixdeploy.
const (
	ExitOK          = 0
	ExitInternal    = 1
	ExitUsage       = 2  // or an invalid inventory, an unlocked flake: nothing contacted
	ExitLocked      = 3  // all that failed was locks
	ExitUnchanged   = 4  // failed, and this run changed no host
	ExitReturned    = 5  // failed, and every host that this run changed is confirmed, or back and verified
	ExitStranded    = 6  // a host needs a person
	ExitSecurity    = 7  // refused: host key, identity, signature
	ExitDrift       = 10 // --exit-code found changes or drift
	ExitInterrupted = 130
)

// ExitCode is the exit code of a run with this report. If several apply,
// 1 > 7 > 6 > 130 > 5 > 4 > 3.
//
// A skipped host follows from something else: it decides nothing where a host
// failed, and alone (a closed gate, no approval) it is a failure, 4 or 5. So 3
// holds even if locks made a budget or a gate skip the rest. A host that is in
// no final state was let go of if the run was interrupted, and its guard
// decides; without an interruption it needs a person if this run may have
// changed it, and is a bug if not.
func ExitCode(r deploy.Report, interrupted bool) int {
	var internal, security, stranded, changed bool
	var failed, locked, skipped int
	for _, h := range r.Hosts {
		changed = changed || h.Changed
		if h.State.Good() && (h.State != deploy.StateUnchanged || h.Problem == nil) {
			continue
		}
		if p := h.Problem; p != nil {
			internal = internal || p.Code == deploy.CodeInternal
			security = security || p.Security()
		}
		switch {
		case h.State == deploy.StateStranded:
			stranded = true
		case h.State == deploy.StateSkipped:
			skipped++
		case !h.State.Final():
			stranded = stranded || !interrupted && h.Changed
			internal = internal || !interrupted && !h.Changed
		case h.Problem != nil && h.Problem.Code == deploy.CodeLocked && h.State != deploy.StateReturned:
			locked++
		default:
			failed++
		}
	}
	switch {
	case internal:
		return ExitInternal
	case security:
		return ExitSecurity
	case stranded:
		return ExitStranded
	case interrupted:
		return ExitInterrupted
	case failed == 0 && locked > 0:
		return ExitLocked
	case failed+skipped > 0 && changed:
		return ExitReturned
	case failed+skipped > 0:
		return ExitUnchanged
	}
	return ExitOK
}
