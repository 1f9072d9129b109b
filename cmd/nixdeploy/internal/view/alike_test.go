package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Hosts with attributes of their own differ in their toplevels, in the toplevel's
// package, and in a few bytes; nothing of that keeps them apart.
func TestHostsAreAlikeWhenTheirChangesBringTheSame(t *testing.T) {
	base := func() deploy.HostPlan { return differing("web1", 1, 1, webDifference("web1")) }
	for name, c := range map[string]struct {
		change func(*deploy.HostPlan)
		alike  bool
	}{
		"nothing":               {func(*deploy.HostPlan) {}, true},
		"toplevel":              {func(h *deploy.HostPlan) { h.Difference = webDifference("web-with-a-longer-name") }, true},
		"generation and wave":   {func(h *deploy.HostPlan) { h.Observed, h.Wave = observed(7, "other"), 3 }, true},
		"a version":             {func(h *deploy.HostPlan) { h.Difference.Packages[3].New = []string{"1.28.1"} }, false},
		"the version of NixOS":  {func(h *deploy.HostPlan) { h.Difference.Packages[4].Old = []string{"25.11"} }, false},
		"a package more":        {func(h *deploy.HostPlan) { h.Difference.Packages = h.Difference.Packages[1:] }, false},
		"a package's size":      {func(h *deploy.HostPlan) { h.Difference.Packages[2].Bytes += 4 << 10 }, false},
		"the closure's size":    {func(h *deploy.HostPlan) { h.Difference.NewSize += mib }, false},
		"a unit":                {func(h *deploy.HostPlan) { h.Difference.Units.Restart = h.Difference.Units.Restart[1:] }, false},
		"what happens to units": {func(h *deploy.HostPlan) { h.Difference.Units.Stop, h.Difference.Units.Reload = nil, nil }, false},
		"units not asked":       {func(h *deploy.HostPlan) { h.Difference.Units = nil }, false},
		"no unit":               {func(h *deploy.HostPlan) { h.Difference.Units = &deploy.UnitChanges{} }, false},
		"what is built":         {func(h *deploy.HostPlan) { h.Build = []string{"/nix/store/0-app-1.drv"} }, false},
		"what is fetched":       {func(h *deploy.HostPlan) { h.Fetch = []string{"/nix/store/0-app-1"} }, false},
		"unchanged":             {func(h *deploy.HostPlan) { h.Change = deploy.ChangeUnchanged }, false},
	} {
		other := base()
		other.Host = "web2"
		c.change(&other)
		k := changesOf([]deploy.HostPlan{base(), other})
		if alike := k.key["web1"] == k.key["web2"]; alike != c.alike || k.key["web1"] == "" {
			t.Errorf("another %s: alike %t", name, alike)
		}
	}
}

// Derivations have other hashes on each host, so Nix lists them in another order.
func TestHostsThatBuildTheSameNamesAreAlike(t *testing.T) {
	a := deploy.HostPlan{Host: "a", Change: deploy.ChangeSwitch, Build: []string{"/nix/store/1a-app-1.drv", "/nix/store/2b-etc.drv", "/nix/store/3c-nixos-system-a-26.05.drv"}}
	b := deploy.HostPlan{Host: "b", Change: deploy.ChangeSwitch, Build: []string{"/nix/store/4d-nixos-system-b-26.05.drv", "/nix/store/5e-etc.drv", "/nix/store/6f-app-1.drv"}}
	if diff := cmp.Diff([][]string{{"a", "b"}}, alikeHosts([]deploy.HostPlan{a, b})); diff != "" {
		t.Error(diff)
	}
	a.Transfer.Unpacked = mib
	if diff := cmp.Diff([][]string{{"a"}, {"b"}}, alikeHosts([]deploy.HostPlan{a, b})); diff != "" {
		t.Error(diff)
	}
	if got := alikeHosts([]deploy.HostPlan{{Host: "c", Change: deploy.ChangeSwitch}}); len(got) != 0 {
		t.Errorf("a host of which nothing is known is alike: %q", got)
	}
}

