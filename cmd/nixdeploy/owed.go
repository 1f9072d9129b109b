package main

import (
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// owedRuns is how many of the newest runs are looked at for soaks.
const owedRuns = 20

// owed is what earlier runs of this very flake left of their soaks when they were
// killed or interrupted, whether a resume settled them or not. Without it a second
// apply would find the hosts confirmed, and the next stage would open on a wave that
// never soaked.
func (in *invocation) owed(inv *inventory.Inventory, f *flake.Flake) map[string]time.Duration {
	if f == nil {
		return nil
	}
	dir, err := in.stateDir()
	if err != nil {
		return nil
	}
	runs, err := journal.List(dir)
	if err != nil {
		in.log.Warn("the runs of this machine cannot be listed, so a soak that one of them owes is not made up for", "error", err)
		return nil
	}
	owed := map[string]time.Duration{}
	for _, r := range slices.Backward(runs[:min(owedRuns, len(runs))]) { // the oldest first
		if r.Err != nil || r.Held || r.Command == "approve" || r.Fleet != inv.Fleet || r.Flake != f.Digest() {
			continue
		}
		// All of its soaks are over, and it need not be read. A resume ends a run well,
		// too, and soaks none.
		if r.Finished && r.Exit == rollout.ExitOK && r.Through {
			for _, h := range r.Hosts {
				delete(owed, h)
			}
			continue
		}
		events, err := journal.Read(dir, r.Run)
		if err != nil {
			in.log.Warn("a run cannot be read, so a soak that it owes is not made up for", "run", r.Run, "error", err)
			continue
		}
		rollout.AddOwed(owed, events, time.Now())
	}
	return owed
}
