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
			if ours && (o.Failed() || r.Ungated && !proves(o)) {
				return r.Planner.Gate(s.Name, time.Now(), maps.Clone(r.done), nil)
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
	seen := map[string]deploy.HostPlan{}
	plans := r.read(ctx, unread, "")
	for _, hp := range plans {
		r.runner.Release(hp.Host)
		if left, owed := r.Owed[hp.Host]; owed && hp.Problem == nil {
			hp.Problem = SoakOwed(hp.Host, left)
		}
		seen[hp.Host] = hp
	}
	for name, p := range doubled(r.machines, plans) {
		if hp, ok := seen[name]; ok {
			hp.Problem = p
			seen[name] = hp
		}
	}
	return r.Planner.Gate(s.Name, time.Now(), maps.Clone(r.done), seen)
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