// Hosts share a row only when there are many, and only when nothing tells them
// apart but name, generation and wave.
func TestOnlyHostsThatAreAlikeShareARow(t *testing.T) {
	host := func(i int) deploy.HostPlan {
		return deploy.HostPlan{Host: fmt.Sprintf("h%02d", i), Target: "x", Wave: 1 + i%2, Change: deploy.ChangeSwitch, Wanted: "w"}
	}
	rows := func(s Style, hosts []deploy.HostPlan) int {
		return strings.Count(s.planRows(deploy.Plan{Hosts: hosts}, changesOf(hosts)), "~  ")
	}
	var hosts []deploy.HostPlan
	for i := range manyRows {
		hosts = append(hosts, host(i))
	}
	if n := rows(Style{}, hosts); n != manyRows {
		t.Errorf("%d rows for %d hosts", n, manyRows)
	}
	hosts = append(hosts, host(manyRows))
	if n := rows(Style{}, hosts); n != 1 {
		t.Errorf("%d rows for %d hosts that are alike", n, len(hosts))
	}
	if n := rows(Style{All: true}, hosts); n != len(hosts) {
		t.Errorf("--verbose: %d rows for %d hosts", n, len(hosts))
	}
	for name, change := range map[string]func(*deploy.HostPlan){
		"target":     func(h *deploy.HostPlan) { h.Target = "y" },
		"change":     func(h *deploy.HostPlan) { h.Change = deploy.ChangeEvaluate },
		"build":      func(h *deploy.HostPlan) { h.Build = make([]string, 1) },
		"fetch":      func(h *deploy.HostPlan) { h.Fetch = make([]string, 1) },
		"download":   func(h *deploy.HostPlan) { h.Transfer.Download = 1 << 10 },
		"difference": func(h *deploy.HostPlan) { h.Difference = &deploy.Difference{} },
		"problem":    func(h *deploy.HostPlan) { h.Problem = &deploy.Problem{What: "no"} },
	} {
		others := slices.Clone(hosts)
		change(&others[7])
		if n := rows(Style{}, others); n != 2 {
			t.Errorf("another %s: %d rows, want 2", name, n)
		}
	}
	differ := slices.Clone(hosts)
	differ[3].Difference, differ[4].Difference = &deploy.Difference{}, &deploy.Difference{Reboot: []string{"kernel"}}
	if n := rows(Style{}, differ); n != 3 {
		t.Errorf("with and without a reboot: %d rows, want 3", n)
	}
}

// Two targets can bring the same: it is told once.
func TestADifferenceOfTwoRowsIsToldOnce(t *testing.T) {
	p := largePlan(60)
	for i := range p.Hosts {
		if i%2 == 1 {
			p.Hosts[i].Target = "m1"
		}
	}
	got := Style{}.Plan(p, "")
	if n := strings.Count(got, "packages  "); n != 3 || strings.Count(got, "the same as on host0000") != 3 {
		t.Errorf("%d lists of packages:\n%s", n, got)
	}
}

func TestANoteIsToldWithItsChangeOnlyWhereItIsOfAllItsHostsAndNoOthers(t *testing.T) {
	hosts := []deploy.HostPlan{
		differing("web1", 1, 1, webDifference("web1"), "of web", "of all", "mine"),
		differing("web2", 1, 1, webDifference("web2"), "of web", "of all"),
		differing("db1", 1, 1, dbDifference("db1"), "of all", "of db"),
		{Host: "old1", Change: deploy.ChangeUnknown, Notes: []string{"of old"}},
	}
	c := changesOf(hosts)
	want := map[string][]string{c.key["web1"]: {"of web"}, c.key["db1"]: {"of db"}}
	if diff := cmp.Diff(want, c.notes); diff != "" {
		t.Error(diff)
	}
	got := Style{}.planNotes(hosts, c)
	if want := "  note web1 web2 db1: of all\n  note web1: mine\n  note old1: of old\n"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// A plan of ten times as many hosts takes ten times the work, not a hundred times.
func TestTheWorkOfAPlanGrowsWithItsHosts(t *testing.T) {
	for name, plan := range map[string]func(int) deploy.Plan{
		"alike":    largePlan,
		"troubled": troubledPlan,
		"each its own": func(n int) deploy.Plan {
			p := largePlan(n)
			for i := range p.Hosts {
				p.Hosts[i].Difference = &deploy.Difference{NewSize: int64(i) * mib}
			}
			return p
		},
	} {
		work := func(n int) float64 {
			p := plan(n)
			return testing.AllocsPerRun(1, func() { _ = Style{}.Plan(p, "") })
		}
		if few, many := work(200), work(2000); many > 15*few {
			t.Errorf("%s: %.0f allocations for 200 hosts, %.0f for 2,000", name, few, many)
		}
	}
}

func BenchmarkPlanOf10000Hosts(b *testing.B) {
	p := largePlan(10000)
	for b.Loop() {
		_ = Style{}.Plan(p, "")
	}
}
