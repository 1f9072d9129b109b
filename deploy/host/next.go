package host

import (
	"github.com/nixdeploy/nixdeploy/deploy"
)

// Decision is the next step, or the final state when there is none.
type Decision struct {
	Step  deploy.Step
	State deploy.State // "" while Step is set
}

func step(s deploy.Step) Decision { return Decision{Step: s} }
func end(s deploy.State) Decision { return Decision{State: s} }

// Next says what is to be done with a host, given all that is known. It is
// pure: the same Progress has the same answer.
func Next(p Progress) Decision {
	switch {
	case p.Settled != nil && p.Settled.Result != deploy.ResultNone:
		return settled(p)
	case p.Unsettled:
		return end(deploy.StateStranded)
	case p.Failure != nil && p.Armed:
		return step(deploy.StepReturn)
	case p.Failure != nil && p.Unchanged():
		return end(deploy.StateUnchanged)
	case p.Failure != nil:
		return end(deploy.StateUntouched)
	case !p.Inspected:
		return step(deploy.StepInspect)
	case p.Armed:
		return afterArm(p)
	case p.Unchanged():
		return unchanged(p)
	case p.Goal == deploy.GoalFlake && !p.Observed.FlakePresent && !p.Uploaded:
		return step(deploy.StepUpload)
	case p.Goal == deploy.GoalFlake && p.Built == nil:
		return step(deploy.StepBuild)
	}
	return step(deploy.StepArm)
}

func unchanged(p Progress) Decision {
	switch {
	case !p.Healthy && !p.Returning:
		return step(deploy.StepHealth)
	case p.Goal == deploy.GoalFlake && !p.Recorded:
		return step(deploy.StepRecord)
	}
	return end(deploy.StateUnchanged)
}

func afterArm(p Progress) Decision {
	switch {
	case !p.Started || p.Switch == nil:
		return step(deploy.StepSwitch)
	case !p.Fresh:
		return step(deploy.StepReconnect)
	case !p.Healthy && !p.Returning:
		return step(deploy.StepHealth)
	}
	return step(deploy.StepConfirm)
}

func settled(p Progress) Decision {
	switch p.Settled.Result {
	case deploy.ResultConfirmed:
		return end(deploy.StateConfirmed)
	case deploy.ResultReturned:
		return end(deploy.StateReturned)
	}
	return end(deploy.StateStranded)
}
