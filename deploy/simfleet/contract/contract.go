// Package contract says what a NixOS host owes to nixdeploy, in scenarios that
// are told through deploy/nixos only. The same scenarios run against the model
// of a host (simfleet) and against real ones (the lab), so that the model
// cannot drift from what it stands for.
//
// Only tests import it. Nothing here knows how a host is made, and nothing
// here looks at a host by another way than the product does.
package contract

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/flake"
)

// Subject is a fresh host under contract. All of it is needed.
type Subject struct {
	Dial      func(ctx context.Context) (deploy.Conn, error)
	Attribute string
	// Good, Better and Best come to three systems that work.
	Good, Better, Best *flake.Flake
	FailsUnit          *flake.Flake // a unit fails after the switch
	BreaksNetwork      *flake.Flake // nobody reaches the host after the switch
	NoEvaluation       *flake.Flake
	NoBuild            *flake.Flake
	// PowerCut cuts the power and lets the host boot.
	PowerCut func()
	// StopGuard stops the guard for good, as if the arming had been killed before
	// it started it.
	StopGuard func()
	// LoseUnit takes the unit of the guard away, as a boot does where /etc is in
	// memory, and not the guard that runs: the next boot has none.
	LoseUnit func()
	// CutSwitch makes the next switch die in its middle, as if killed.
	CutSwitch func()
	// ForeignSwitch switches the host to a system of its own by somebody else,
	// and returns when that is done.
	ForeignSwitch func()
	// ForeignBegins is ForeignSwitch, but returns while that is under way; it
	// goes on when end is called.
	ForeignBegins func() (end func())
}

// Scenario is one thing that a host owes.
type Scenario struct {
	Name string
	Run  func(t *testing.T, s Subject)
}

// Scenarios lists them all.
func Scenarios() []Scenario {
	return append(append(readings(), decisions()...), interruptions()...)
}

// The clocks of the scenarios: long enough for a real switch on a slow machine.
const (
	activation = 120 * time.Second
	window     = 8 * time.Second
	patience   = 3 * time.Minute
	pause      = 250 * time.Millisecond
)

// deployer is one run of one operator against a host.
type deployer struct {
	t *testing.T
	s Subject
	*nixos.Machine
}

func (s Subject) deployer(t *testing.T, run, operator string) *deployer {
	t.Helper()
	d := &deployer{t: t, s: s, Machine: &nixos.Machine{Run: run, Operator: operator}}
	d.connect()
	return d
}

// connect opens a new connection, as soon as the host can be reached.
func (d *deployer) connect() {
	d.t.Helper()
	if d.Conn != nil {
		_ = d.Conn.Close()
	}
	d.eventually("a connection", func() bool {
		ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
		defer cancel()
		conn, err := d.s.Dial(ctx)
		d.Conn = conn
		return err == nil
	})
	conn := d.Conn
	d.t.Cleanup(func() { _ = conn.Close() })
}

