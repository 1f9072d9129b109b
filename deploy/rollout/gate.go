package rollout

import (
	"context"
	"maps"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// gate asks whether a stage may begin. Hosts of earlier stages that are in this
// run are judged by how they ended; the others are read, and only read. When a
// host of this run already closes the gate, nobody is contacted for it.
func (r *run) gate(ctx context.Context, s stageHosts) deploy.Gate {
	var unread []inventory.Host
	for _, earlier := range r.Inventory.Stages {
		if earlier.Name == s.Name {
			break
		}
		for _, h := range r.Inventory.Hosts {
			if h.Stage != earlier.Name {
				continue
			}
			o, ours := r.done[h.Name]
			if ours && (o.Failed() && !o.Away() || r.Ungated && !proves(o)) {
				g := r.Planner.Gate(s.Name, time.Now(), maps.Clone(r.done), nil)
				g.Open = g.Open && !r.Ungated // no share stands in for a host that did not go back
				return g
			}
			if !ours {
				unread = append(unread, h)
			}
		}
	}
	if r.Ungated {
		return deploy.Gate{Open: true}
	}
	if r.closed(s) {
		return r.Planner.Gate(s.Name, time.Now(), maps.Clone(r.done), nil)
	}
	plans := r.read(ctx, unread, "")
	for _, hp := range plans {
		r.runner.Release(hp.Host)
	}
	return r.Planner.Gate(s.Name, time.Now(), maps.Clone(r.done), proofs(plans, r.Owed, r.machines))
}

// Proofs are hosts that were only read, by name, as gates are judged by them: with
// what a soak that was broken off, or a second name, takes from their proof.
func Proofs(plans []deploy.HostPlan, owed map[string]time.Duration) map[string]deploy.HostPlan {
	return proofs(plans, owed, map[string]string{})
}

// proofs is Proofs; machines is as known of doubled.
func proofs(plans []deploy.HostPlan, owed map[string]time.Duration, machines map[string]string) map[string]deploy.HostPlan {
	seen := map[string]deploy.HostPlan{}
	for _, hp := range plans {
		if left, owes := owed[hp.Host]; owes && hp.Problem == nil {
			hp.Problem = soakOwedProblem(hp.Host, left)
		}
		seen[hp.Host] = hp
	}
	for name, p := range doubled(machines, plans) {
		if hp, ok := seen[name]; ok {
			hp.Problem = p
			seen[name] = hp
		}
	}
	return seen
}

// closed says that the stage's own settings close it, whatever the hosts say: then
// none of them is contacted for it.
func (r *run) closed(s stageHosts) bool {
	g := r.Planner.Gate(s.Name, time.Now(), maps.Clone(r.done), nil)
	return !g.Open && (g.Frozen != "" || g.Shut != "")
}

// proves says that a host of this run ended so that later stages may follow.
func proves(o deploy.Outcome) bool {
	return !o.Failed() && (o.State == deploy.StateConfirmed || o.State == deploy.StateUnchanged)
}
