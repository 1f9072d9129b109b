package main

import (
	"maps"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
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
	runs, err := journal.List(dir)
	if err != nil {
		c.log.Warn("the runs of this machine cannot be listed, so a soak that one of them owes is not made up for", "error", err)
		return nil
	}
	owed := map[string]time.Duration{}
	for _, r := range slices.Backward(runs[:min(owedRuns, len(runs))]) { // the oldest first
		if r.Err != nil || r.Held || r.Fleet != c.inv.Fleet || r.Flake != c.flake.Digest() {
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
			c.log.Warn("a run cannot be read, so a soak that it owes is not made up for", "run", r.Run, "error", err)
			continue
		}
		addOwed(owed, events, time.Now())
	}
	return owed
}

// addOwed takes one more run into account: soaks that it finished are paid,
// those that it broke off are owed.
func addOwed(owed map[string]time.Duration, events []deploy.Event, now time.Time) {
	type wave struct {
		stage string
		n     int
	}
	finished := map[wave]bool{}
	for _, e := range events {
		if e.Kind == deploy.EventSoakFinished {
			finished[wave{e.Stage, e.Wave}] = true
		}
	}
	for _, h := range deploy.Fold(events).Hosts {
		if finished[wave{h.Stage, h.Wave}] {
			delete(owed, h.Host)
		}
	}
	maps.Copy(owed, rollout.Owed(events, now))
}
