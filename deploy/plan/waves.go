package plan

import "github.com/nixdeploy/nixdeploy/inventory"

// Waves places hosts, in the given order, into the stage's batches as Ansible's
// `serial` does: [1, "25%", "100%"] is a canary, a quarter, the rest. The last
// batch repeats until every host is placed. A percentage is of all the given
// hosts, rounded down, so that a wave is never larger than asked for; but a
// wave has at least one host, or it would never end. No batches mean one wave.
func Waves(stage inventory.Stage, hosts []string) [][]string {
	if len(hosts) == 0 {
		return nil
	}
	batches := stage.Batches
	if len(batches) == 0 {
		batches = []inventory.Share{{Count: 100, Percent: true}}
	}
	var waves [][]string
	for rest, n := hosts, 0; len(rest) > 0; n++ {
		size := max(1, part(batches[min(n, len(batches)-1)], len(hosts)))
		size = min(size, len(rest))
		waves = append(waves, rest[:size:size])
		rest = rest[size:]
	}
	return waves
}

// Budget is how many of so many hosts may fail before no further host begins.
// A percentage rounds down, the safer side: 33 % of 3 hosts is none.
func Budget(share inventory.Share, hosts int) int {
	return part(share, hosts)
}

// part is a share of so many hosts, never below 0 nor above all of them.
func part(s inventory.Share, hosts int) int {
	n := s.Count
	if s.Percent {
		n = min(max(n, 0), 100) * hosts / 100
	}
	return min(max(n, 0), hosts)
}
