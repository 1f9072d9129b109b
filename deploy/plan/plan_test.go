package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func fleet() *inventory.Inventory {
	inv := &inventory.Inventory{
		Fleet: "home",
		Stages: []inventory.Stage{
			{Name: "dev", Parallel: 1},
			{Name: "prod", Batches: []inventory.Share{count(1), percent(100)}, Parallel: 2, MaxFailures: percent(50), Soak: time.Hour},
		},
		Hosts: []inventory.Host{{Name: "dev-1", Stage: "dev"}},
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		inv.Hosts = append(inv.Hosts, inventory.Host{
			Name: name, Stage: "prod", Target: "hetzner", Activation: inventory.ActivationSwitch,
			BuildTimeout: 10 * time.Minute, ActivationTimeout: 15 * time.Minute, ConfirmTimeout: time.Minute,
			Checks: []inventory.Check{{Deadline: time.Minute}, {Deadline: 2 * time.Minute}},
		})
	}
	return inv
}

func TestStagePlan(t *testing.T) {
	down := &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}
	hosts := []deploy.HostPlan{
		{Host: "d", Change: deploy.ChangeSwitch},
		{Host: "a", Problem: down},
		{Host: "c", Change: deploy.ChangeUnchanged, Notes: []string{"of the inspection"}},
		{Host: "b"},
	}
	in := plan.Input{
		Inventory: fleet(), Stage: "prod", Hosts: hosts, Evaluates: "on each host",
		Flake: flakeHash, Source: "rendered",
		Gate: deploy.Gate{Open: true, Override: "why not"},
	}
	p := plan.Stage(in)

	if p.Fleet != "home" || p.Stage != "prod" || p.Flake != flakeHash || p.Source != "rendered" ||
		p.Evaluates != "on each host" || p.Gate.Override != "why not" || p.Policy.Name != "prod" || p.Budget != 2 {
		t.Errorf("head of the plan: %+v", p)
	}
	// a is the first by name, but it cannot begin, so it is no canary.
	if d := cmp.Diff([][]string{{"b"}, {"c", "d", "a"}}, p.Waves); d != "" {
		t.Errorf("waves (-want +got):\n%s", d)
	}
	for i, want := range []struct {
		host   string
		wave   int
		change deploy.Change
	}{{"b", 1, deploy.ChangeUnknown}, {"c", 2, deploy.ChangeUnchanged}, {"d", 2, deploy.ChangeSwitch}, {"a", 2, deploy.ChangeUnknown}} {
		h := p.Hosts[i]
		if h.Host != want.host || h.Wave != want.wave || h.Change != want.change || h.Target != "hetzner" {
			t.Errorf("host %d is %+v, want %+v of hetzner", i, h, want)
		}
	}
	if hosts[0].Wave != 0 || hosts[0].Target != "" {
		t.Errorf("the input was written to: %+v", hosts[0])
	}
	shuffled := slices.Clone(hosts)
	slices.Reverse(shuffled)
	in.Hosts = shuffled
	if d := cmp.Diff(p, plan.Stage(in)); d != "" {
		t.Errorf("another order of the same hosts gives another plan:\n%s", d)
	}
}

func TestStageOfNobody(t *testing.T) {
	p := plan.Stage(plan.Input{Inventory: fleet(), Stage: "prod"})
	if len(p.Waves) != 0 || len(p.Hosts) != 0 || p.AtMost != 0 || p.Budget != 0 {
		t.Errorf("plan of no hosts: %+v", p)
	}
}

func TestPlannerGateKnowsTheWholeInventory(t *testing.T) {
	pl := plan.Planner{Inventory: fleet(), Flake: flakeHash}
	if g := pl.Gate("prod", time.Time{}, nil, nil); g.Open || len(g.Before) != 1 || len(g.Before[0].Missing) != 1 {
		t.Errorf("gate without any proof: %+v", g)
	}
	if g := pl.Gate("prod", time.Time{}, nil, map[string]deploy.HostPlan{"dev-1": proven()}); !g.Open {
		t.Errorf("gate with dev-1 proven: %+v", g)
	}
	if p := pl.Stage("prod", []deploy.HostPlan{{Host: "a"}}, deploy.Gate{}); len(p.Hosts) != 1 || p.Flake != flakeHash {
		t.Errorf("plan: %+v", p)
	}
}

