package view

import (
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func storePath(name string) string {
	return "/nix/store/0c4kx1mmx7zjy0y2kq0zv7bm6i2y4l5n-nixos-system-" + name + "-26.05"
}

func links(generation int, host string) *deploy.Links {
	p := storePath(host)
	return &deploy.Links{
		ProfileLink: fmt.Sprintf("system-%d-link", generation), Profile: p, Running: p, Booted: p,
		NextBoot: p, Reader: "systemd-boot",
	}
}

func observed(generation int, host string) *deploy.Observation {
	return &deploy.Observation{Links: *links(generation, host), NixOS: true, Marker: &deploy.Marker{Fleet: "shop", Host: host}}
}

func shopPlan() deploy.Plan {
	unreachable := &deploy.Problem{
		Code: deploy.CodeUnreachable, Host: "mon1", Step: deploy.StepConnect,
		What: "10.0.0.9:22 timed out", Details: []string{"3 tries in 30s"}, State: "not touched",
		Next: "nixdeploy status --on mon1",
	}
	changed := func(host string, generation, wave int) deploy.HostPlan {
		return deploy.HostPlan{
			Host: host, Target: "hetzner", Wave: wave, Change: deploy.ChangeSwitch, Observed: observed(generation, host),
			Build: make([]string, 4), Fetch: make([]string, 12), Transfer: deploy.Transfer{Download: 90387251},
		}
	}
	p := deploy.Plan{
		Fleet: "shop", Stage: "prod", Flake: "sha256-9f3c1e7aQ2VtZXNoYXNoZm9yYXRlc3Qx", Source: "rendered",
		Evaluates: "on each host: there is no Nix here",
		Gate: deploy.Gate{Open: true, Before: []deploy.GateStage{
			{Stage: "container", Proven: []string{"box1"}},
			{Stage: "dev", Proven: []string{"dev1", "dev2", "dev3"}},
		}},
		Waves:  [][]string{{"web1"}, {"web2", "web3"}, {"db1", "bak1", "mon1", "old1"}},
		AtMost: 37*time.Minute + 10*time.Second,
	}
	db := changed("db1", 301, 3)
	db.Build = nil
	db.Notes = []string{"the kernel changes: it takes effect at the next boot"}
	p.Hosts = []deploy.HostPlan{
		changed("web1", 118, 1), changed("web2", 117, 2), changed("web3", 117, 2), db,
		{Host: "bak1", Target: "hetzner", Wave: 3, Change: deploy.ChangeUnchanged, Observed: observed(88, "bak1")},
		{Host: "mon1", Target: "m1", Wave: 3, Change: deploy.ChangeUnknown, Problem: unreachable},
		{Host: "old1", Target: "hetzner", Wave: 3, Change: deploy.ChangeBlocked, Problem: &deploy.Problem{
			Code: deploy.CodeIdentity, Step: deploy.StepInspect, What: "its marker says fleet home, host nas",
			State: "not touched", Next: "nixdeploy hosts --on old1",
		}},
	}
	return p
}

// shopRun is a run in which web1 is confirmed, web2 is returned and the rest
// never begins.
func shopRun() []deploy.Event {
	plan := shopPlan()
	seq := uint64(0)
	at := func(seconds int, e deploy.Event) deploy.Event {
		seq++
		e.Seq, e.Run, e.Time = seq, "01JDXK7Q", noon.Add(time.Duration(seconds)*time.Second)
		return e
	}
	failed := &deploy.Problem{
		Code: deploy.CodeHealth, Host: "web2", Step: deploy.StepHealth, What: "a health check failed; the old system is back",
		Details: []string{"https://web2.example/health: 503, wanted 200, 5 tries", "php-fpm.service failed"},
		State:   "running, profile and next boot are generation 117, read back", Next: "nixdeploy status --on web2",
	}
	exit := 5
	host := func(kind deploy.EventKind, name string, step deploy.Step) deploy.Event {
		return deploy.Event{Kind: kind, Stage: "prod", Wave: 1, Host: name, Step: step}
	}
	confirmed := host(deploy.EventHostState, "web1", "")
	confirmed.State, confirmed.Before, confirmed.After = deploy.StateConfirmed, links(118, "web1"), links(119, "web1")
	returned := host(deploy.EventHostState, "web2", "")
	returned.State, returned.After, returned.Problem = deploy.StateReturned, links(117, "web2"), failed
	healthFailed := host(deploy.EventStepFailed, "web2", deploy.StepHealth)
	healthFailed.Problem = failed
	output := host(deploy.EventOutput, "web2", deploy.StepSwitch)
	output.Message = "::error::\x1b]0;owned\x07 restarting nginx.service"
	return []deploy.Event{
		at(0, deploy.Event{Kind: deploy.EventRunStarted, Start: &deploy.RunStart{
			Command: "apply", Fleet: "shop", Flake: plan.Flake, Stages: []string{"prod", "dr"}, Hosts: []string{"web1", "web2", "db1", "dr1"},
		}}),
		at(1, deploy.Event{Kind: deploy.EventStageStarted, Stage: "prod", Plan: &plan}),
		at(1, deploy.Event{Kind: deploy.EventWaveStarted, Stage: "prod", Wave: 1}),
		at(2, host(deploy.EventStepStarted, "web1", deploy.StepConnect)),
		at(3, host(deploy.EventStepStarted, "web1", deploy.StepBuild)),
		at(3, host(deploy.EventStepStarted, "web2", deploy.StepSwitch)),
		at(4, output),
		at(44, host(deploy.EventStepFinished, "web1", deploy.StepBuild)),
		at(45, host(deploy.EventStepIntent, "web1", deploy.StepSwitch)),
		at(60, confirmed),
		at(62, host(deploy.EventStepStarted, "web2", deploy.StepHealth)),
		at(85, healthFailed),
		at(90, host(deploy.EventStepIntent, "web2", deploy.StepReturn)),
		at(97, returned),
		at(98, deploy.Event{Kind: deploy.EventSoakStarted, Stage: "prod", Wave: 1, Duration: time.Minute}),
		at(158, deploy.Event{Kind: deploy.EventSoakFinished, Stage: "prod", Wave: 1}),
		at(159, deploy.Event{Kind: deploy.EventStageFinished, Stage: "prod", Message: "over its budget of 0 failures"}),
		at(160, deploy.Event{Kind: deploy.EventRunFinished, Exit: &exit}),
	}
}

func shopEnding() Ending {
	return Ending{
		Report: deploy.Fold(shopRun()),
		Hosts:  []Selected{{"web1", "prod"}, {"web2", "prod"}, {"db1", "prod"}, {"dr1", "dr"}},
		Stages: []string{"container", "dev", "prod", "dr"},
		Exit:   5, Meaning: "failed; every host that was changed is confirmed, or back and verified",
		Next: "nixdeploy apply --stage prod --on web2,db1",
	}
}

func shopHost() inventory.Host {
	return inventory.Host{
		Name: "web1", Stage: "prod", Target: "hetzner", Tags: []string{"eu", "web"}, Address: "web1.example.org", Port: 2222,
		User: "deploy", Elevate: "sudo", Attribute: "web1", Activation: inventory.ActivationTestFirst,
		ActivationTimeout: 15 * time.Minute, ConfirmTimeout: time.Minute, Checks: []inventory.Check{{Name: "units"}},
		Users: []string{"anna", "ben"}, Home: map[string]bool{"shell": true, "ai-assistants": false}, TCPPorts: []int{80, 443},
		Provenance: map[string]inventory.Origin{
			"address": {From: "host web1", Line: 41}, "activation": {From: "stage prod", Line: 17}, "user": {From: "ssh", Line: 9},
		},
	}
}
