package main

import (
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
)

// owedRuns is how many of the newest runs are looked at for soaks.
const owedRuns = 20

// owed is what earlier runs of this very flake left of their soaks when they
// were killed or interrupted. Without it a second apply would find the hosts
// confirmed, and the next stage would open on a wave that never soaked.
func (c *change) owed(dir string) map[string]time.Duration {
	if c.flake == nil {
		return nil
	}
	return c.owedOf(dir, c.inv.Fleet, c.flake.Digest())
}

// owedOf is owed of a flake, by its digest.
func (in *invocation) owedOf(dir, fleet, flake string) map[string]time.Duration {
	runs, err := journal.List(dir)
	if err != nil {
		in.log.Warn("the runs of this machine cannot be listed, so a soak that one of them owes is not made up for", "error", err)
		return nil
	}
	owed := map[string]time.Duration{}
	for _, r := range slices.Backward(runs[:min(owedRuns, len(runs))]) { // the oldest first
		if r.Err != nil || r.Held || r.Command == "approve" || r.Fleet != fleet || r.Flake != flake {
			continue
		}
		if r.Finished && r.Exit == rollout.ExitOK { // all of its soaks are over, and it need not be read
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