func TestAtMostIsTheSumOfAllDeadlines(t *testing.T) {
	inv := fleet()
	l := plan.Limits{Connect: 10 * time.Second, Inspect: 20 * time.Second, Upload: 5 * time.Minute, Script: time.Minute, Readers: 2}
	hosts := []deploy.HostPlan{{Host: "a"}, {Host: "b"}, {Host: "c"}, {Host: "d"}}
	got := plan.Stage(plan.Input{Inventory: inv, Stage: "prod", Hosts: hosts, Limits: l}).AtMost

	decision := 3*15*time.Minute + 2*time.Minute + time.Minute
	change := 2*time.Minute + 15*time.Minute + 3*time.Minute + 2*decision // a host that answers neither the confirmation nor the return
	perHost := 20*time.Second + 20*time.Second + 5*time.Minute + 20*time.Minute + time.Minute + change + (2*time.Minute + 5*time.Second)
	back := 10*time.Second + 2*time.Minute + change
	check := 10*time.Second + 2*time.Minute + 5*time.Second
	want := 2*30*time.Second + // 4 hosts read, 2 at once
		1*perHost + 1*back + time.Hour + 2*1*check + // the canary
		2*perHost + 2*back + time.Hour + 2*2*check // 3 hosts, 2 at once
	if got != want {
		t.Errorf("at most %v, want %v", got, want)
	}

	unresolved := slices.Clone(hosts)
	unresolved[0].Observed = &deploy.Observation{Active: &deploy.ActiveRun{Run: "01R"}}
	unresolved[1].Observed, unresolved[1].Problem = unresolved[0].Observed, &deploy.Problem{Code: deploy.CodeLocked} // somebody else's
	settling := plan.Stage(plan.Input{Inventory: inv, Stage: "prod", Hosts: unresolved, Limits: l}).AtMost
	if more := settling - got; more != change+2*time.Minute+5*time.Second {
		t.Errorf("settling a run first takes %v at most", more)
	}

	inv.Stages[1].Soak = 0
	noSoak := plan.Stage(plan.Input{Inventory: inv, Stage: "prod", Hosts: hosts, Limits: l}).AtMost
	if noSoak != 60*time.Second+3*perHost {
		t.Errorf("without soak %v, want %v", noSoak, 60*time.Second+3*perHost)
	}
	inv.Stages[1].Parallel = 0
	if one := plan.Stage(plan.Input{Inventory: inv, Stage: "prod", Hosts: hosts, Limits: l}).AtMost; one != 60*time.Second+4*perHost {
		t.Errorf("one at a time %v, want %v", one, 60*time.Second+4*perHost)
	}
}

const (
	oldPath = "/nix/store/0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c-nixos-system-web-25.11"
	newPath = "/nix/store/1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d-nixos-system-web-26.05"
)

// quiet is an observation with nothing to say.
func quiet() *deploy.Observation {
	return &deploy.Observation{
		Links:       deploy.Links{Running: newPath, Booted: newPath, NextBoot: newPath, Reader: "systemd-boot"},
		Marker:      &deploy.Marker{Fleet: "home", Host: "web-1"},
		GuardReboot: "yes",
		FreeBytes:   map[string]int64{"/nix": 50 << 30, "/boot": 300 << 20, "/": 50 << 30},
	}
}

// drifted is a quiet host that was confirmed with a system, as generation 42, and is
// on generation 43.
func drifted(confirmed string) deploy.Observation {
	o := *quiet()
	o.Profile, o.ProfileLink = newPath, "system-43-link"
	o.Last = &deploy.Record{Toplevel: confirmed, ProfileLink: "system-42-link"}
	return o
}