// eventually polls. What is waited for happens on another machine, which tells
// only when it is asked.
func (d *deployer) eventually(what string, holds func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(pause) { // polls
		if time.Now().After(deadline) {
			d.t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

func (d *deployer) inspect(f *flake.Flake) deploy.Observation {
	d.t.Helper()
	digest := ""
	if f != nil {
		digest = f.Digest()
	}
	o, err := d.Inspect(d.t.Context(), digest)
	if err != nil {
		d.t.Fatalf("inspect: %v", err)
	}
	return o
}

func (d *deployer) upload(f *flake.Flake) {
	d.t.Helper()
	if err := d.send(f, f.Hash); err != nil {
		d.t.Fatalf("upload: %v", err)
	}
}

func (d *deployer) send(f *flake.Flake, hash string) error {
	var tar bytes.Buffer
	if err := f.Pack(&tar); err != nil {
		d.t.Fatal(err)
	}
	return d.Upload(d.t.Context(), f.Digest(), hash, &tar)
}

// build gives the flake's toplevel.
func (d *deployer) build(f *flake.Flake, planOnly bool) deploy.BuildAnswer {
	d.t.Helper()
	return d.asked(f, deploy.BuildRequest{PlanOnly: planOnly})
}

// asked builds the flake as q says.
func (d *deployer) asked(f *flake.Flake, q deploy.BuildRequest) deploy.BuildAnswer {
	d.t.Helper()
	q.Digest, q.Hash, q.Attribute, q.Timeout = f.Digest(), f.Hash, d.s.Attribute, 5*time.Minute
	a, err := d.Build(d.t.Context(), q, func(string) {})
	if err != nil {
		d.t.Fatalf("build: %v", err)
	}
	return a
}

func (d *deployer) request(f *flake.Flake, mode, wanted string, expect deploy.Links) deploy.ArmRequest {
	return deploy.ArmRequest{
		Stage: "dev", Fleet: "contract", Host: "subject", Digest: f.Digest(), Hash: f.Hash,
		Attribute: d.s.Attribute, Mode: mode, Goal: deploy.GoalFlake, Wanted: wanted, Expect: expect,
		ActivationTimeout: activation, ConfirmTimeout: window,
	}
}

// arm brings a host to where only the switch is missing.
func (d *deployer) arm(f *flake.Flake, mode string) (wanted string, before deploy.Links) {
	d.t.Helper()
	seen := d.inspect(nil)
	before = seen.Links
	d.upload(f)
	a := d.build(f, false)
	if a.Toplevel == "" {
		d.t.Fatalf("nothing was built: %+v\n%q", a, a.Output)
	}
	failed, err := d.Arm(d.t.Context(), d.request(f, mode, a.Toplevel, before))
	if err != nil || !slices.Equal(failed, seen.FailedUnits) {
		d.t.Fatalf("arm: %v, failed %v and not %v", err, failed, seen.FailedUnits)
	}
	return a.Toplevel, before
}

func (d *deployer) start() {
	d.t.Helper()
	if claim, err := d.Start(d.t.Context()); err != nil || claim != deploy.ClaimNone {
		d.t.Fatalf("start: claim %q, %v", claim, err)
	}
}

// await follows the switch to its end.
func (d *deployer) await() deploy.SwitchAnswer {
	d.t.Helper()
	var all []string
	var a deploy.SwitchAnswer
	d.eventually("the end of the switch", func() bool {
		var err error
		if a, err = d.Await(d.t.Context(), a.Offset, 10*time.Second); err != nil {
			d.t.Fatalf("await: %v", err)
		}
		all = append(all, a.Output...)
		return a.Done || a.Lost || a.Gone || a.Claim != deploy.ClaimNone
	})
	a.Output = all
	return a
}

// deploy goes up to where it is to be confirmed or not.
func (d *deployer) deploy(f *flake.Flake, mode string) (wanted string, before deploy.Links) {
	d.t.Helper()
	wanted, before = d.arm(f, mode)
	d.start()
	if a := d.await(); !a.Done || a.Links.Running != wanted {
		d.t.Fatalf("the switch did not lead to %s: %+v", wanted, a)
	}
	return wanted, before
}

// settled asks until the host has decided.
func (d *deployer) settled(ask func(context.Context, time.Duration) (deploy.Settlement, error)) deploy.Settlement {
	d.t.Helper()
	var got deploy.Settlement
	d.eventually("the host's decision", func() bool {
		var err error
		if got, err = ask(d.t.Context(), 10*time.Second); err != nil {
			d.t.Fatalf("settle: %v", err)
		}
		return got.Result != deploy.ResultNone
	})
	return got
}

// resolved waits until the guard has decided by itself.
func (d *deployer) resolved() deploy.Observation {
	d.t.Helper()
	var o deploy.Observation
	d.eventually("the guard's decision", func() bool {
		d.connect()
		ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
		defer cancel()
		var err error
		o, err = d.Inspect(ctx, "")
		return err == nil && (o.Active == nil || o.Active.Result == deploy.ResultStranded)
	})
	return o
}

// later waits until what is written next is newer by the clock of every sh: some
// count in seconds.
func (d *deployer) later() {
	d.t.Helper()
	from := d.inspect(nil).Uptime
	d.eventually("two seconds", func() bool { return d.inspect(nil).Uptime >= from+2 })
}

// isOn fails unless running, profile and next boot are one system.
func (d *deployer) isOn(toplevel string) {
	d.t.Helper()
	l := d.inspect(nil).Links
	if l.Running != toplevel || l.Profile != toplevel || (l.NextBoot != toplevel && l.NextBoot != "") {
		d.t.Errorf("the host is not on %s: %+v", toplevel, l)
	}
}

// isBack fails unless the host is exactly what it was.
func (d *deployer) isBack(before deploy.Links) {
	d.t.Helper()
	if l := d.inspect(nil).Links; l != before {
		d.t.Errorf("the host is not back:\nwas %+v\nis  %+v", before, l)
	}
}
