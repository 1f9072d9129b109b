package host

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

const (
	oldSystem = "/nix/store/aaa-nixos-system-web-1"
	newSystem = "/nix/store/bbb-nixos-system-web-2"
)

func linksOf(link, profile, running, next string) deploy.Links {
	return deploy.Links{ProfileLink: link, Profile: profile, Running: running, Booted: oldSystem, NextBoot: next, Reader: "systemd-boot"}
}

var (
	onOld = linksOf("system-1-link", oldSystem, oldSystem, oldSystem)
	onNew = linksOf("system-2-link", newSystem, newSystem, newSystem)
)

func TestNextGoesThroughThePipeline(t *testing.T) {
	problem := &deploy.Problem{Code: deploy.CodeHealth}
	inspected := Progress{Goal: deploy.GoalFlake, Inspected: true, Observed: deploy.Observation{Links: onOld}}
	with := func(base Progress, change func(*Progress)) Progress {
		change(&base)
		return base
	}
	built := with(inspected, func(p *Progress) { p.Uploaded, p.Built, p.Wanted = true, &deploy.BuildAnswer{}, newSystem })
	armed := with(built, func(p *Progress) { p.Armed = true })
	switched := with(armed, func(p *Progress) { p.Started, p.Switch = true, &deploy.SwitchAnswer{Done: true} })
	fresh := with(switched, func(p *Progress) { p.Fresh = true })
	same := with(inspected, func(p *Progress) { p.Wanted = oldSystem })

	for _, c := range []struct {
		name string
		p    Progress
		want Decision
	}{
		{"nothing is known", Progress{}, step(deploy.StepInspect)},
		{"inspected", inspected, step(deploy.StepUpload)},
		{"the flake is there already", with(inspected, func(p *Progress) { p.Observed.FlakePresent = true }), step(deploy.StepBuild)},
		{"uploaded", with(inspected, func(p *Progress) { p.Uploaded = true }), step(deploy.StepBuild)},
		{"built", built, step(deploy.StepArm)},
		{"armed", armed, step(deploy.StepSwitch)},
		{"switched", switched, step(deploy.StepReconnect)},
		{"reached anew", fresh, step(deploy.StepHealth)},
		{"healthy", with(fresh, func(p *Progress) { p.Healthy = true }), step(deploy.StepConfirm)},
		{"a rollback builds nothing", with(inspected, func(p *Progress) { p.Goal, p.Wanted = deploy.GoalSystem, newSystem }), step(deploy.StepArm)},

		{"unchanged is checked", same, step(deploy.StepHealth)},
		{"unchanged is recorded", with(same, func(p *Progress) { p.Healthy = true }), step(deploy.StepRecord)},
		{"unchanged and recorded is done", with(same, func(p *Progress) { p.Healthy, p.Recorded = true, true }), end(deploy.StateUnchanged)},
		{"unchanged and unhealthy is not undone", with(same, func(p *Progress) { p.Failure = problem }), end(deploy.StateUnchanged)},
		{"same running but another next boot is not unchanged",
			with(same, func(p *Progress) {
				p.Observed.NextBoot = newSystem
				p.Observed.FlakePresent = true
				p.Built = &deploy.BuildAnswer{}
			}), step(deploy.StepArm)},

		{"failed before arm", with(built, func(p *Progress) { p.Failure = problem }), end(deploy.StateUntouched)},
		{"failed at inspect", Progress{Failure: problem}, end(deploy.StateUntouched)},
		{"failed after arm", with(switched, func(p *Progress) { p.Failure = problem }), step(deploy.StepReturn)},
		{"failed in health", with(fresh, func(p *Progress) { p.Failure = problem }), step(deploy.StepReturn)},
		{"no answer about the way back", with(fresh, func(p *Progress) { p.Failure, p.Unsettled = problem, true }), end(deploy.StateStranded)},

		{"settled: confirmed", with(fresh, func(p *Progress) { p.Settled = &deploy.Settlement{Result: deploy.ResultConfirmed} }), end(deploy.StateConfirmed)},
		{"settled: returned", with(fresh, func(p *Progress) { p.Failure, p.Settled = problem, &deploy.Settlement{Result: deploy.ResultReturned} }), end(deploy.StateReturned)},
		{"settled: stranded", with(fresh, func(p *Progress) { p.Settled = &deploy.Settlement{Result: deploy.ResultStranded} }), end(deploy.StateStranded)},
		{"the guard was late to be asked but has decided", with(fresh, func(p *Progress) { p.Settled, p.Unsettled = &deploy.Settlement{Result: deploy.ResultReturned}, true }), end(deploy.StateReturned)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Next(c.p); got != c.want {
				t.Errorf("next is %+v, want %+v", got, c.want)
			}
		})
	}
}
