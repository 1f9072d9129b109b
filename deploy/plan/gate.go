package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// GateInput is what a gate is judged by.
type GateInput struct {
	Order []string            // all stages, in rollout order
	Stage string              // the one that would begin
	Hosts map[string][]string // by stage: every host of the inventory, not only the selected ones
	Flake string              // hash
	// Policies are the stages as hosts.toml has them, by name: how many hosts prove
	// one, and what closes it.
	Policies map[string]inventory.Stage
	Now      time.Time
	// Units are the hosts whose checks look at their units.
	Units map[string]bool
	// Done are hosts that this run has finished: their outcome is the proof.
	Done map[string]deploy.Outcome
	// Seen are hosts that were only read: their own record is the proof.
	Seen map[string]deploy.HostPlan
	// Override is the operator's reason to go on without proof, "" for none.
	Override string
}

// Gate judges whether a stage may begin: only when, of each earlier stage, as
// many hosts as its gate asks for have recorded this very flake as confirmed and
// still run it, and none of its hosts failed with it since; when the stage is not
// frozen; and when its windows and freezes allow. A stage without hosts proves
// nothing, so it keeps the gate closed.
//
// An override opens the gate and is kept in the answer with what was missing.
// It stands in for proofs from before this run; what failed in this very run
// it cannot make good. An approval is no matter of the gate: nothing stands in
// for it.
func Gate(in GateInput) deploy.Gate {
	at := slices.Index(in.Order, in.Stage)
	if at < 0 {
		return deploy.Gate{}
	}
	policy := in.Policies[in.Stage]
	opening := policy.Opening(in.Now)
	g := deploy.Gate{Frozen: policy.Frozen, Shut: opening.Why, Opens: opening.Opens}
	overridable := true
	for _, stage := range in.Order[:at] {
		s := gateStage(in, stage)
		for _, host := range s.Missing {
			if _, ours := in.Done[host]; ours && !s.Open() {
				overridable = false
			}
		}
		g.Before = append(g.Before, s)
	}
	g.Open = g.Frozen == "" && g.Shut == "" && g.Proven()
	if !g.Open && in.Override != "" && overridable {
		g.Open, g.Override = true, in.Override
	}
	return g
}

// gateStage is the proof that the hosts of one stage give.
func gateStage(in GateInput, stage string) deploy.GateStage {
	hosts := slices.Sorted(slices.Values(in.Hosts[stage]))
	s := deploy.GateStage{Stage: stage, Needed: Needed(in.Policies[stage].Gate, len(hosts))}
	for _, host := range hosts {
		why, failed := missing(in, in.Policies[stage].Soak, host)
		if why == "" {
			s.Proven = append(s.Proven, host)
			continue
		}
		if s.Why == nil {
			s.Why = map[string]string{}
		}
		s.Missing = append(s.Missing, host)
		s.Why[host] = why
		if failed {
			s.Failed = append(s.Failed, host)
		}
	}
	return s
}

// Needed is how many of a stage's hosts have to prove a flake: a percentage is
// rounded up, a number above all of them is all of them, and no share is, too.
func Needed(share inventory.Share, hosts int) int {
	switch {
	case share.Count == 0:
		return hosts
	case share.Percent:
		return (share.Count*hosts + 99) / 100
	}
	return min(share.Count, hosts)
}

// missing says what a host's proof lacks, or "" when it is proven, and whether it
// failed with this flake. soak is that of its stage.
func missing(in GateInput, soak time.Duration, host string) (why string, failed bool) {
	if o, ok := in.Done[host]; ok {
		switch {
		case o.Away():
			return "was not to be had in this run: " + o.Problem.What, false
		case o.Failed():
			return "failed in this run: " + string(o.State), true
		case o.State != deploy.StateConfirmed && o.State != deploy.StateUnchanged:
			return "ended " + string(o.State) + " in this run", false
		}
		return "", false
	}
	seen, ok := in.Seen[host]
	switch {
	case !ok:
		return "not read", false
	case seen.Observed == nil && seen.Problem != nil && seen.Problem.Code == deploy.CodeUnreachable:
		return "unreachable: " + seen.Problem.What, false
	case seen.Observed == nil && seen.Problem != nil:
		return "could not be read: " + seen.Problem.What, false
	case seen.Observed == nil:
		return "not read", false
	case seen.Problem != nil && seen.Problem.Security():
		return "refused: " + seen.Problem.What, false
	case seen.Problem != nil && seen.Problem.Step == deploy.StepSoak:
		return "not soaked: " + seen.Problem.What, false
	}
	o := seen.Observed
	switch f, a := o.Failed, o.Active; {
	case f != nil:
		return "failed with this flake: run " + f.Run + " " + ended(f.Result), true
	case a != nil && a.FlakeHash == in.Flake && a.Result == deploy.ResultStranded:
		return "failed with this flake: run " + a.Run + " " + ended(a.Result), true
	case a != nil:
		return "run " + a.Run + " of " + a.Operator + " is not decided there", false
	}
	switch {
	case o.Recorded == nil || o.Recorded.FlakeHash != in.Flake:
		return "never confirmed with this flake", false
	case o.Running == "" || o.Running != o.Recorded.Toplevel:
		return "was confirmed with this flake, but runs another system now", false
	case in.Units[host] && len(sick(o)) > 0:
		return "has failed since it was confirmed: " + strings.Join(sick(o), ", "), true
	case o.Unsoaked(soak) > 0:
		return fmt.Sprintf("not soaked: confirmed %d s ago by its own clock, and its stage soaks for %s", *o.ConfirmedAgo, soak), false
	}
	return "", false
}

// sick are the units that are failed and were not when the host was confirmed with
// the flake.
func sick(o *deploy.Observation) (units []string) {
	for _, unit := range o.FailedUnits {
		if !slices.Contains(o.Recorded.Failed, unit) {
			units = append(units, unit)
		}
	}
	return units
}

// ended says how a run left a host that it did not leave on its system.
func ended(r deploy.Result) string {
	switch r {
	case deploy.ResultConfirmed:
		return "went back after its confirmation"
	case deploy.ResultStranded:
		return "left it stranded"
	}
	return "was returned"
}
