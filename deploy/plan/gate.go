package plan

import (
	"slices"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// GateInput is what a gate is judged by.
type GateInput struct {
	Order []string            // all stages, in rollout order
	Stage string              // the one that would begin
	Hosts map[string][]string // by stage: every host of the inventory, not only the selected ones
	Flake string              // hash
	// Done are hosts that this run has finished: their outcome is the proof.
	Done map[string]deploy.Outcome
	// Seen are hosts that were only read: their own record is the proof.
	Seen map[string]deploy.HostPlan
	// Override is the operator's reason to go on without proof, "" for none.
	Override string
}

// Gate judges whether a stage may begin: only when every host of every earlier
// stage has recorded this very flake as confirmed, and still runs it. A stage
// without hosts proves nothing, so it keeps the gate closed.
//
// An override opens the gate and is kept in the answer with what was missing.
// It stands in for proofs from before this run; what failed in this very run
// it cannot make good.
func Gate(in GateInput) deploy.Gate {
	at := slices.Index(in.Order, in.Stage)
	if at < 0 {
		return deploy.Gate{}
	}
	g := deploy.Gate{Open: true}
	overridable := true
	for _, stage := range in.Order[:at] {
		s := deploy.GateStage{Stage: stage}
		for _, host := range slices.Sorted(slices.Values(in.Hosts[stage])) {
			why := missing(in, host)
			if why == "" {
				s.Proven = append(s.Proven, host)
				continue
			}
			if s.Why == nil {
				s.Why = map[string]string{}
			}
			s.Missing = append(s.Missing, host)
			s.Why[host] = why
			if _, ours := in.Done[host]; ours {
				overridable = false
			}
		}
		if len(s.Missing) > 0 || len(s.Proven) == 0 {
			g.Open = false
		}
		g.Before = append(g.Before, s)
	}
	if !g.Open && in.Override != "" && overridable {
		g.Open, g.Override = true, in.Override
	}
	return g
}

// missing says what a host's proof lacks, or "" when it is proven.
func missing(in GateInput, host string) string {
	if o, ok := in.Done[host]; ok {
		switch {
		case o.Failed():
			return "failed in this run: " + string(o.State)
		case o.State != deploy.StateConfirmed && o.State != deploy.StateUnchanged:
			return "ended " + string(o.State) + " in this run"
		}
		return ""
	}
	seen, ok := in.Seen[host]
	switch {
	case !ok:
		return "not read"
	case seen.Observed == nil && seen.Problem != nil && seen.Problem.Code == deploy.CodeUnreachable:
		return "unreachable: " + seen.Problem.What
	case seen.Observed == nil && seen.Problem != nil:
		return "could not be read: " + seen.Problem.What
	case seen.Observed == nil:
		return "not read"
	case seen.Problem != nil && seen.Problem.Security():
		return "refused: " + seen.Problem.What
	case seen.Problem != nil && seen.Problem.Step == deploy.StepSoak:
		return "not soaked: " + seen.Problem.What
	}
	o := seen.Observed
	switch {
	case o.Recorded == nil || o.Recorded.FlakeHash != in.Flake:
		return "never confirmed with this flake"
	case o.Running == "" || o.Running != o.Recorded.Toplevel:
		return "was confirmed with this flake, but runs another system now"
	}
	return ""
}