func TestNotes(t *testing.T) {
	type set struct {
		h     *inventory.Host
		hp    *deploy.HostPlan
		o     *deploy.Observation
		first *bool
	}
	for _, c := range []struct {
		name   string
		change func(set)
		want   []string // what each note holds, in order
	}{
		{"a quiet host", func(set) {}, nil},
		{"not rebooted since", func(s set) { s.o.Booted, s.o.RebootPending = oldPath, true },
			[]string{"a reboot is pending from before, for another kernel or initrd: booted 0c0c0c0c-nixos-system-web-25.11, runs 1d1d1d1d-nixos-system-web-26.05"}},
		{"WSL has no booted system", func(s set) { s.o.Booted = "" }, nil},
		{"no guard over a reboot, switch", func(s set) { s.o.GuardReboot = "/etc is read-only" },
			[]string{`(/etc is read-only): switch is refused; set activation = "test-first", or accept_guard_loss = true`}},
		{"no guard over a reboot, accepted", func(s set) { s.o.GuardReboot, s.h.AcceptGuardLoss = "/etc is read-only", true },
			[]string{"accepted by accept_guard_loss"}},
		{"no guard over a reboot, test-first", func(s set) {
			s.o.GuardReboot, s.h.Activation = "/etc is read-only", inventory.ActivationTestFirst
		}, []string{"test-first covers it"}},
		{"no guard over a reboot, test-first on WSL", func(s set) {
			s.o.GuardReboot, s.o.WSL, s.h.Activation = "WSL", true, inventory.ActivationTestFirst
		}, []string{"does not cover a restart"}},
		{"no guard over a reboot, but nothing is switched", func(s set) {
			s.o.GuardReboot, s.hp.Change = "/etc is read-only", deploy.ChangeUnchanged
		}, nil},
		{"nobody said whether the guard survives", func(s set) { s.o.GuardReboot = "" }, []string{"(not known)"}},
		{"next boot not read", func(s set) { s.o.NextBoot = "" }, []string{"next boot unverified"}},
		{"next boot by no known reader", func(s set) { s.o.Reader = "unknown" }, []string{"next boot unverified"}},
		{"next boot differs", func(s set) { s.o.NextBoot = oldPath }, []string{"next boot is another system than the running one: 0c0c0c0c-"}},
		{"switched by hand since", func(s set) { *s.o = drifted(oldPath) },
			[]string{"drift from before: was switched by hand: generation 43, confirmed was 42"}},
		{"switched by hand, and again", func(s set) {
			*s.o = drifted(oldPath)
			s.o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignSwitch, What: "nixos-rebuild switch"}}
		}, []string{"under way: nixos-rebuild switch", "drift from before: was switched by hand"}},
		{"switched away and back", func(s set) { *s.o = drifted(newPath) }, []string{"drift from before: is on the confirmed system, but as generation 43"}},
		{"another next boot than the confirmed one is told once", func(s set) {
			*s.o = drifted(newPath)
			s.o.ProfileLink, s.o.NextBoot = "system-42-link", oldPath
		}, []string{"next boot is another system than the running one"}},
		{"an unresolved run is no drift", func(s set) {
			*s.o = drifted(oldPath)
			s.o.Active = &deploy.ActiveRun{Run: "01R", Operator: "anna", DecidesIn: 40}
		}, []string{"run 01R of anna is not resolved here"}},
		{"low space", func(s set) { s.o.FreeBytes = map[string]int64{"/nix": 1 << 30, "/boot": 10 << 20, "/": 1 << 20} },
			[]string{"/nix: 1024 MiB", "/boot: 10 MiB", "/: 1 MiB"}},
		{"space not read", func(s set) { s.o.FreeBytes = nil }, nil},
		{"a foreign switch", func(s set) {
			s.o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignSwitch, What: "nixos-rebuild switch", PID: 7}}
		}, []string{"not nixdeploy's is under way: nixos-rebuild switch, pid 7"}},
		{"an unresolved run is told once", func(s set) {
			s.o.Active = &deploy.ActiveRun{Run: "01R", Operator: "anna", DecidesIn: 40}
			s.o.Lease = &deploy.Lease{Run: "01R", Operator: "anna"}
		}, []string{"run 01R of anna is not resolved here; its guard decides in 40 s"}},
		{"a lease", func(s set) { s.o.Lease = &deploy.Lease{Run: "01R", Operator: "anna"} }, []string{"run 01R of anna holds it"}},
		{"no marker", func(s set) { s.o.Marker, s.o.Hostname = nil, "web-old" }, []string{`--first (hostname found: "web-old")`}},
		{"no marker, taken in", func(s set) { s.o.Marker, *s.first = nil, true }, nil},
		{"failed before", func(s set) { s.o.FailedUnits = []string{"a.service", "b.service"} },
			[]string{"already failed before, not blamed on this run: a.service, b.service"}},
		{"the worst comes first", func(s set) {
			s.o.FailedUnits, s.o.Foreign, s.o.Marker = []string{"a.service"}, []deploy.ForeignActivity{{Kind: deploy.ForeignSwitch, What: "nixos-rebuild switch"}}, nil
		}, []string{"under way", "--first", "a.service"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := inventory.Host{Name: "web-1", Activation: inventory.ActivationSwitch}
			hp := deploy.HostPlan{Host: "web-1", Observed: quiet()}
			first := false
			c.change(set{&h, &hp, hp.Observed, &first})
			got := plan.Notes(h, hp, first)
			if len(got) != len(c.want) {
				t.Fatalf("notes %q, want %d", got, len(c.want))
			}
			for i, want := range c.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("note %d is %q, want %q in it", i, got[i], want)
				}
			}
		})
	}
	if got := plan.Notes(inventory.Host{}, deploy.HostPlan{}, false); got != nil {
		t.Errorf("a host that was not read has notes: %q", got)
	}
}

func TestNotesOfTheInspectionStay(t *testing.T) {
	o := quiet()
	o.FailedUnits = []string{"x.service"}
	p := plan.Stage(plan.Input{Inventory: fleet(), Stage: "prod", Hosts: []deploy.HostPlan{{Host: "a", Observed: o, Notes: []string{"kernel changes"}}}})
	if n := p.Hosts[0].Notes; len(n) != 2 || n[0] != "kernel changes" {
		t.Errorf("notes %q", n)
	}
}
