package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/health"
	"github.com/nixdeploy/nixdeploy/deploy/host"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// This file is the one place where the rooms that touch hosts are put
// together: remote's Dialer, nixos' Machine and health's checks into a
// host.Driver, and the two into questions that are no deployment's.

// wired is a Driver with the Dialer that it owns.
type wired struct {
	*host.Driver
	dialer    *remote.Dialer
	evaluator *evaluator // nil: the hosts evaluate
}

// Close releases the hosts, then what carried them.
func (w wired) Close() {
	w.Driver.Close()
	_ = w.dialer.Close() // nothing is sent any more
	if w.evaluator != nil {
		w.evaluator.close()
	}
}

// connect is the Connector of the real thing: as the user's own ssh would, and
// with the Nix of this machine where it has one.
func connect(a App, q Request) (Fleet, error) {
	return connectBy(remote.Options{SSHConfig: true}, nixHere(context.Background(), a), q) // the question has a deadline of its own
}

// connectBy makes what drives hosts. Without a nix the hosts evaluate.
func connectBy(o remote.Options, nix *localNix, q Request) (Fleet, error) {
	dialer, err := remote.NewDialer(o)
	if err != nil {
		return Fleet{}, err
	}
	driver := &host.Driver{
		Dialer: dialer,
		Attach: func(conn deploy.Conn, run string) host.Machine {
			return &nixos.Machine{Conn: conn, Run: run, Operator: q.Operator}
		},
		Health:  judgeHealth,
		Journal: q.Journal,
		Run:     q.Run,
		Terms:   host.Terms{Fleet: q.Inventory.Fleet, First: q.First, Accept: q.Accept, Ours: q.Ours},
		Detach:  q.Detach,
	}
	fleet := wired{Driver: driver, dialer: dialer}
	evaluates, inspect := "on each host, by its own Nix", time.Minute
	if q.Flake != nil {
		driver.Flake = host.Flake{Digest: q.Flake.Digest(), Hash: q.Flake.Hash, Size: q.Flake.Size(), Pack: q.Flake.Pack}
		switch {
		case q.Saved != nil:
			evaluates = "nothing here: each host builds what the saved plan has"
			driver.Planned, driver.Expect, driver.Terms.Moved = true, expectPlanned(q.Saved), moved(q.Saved)
		case nix != nil:
			evaluator, err := newEvaluator(nix, q.Flake)
			if err != nil {
				fleet.Close()
				return Fleet{}, err
			}
			fleet.evaluator, driver.Expect, evaluates = evaluator, evaluator.toplevel, "here, by Nix "+nix.version
			inspect += evaluateTimeout + evaluateGrace // what a host is to get is learned with what it is
		}
	}
	return Fleet{
		Driver:    fleet,
		Evaluates: evaluates,
		Limits: plan.Limits{
			Connect: 30 * time.Second, Inspect: inspect, Upload: host.UploadBound(driver.Flake.Size), Script: time.Minute,
			Readers: rollout.DefaultReaders,
		},
	}, nil
}

// expectPlanned gives the systems of a saved plan.
func expectPlanned(d *savedplan.Document) func(context.Context, inventory.Host) (string, error) {
	hosts := d.Hosts()
	return func(_ context.Context, h inventory.Host) (string, error) {
		if p, ok := hosts[h.Name]; ok {
			return p.Wanted, nil
		}
		return "", &deploy.Problem{Code: deploy.CodeInternal, Host: h.Name, What: "the saved plan does not have this host"}
	}
}

// moved compares hosts with what a saved plan saw. One that is only read, for a
// gate, is none of its hosts.
func moved(d *savedplan.Document) func(inventory.Host, deploy.Observation) *deploy.Problem {
	hosts := d.Hosts()
	return func(h inventory.Host, o deploy.Observation) *deploy.Problem {
		if p, ok := hosts[h.Name]; ok {
			return savedplan.MovedHost(p, o)
		}
		return nil
	}
}

// judgeHealth runs a host's checks; nil means that all of them passed.
func judgeHealth(ctx context.Context, q host.HealthRequest) *deploy.Problem {
	run := health.Run
	if q.Once {
		run = health.RunOnce
	}
	var probe health.Host = &nixos.Probe{Conn: q.Conn, Run: q.Run}
	if q.Seen != nil {
		probe = &seenOnce{Host: probe, failed: q.Seen}
	}
	results := run(ctx, q.Host.Checks, q.Host, probe, q.Baseline)
	p := &deploy.Problem{Host: q.Host.Name, Step: deploy.StepHealth}
	switch health.Worst(results) {
	case health.Passed:
		return nil
	case health.Failed:
		p.Code, p.What = deploy.CodeHealth, "a health check failed"
	default:
		p.Code, p.What = deploy.CodeInconclusive, "a health check could not say whether the host is well"
	}
	for _, r := range results {
		if r.Verdict != health.Passed {
			p.Details = append(p.Details, fmt.Sprintf("check   %s: %s", r.Check, r.Detail))
		}
	}
	return p
}

// lockOnHost locks the flake by the Nix of a host. A nil lock is one of a flake
// without inputs.
func lockOnHost(ctx context.Context, h inventory.Host, f *flake.Flake) (lock []byte, err error) {
	err = onHost(ctx, h, func(conn deploy.Conn) error {
		lock, err = nixos.Lock(ctx, conn, f.Pack)
		return err
	})
	return lock, err
}

// optionsOnHost asks for options by the Nix of a host.
func optionsOnHost(ctx context.Context, h inventory.Host, f *flake.Flake, q deploy.OptionQuery) (answer deploy.OptionAnswer, err error) {
	err = onHost(ctx, h, func(conn deploy.Conn) error {
		answer, err = nixos.Option(ctx, conn, f.Pack, f.Hash, q)
		return err
	})
	return answer, err
}

// onHost connects to a host for one question.
func onHost(ctx context.Context, h inventory.Host, ask func(deploy.Conn) error) error {
	dialer, err := remote.NewDialer(remote.Options{SSHConfig: true})
	if err != nil {
		return err
	}
	defer func() { _ = dialer.Close() }() // nothing is sent any more
	conn, err := dialer.Dial(ctx, h)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return ask(conn)
}

// seenOnce answers the first question for failed units by what an inspection
// has just seen. Checks ask one at a time.
type seenOnce struct {
	health.Host
	failed []string
	told   bool
}

// FailedUnits implements health.Host.
func (s *seenOnce) FailedUnits(ctx context.Context) ([]string, error) {
	if s.told {
		return s.Host.FailedUnits(ctx)
	}
	s.told = true
	return s.failed, nil
}
