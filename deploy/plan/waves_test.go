package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func count(n int) inventory.Share   { return inventory.Share{Count: n} }
func percent(n int) inventory.Share { return inventory.Share{Count: n, Percent: true} }

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("h%03d", i+1)
	}
	return list
}

func TestWaveSizes(t *testing.T) {
	canary := []inventory.Share{count(1), percent(25), percent(100)}
	for _, c := range []struct {
		name    string
		batches []inventory.Share
		hosts   int
		want    []int
	}{
		{"nobody", canary, 0, nil},
		{"one host is its own canary", canary, 1, []int{1}},
		{"a quarter of 5 is 1, not 2", canary, 5, []int{1, 1, 3}},
		{"a quarter is of the stage, not of the rest", canary, 8, []int{1, 2, 5}},
		{"a quarter of 3 is still a wave", canary, 3, []int{1, 1, 1}},
		{"hundred", canary, 100, []int{1, 25, 74}},
		{"the last batch repeats", []inventory.Share{count(1), count(2)}, 6, []int{1, 2, 2, 1}},
		{"a third, repeated", []inventory.Share{percent(33)}, 10, []int{3, 3, 3, 1}},
		{"no batches are one wave", nil, 4, []int{4}},
		{"a batch of nothing is a wave of one", []inventory.Share{count(0)}, 2, []int{1, 1}},
		{"0 % is a wave of one", []inventory.Share{percent(0)}, 2, []int{1, 1}},
		{"more than there are", []inventory.Share{count(50)}, 3, []int{3}},
		{"hosts end before the batches", []inventory.Share{count(2), count(2), count(2)}, 3, []int{2, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hosts := names(c.hosts)
			waves := plan.Waves(inventory.Stage{Batches: c.batches}, hosts)
			var got []int
			for _, w := range waves {
				got = append(got, len(w))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("sizes (-want +got):\n%s", d)
			}
			if all := slices.Concat(waves...); !slices.Equal(all, hosts) {
				t.Errorf("placed %v, want each of %v once, in order", all, hosts)
			}
		})
	}
}

func TestWavesPlaceEachHostOnceAndNeverTooMany(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.Custom(func(rt *rapid.T) inventory.Share {
			return inventory.Share{Count: rapid.IntRange(0, 120).Draw(rt, "count"), Percent: rapid.Bool().Draw(rt, "percent")}
		})
		batches := rapid.SliceOfN(share, 1, 5).Draw(rt, "batches")
		hosts := names(rapid.IntRange(0, 60).Draw(rt, "hosts"))
		waves := plan.Waves(inventory.Stage{Batches: batches}, hosts)
		if !slices.Equal(slices.Concat(waves...), hosts) {
			rt.Fatalf("waves %v do not hold %v in order", waves, hosts)
		}
		for i, w := range waves {
			b := batches[min(i, len(batches)-1)]
			if len(w) < 1 {
				rt.Fatalf("wave %d is empty", i+1)
			}
			if len(w) == 1 {
				continue
			}
			if b.Percent && len(w)*100 > b.Count*len(hosts) || !b.Percent && len(w) > b.Count {
				rt.Fatalf("wave %d has %d of %d hosts, more than %+v", i+1, len(w), len(hosts), b)
			}
		}
	})
}

func TestBudgetRoundsToTheSaferSide(t *testing.T) {
	for _, c := range []struct {
		share inventory.Share
		hosts int
		want  int
	}{
		{count(0), 5, 0},
		{count(1), 1, 1},
		{count(1), 2, 1},
		{count(9), 2, 2},
		{count(-1), 2, 0},
		{percent(0), 100, 0},
		{percent(100), 3, 3},
		{percent(33), 3, 0}, // 0.99 of a host is none
		{percent(34), 3, 1},
		{percent(50), 1, 0},
		{percent(99), 1, 0},
		{percent(100), 1, 1},
		{percent(50), 2, 1},
		{percent(10), 19, 1},
		{percent(30), 10, 3},
		{percent(250), 2, 2},
		{percent(50), 0, 0},
	} {
		if got := plan.Budget(c.share, c.hosts); got != c.want {
			t.Errorf("Budget(%+v, %d) = %d, want %d", c.share, c.hosts, got, c.want)
		}
	}
}
