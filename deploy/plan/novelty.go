package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// mostOlder is how many older flakes a plan compares its own with.
const mostOlder = 3

// Novelty says why the flake is another one than the hosts were confirmed with
// last, a line for each such flake, the one of most hosts first. since tells what
// changed from a flake by its digest; false when that one is not known.
func Novelty(digest string, hosts []deploy.HostPlan, since func(digest string) ([]string, bool)) []string {
	on := map[string][]string{}
	for _, h := range hosts {
		if h.Observed == nil || h.Observed.Last == nil {
			continue
		}
		if old := h.Observed.Last.FlakeHash; old != "" && old != digest {
			on[old] = append(on[old], h.Host)
		}
	}
	older := slices.SortedFunc(maps.Keys(on), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(on[b]), len(on[a])), cmp.Compare(a, b))
	})
	var lines []string
	for i, old := range older {
		if i == mostOlder {
			return append(lines, fmt.Sprintf("and %d older flakes on other hosts", len(older)-mostOlder))
		}
		what := "what that was made of is not known on this machine"
		if why, known := since(old); known {
			what = cmp.Or(strings.Join(why, "; "), "nothing that is kept of the two tells them apart")
		}
		lines = append(lines, fmt.Sprintf("since %s on %s: %s", old[:min(8, len(old))], few(on[old]), what))
	}
	return lines
}

// few names some hosts and counts the rest.
func few(hosts []string) string {
	const most = 4
	if len(hosts) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:most], " "), len(hosts)-most)
	}
	return strings.Join(hosts, " ")
}
