package rollout

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Who has to go back is changed once more, so a resume keeps to parallel, stage
// by stage; guards that wait are settled first.
func TestUndecidedHostsKeepToTheirStagesParallel(t *testing.T) {
	inv := &inventory.Inventory{Stages: []inventory.Stage{{Name: "dev"}, {Name: "prod", Parallel: 2}}}
	left := map[string]deploy.HostReport{}
	var hosts []inventory.Host
	for _, stage := range inv.Stages {
		for n := range 5 {
			h := inventory.Host{Name: fmt.Sprint(stage.Name, n), Stage: stage.Name}
			hosts = append(hosts, h)
			left[h.Name] = deploy.HostReport{State: deploy.StateStranded}
		}
	}
	left["prod4"] = deploy.HostReport{State: deploy.StateInFlight}
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most, order := map[string]int{}, map[string]int{}, map[string][]string{}
		EachUndecided(inv, hosts, left, func(h inventory.Host) {
			mu.Lock()
			now[h.Stage]++
			most[h.Stage] = max(most[h.Stage], now[h.Stage])
			order[h.Stage] = append(order[h.Stage], h.Name)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now[h.Stage]--
			mu.Unlock()
		})
		if most["dev"] != 1 || most["prod"] != 2 || len(order["dev"]) != 5 || len(order["prod"]) != 5 {
			t.Errorf("at once %v, in the order %v", most, order)
		}
		if !slices.Contains(order["prod"][:2], "prod4") {
			t.Errorf("the guard of prod4 waits: %v", order["prod"])
		}
	})
}
