package rollout

import (
	"slices"
	"sync"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// EachUndecided calls do for each of hosts, which a run left undecided, and returns
// when all calls have. Of each stage no more are settled at once than its
// parallel, since one that has to go back is changed once more. Those whose
// guards wait come first. left is what the journal holds of each host, by name.
func EachUndecided(inv *inventory.Inventory, hosts []inventory.Host, left map[string]deploy.HostReport, do func(inventory.Host)) {
	var stages sync.WaitGroup
	defer stages.Wait()
	for _, stage := range inv.Stages {
		of := slices.DeleteFunc(slices.Clone(hosts), func(h inventory.Host) bool { return h.Stage != stage.Name })
		slices.SortStableFunc(of, func(a, b inventory.Host) int { return later(left[a.Name]) - later(left[b.Name]) })
		stages.Go(func() {
			each(len(of), max(stage.Parallel, 1), func(i int) { do(of[i]) })
		})
	}
}

// later is 0 for a host that is in flight.
func later(h deploy.HostReport) int {
	if h.State == deploy.StateInFlight {
		return 0
	}
	return 1
}
