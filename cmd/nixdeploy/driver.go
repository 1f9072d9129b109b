package main

import (
	"context"
	"log/slog"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Driver is what the commands need of package host's Driver.
type Driver interface {
	rollout.Runner
	// Evaluate reads a host and asks it what the flake would change, as far as
	// level goes.
	Evaluate(ctx context.Context, h inventory.Host, stage string, level deploy.PlanLevel) deploy.HostPlan
	// Resume settles what the run left undecided on a host, as its journal has it.
	Resume(ctx context.Context, h inventory.Host, stage string, left deploy.HostReport) deploy.Outcome
	// Goto brings a host to a system that is in its store.
	Goto(ctx context.Context, h inventory.Host, stage string, wave int, system, link string) deploy.Outcome
	// Kept asks a host what it holds of a run, and for a system to go back to.
	Kept(ctx context.Context, h inventory.Host, run, system string) (deploy.KeptRun, error)
	// Approve makes a host remember an approval of the flake for a stage.
	Approve(ctx context.Context, h inventory.Host, stage string) error
	// Facts asks a host what it is, for its folder beside hosts.toml.
	Facts(ctx context.Context, h inventory.Host) (deploy.HostFacts, error)
	// Close releases every host.
	Close()
}

// Request is what a Connector needs to know.
type Request struct {
	Run       string // id
	Operator  string // user@machine, no blanks
	Inventory *inventory.Inventory
	Flake     *flake.Flake // nil: nothing is deployed
	First     bool         // --first
	Accept    bool         // --accept
	// Saved is the saved plan that is applied, nil for none: nothing is evaluated
	// then, and hosts that are no longer what it saw are refused.
	Saved   *savedplan.Document
	Journal deploy.Journal
	// Ours says whether a run found unresolved on a host is a dead one of this
	// operator, so that it may be taken up.
	Ours   func(run string) bool
	Admit  context.Context //nolint:containedctx // ends at the first interruption
	Detach context.Context //nolint:containedctx // ends at the second interruption
	Log    *slog.Logger
}

// Fleet is a fleet that can be driven.
type Fleet struct {
	Driver    Driver
	Evaluates string // where evaluation happens, for people
	Limits    plan.Limits
}

// Connector makes a Fleet. It contacts nothing yet.
type Connector func(a App, q Request) (Fleet, error)
