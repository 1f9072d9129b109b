package main

import (
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
)

// owed is what the newest run of this very flake left of its soaks when it was
// killed or interrupted. Without it a second apply would find the hosts
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
	for _, r := range runs {
		if r.Err != nil || r.Held || r.Fleet != c.inv.Fleet {
			continue
		}
		events, err := journal.Read(dir, r.Run)
		if err != nil {
			c.log.Warn("a run cannot be read, so a soak that it owes is not made up for", "run", r.Run, "error", err)
			continue
		}
		if deploy.Fold(events).Start.Flake == c.flake.Digest() {
			return rollout.Owed(events, time.Now())
		}
	}
	return nil
}
