package rollout

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// gateProblem words a gate that is closed. One of a rollback knows no flake: what
// closes it is that the stage before it did not go back.
func (r *run) gateProblem(stage, flake string, g deploy.Gate) *deploy.Problem {
	if !r.Ungated {
		return gateProblem(stage, flake, g)
	}
	p := &deploy.Problem{
		Code: deploy.CodeGate, What: fmt.Sprintf("stage %s is not begun: a stage before it did not go back", stage),
	}
	for _, s := range g.Before {
		for _, host := range s.Missing {
			if _, ours := r.done[host]; ours {
				p.Details = append(p.Details, fmt.Sprintf("%s (%s): %s", host, s.Stage, s.Why[host]))
			}
		}
	}
	return p
}

// gateProblem says why a stage's gate is closed and how it opens.
func gateProblem(stage, flake string, g deploy.Gate) *deploy.Problem {
	p := &deploy.Problem{Code: deploy.CodeGate, Details: []string{"flake " + flake}}
	override := fmt.Sprintf("nixdeploy apply --stage %s --override-gate REASON", stage)
	switch {
	case g.Frozen != "":
		p.What = fmt.Sprintf("stage %s is frozen: %s", stage, g.Frozen)
		p.Details = append(p.Details, fmt.Sprintf("until frozen is taken out of [stages.%s]", stage))
		p.Next = "nixdeploy apply --stage " + stage
	case g.Shut != "":
		p.What = fmt.Sprintf("stage %s is closed now, %s: %s", stage, g.Shut, opens(g.Opens))
		p.Next = "nixdeploy apply --stage " + stage
	default:
		p.What = fmt.Sprintf("stage %s stays closed: this flake is not confirmed as the gates of the stages before it ask for", stage)
		unproven(p, g)
	}
	if p.Next == "" {
		p.Next = override
		return p
	}
	p.Details = append(p.Details, "all the same, on record: "+override)
	return p
}

// opens says when a stage's calendar lets it begin.
func opens(at time.Time) string {
	if at.IsZero() {
		return "it never opens"
	}
	return "it opens " + at.Format("Mon 2006-01-02 15:04 MST")
}

// unproven adds what each earlier stage lacks, and the apply that brings it.
func unproven(p *deploy.Problem, g deploy.Gate) {
	for _, s := range g.Before {
		if len(s.Proven)+len(s.Missing) == 0 {
			p.Details = append(p.Details, fmt.Sprintf("stage %s has no hosts, so it proves nothing: remove it from [stages] order", s.Stage))
		}
		if s.Open() {
			continue
		}
		if all := len(s.Proven) + len(s.Missing); s.Needed > 0 && s.Needed < all {
			line := fmt.Sprintf("stage %s: confirmed on %d of %d hosts, its gate asks for %d", s.Stage, len(s.Proven), all, s.Needed)
			if len(s.Failed) > 0 {
				line += " and for none that failed"
			}
			p.Details = append(p.Details, line)
		}
		for _, host := range s.Missing {
			p.Details = append(p.Details, fmt.Sprintf("%s (%s): %s", host, s.Stage, s.Why[host]))
		}
		if p.Next == "" && len(s.Missing) > 0 {
			p.Next = "nixdeploy apply --stage " + s.Stage
		}
	}
}

// SoakOwed is what a confirmed host's proof lacks when its run broke off
// the soak.
func SoakOwed(host string, left time.Duration) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeInconclusive,
		Host: host,
		Step: deploy.StepSoak,
		What: fmt.Sprintf("its soak was broken off, %v are left", left.Round(time.Second)),
	}
}

// approvalProblem is a refused approval. An error that is a problem already, of
// a plan that no longer fits say, keeps its code and words.
func approvalProblem(stage string, err error) *deploy.Problem {
	if own, ok := errors.AsType[*deploy.Problem](err); ok {
		p := *own
		return &p
	}
	return &deploy.Problem{
		Code: deploy.CodeApproval,
		What: fmt.Sprintf("stage %s was not approved", stage),
		Next: "nixdeploy apply --stage " + stage,
		Err:  err,
	}
}

// skipProblem says why waiting hosts do not begin.
func skipProblem(why Why, s *stage) *deploy.Problem {
	p := &deploy.Problem{Next: "nixdeploy apply --stage " + s.Name}
	switch why {
	case WhyJournal:
		p.Code, p.Err = deploy.CodeJournal, s.log.failure()
		p.What = "not begun: the run cannot be written down"
	case WhyInterrupted:
		p.Code = deploy.CodeInterrupted
		p.What = "not begun: the run was interrupted"
		p.Next = "nixdeploy resume " + s.Run
	case WhyBudget:
		p.Code = deploy.CodeBudget
		p.What = fmt.Sprintf("not begun: %s failed and max_failures of stage %s allows %d", list(s.failed()), s.Name, s.p.Budget)
	case WhyShut:
		o := s.Opening(time.Now())
		p.Code = deploy.CodeGate
		p.What = fmt.Sprintf("not begun: stage %s came to be closed, %s: %s", s.Name, o.Why, opens(o.Opens))
	case WhyPolicy:
		p.Code = deploy.CodeOnFailure
		p.What = fmt.Sprintf("not begun: %s failed and on_failure of stage %s is %q", list(s.failed()), s.Name, s.OnFailure)
	}
	return p
}

// onFailureProblem says with whom a healthy host goes back.
func onFailureProblem(s *stage, i int) *deploy.Problem {
	p := &deploy.Problem{
		Code: deploy.CodeOnFailure,
		Host: s.plans[i].Host,
		Step: deploy.StepReturn,
		What: fmt.Sprintf("was healthy, and goes back with %s: on_failure of stage %s is %q", list(s.failed()), s.Name, s.OnFailure),
		Next: "nixdeploy apply --stage " + s.Name,
	}
	for j, st := range s.p.Hosts {
		if other := s.reports[j].Problem; st.Failed && other != nil {
			p.Details = append(p.Details, fmt.Sprintf("%s: %s", s.plans[j].Host, other.What))
		}
	}
	return p
}

// sickProblem is the end of a host that the soak found unhealthy and that the
// run did not bring back.
func sickProblem(host string, found *deploy.Problem, run string) *deploy.Problem {
	p := deploy.Problem{Code: deploy.CodeHealth, Host: host, Step: deploy.StepSoak, What: "a check failed in the soak"}
	if found != nil {
		p = *found
	}
	p.State = "runs the new system, unhealthy; it was not brought back because the run was told to let go"
	p.Next = strings.TrimSpace("nixdeploy resume " + run)
	return &p
}

// failed is the hosts that failed by their own fault.
func (s *stage) failed() []string {
	var names []string
	for i, st := range s.p.Hosts {
		if st.Failed {
			names = append(names, s.plans[i].Host)
		}
	}
	return names
}

// list names a few hosts and counts the rest.
func list(names []string) string {
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// summary counts hosts by state, in the order in which people ask.
func summary(hosts []deploy.HostReport) string {
	count := map[deploy.State]int{}
	for _, h := range hosts {
		count[h.State]++
	}
	var parts []string
	for _, state := range []deploy.State{
		deploy.StateStranded, deploy.StateReturned, deploy.StateUntouched, deploy.StateInFlight,
		deploy.StateConfirmed, deploy.StateRebootPending, deploy.StateUnchanged, deploy.StateSkipped,
	} {
		if count[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
		}
	}
	return strings.Join(parts, ", ")
}
