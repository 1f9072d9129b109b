package savedplan

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestWhatMovesAHost(t *testing.T) {
	active := func(record deploy.Links, wanted string) *deploy.ActiveRun {
		return &deploy.ActiveRun{Run: "R1", Operator: "me@here", Record: record, Wanted: wanted}
	}
	for name, c := range map[string]struct {
		change func(o *deploy.Observation)
		moved  []string // in the details; none: it has not moved
	}{
		"nothing":             {func(*deploy.Observation) {}, nil},
		"a reboot":            {func(o *deploy.Observation) { o.BootID, o.Booted, o.Uptime = "another", newSystem, 3 }, nil},
		"profile":             {func(o *deploy.Observation) { o.Profile = third }, []string{"profile", third}},
		"generation":          {func(o *deploy.Observation) { o.ProfileLink = "system-43-link" }, []string{"profile", "system-41-link", "system-43-link"}},
		"running":             {func(o *deploy.Observation) { o.Running = third }, []string{"running", third}},
		"next boot":           {func(o *deploy.Observation) { o.NextBoot = third }, []string{"boots", third}},
		"next boot not read":  {func(o *deploy.Observation) { o.NextBoot = "" }, nil},
		"another machine":     {func(o *deploy.Observation) { o.MachineID = "stranger" }, []string{"machine", "stranger"}},
		"no machine id":       {func(o *deploy.Observation) { o.MachineID = "" }, []string{"machine", "is none"}},
		"a third system":      {func(o *deploy.Observation) { o.Links = links(third, "42") }, []string{"profile", "running", "boots"}},
		"on the planned one":  {func(o *deploy.Observation) { o.Links = links(newSystem, "42") }, nil},
		"only half on it":     {func(o *deploy.Observation) { o.Links.Running = newSystem }, []string{"running"}},
		"boots something old": {func(o *deploy.Observation) { o.Links = links(newSystem, "42"); o.NextBoot = oldSystem }, []string{"profile", "running"}},
		"on the planned one, another machine": {
			func(o *deploy.Observation) { o.Links = links(newSystem, "42"); o.MachineID = "stranger" }, []string{"stranger"},
		},
		"a dead run of this plan": {
			func(o *deploy.Observation) {
				o.Links, o.Active = links(newSystem, "42"), active(links(oldSystem, "41"), newSystem)
			}, nil,
		},
		"a dead run of this plan in mid-switch": {
			func(o *deploy.Observation) {
				o.Profile, o.Active = newSystem, active(links(oldSystem, "41"), newSystem)
			}, nil,
		},
		"a dead return of this plan": {
			func(o *deploy.Observation) {
				o.Links, o.Active = links(newSystem, "42"), active(links(newSystem, "42"), oldSystem)
			}, nil,
		},
		"a dead run of something else": {
			func(o *deploy.Observation) { o.Active = active(links(oldSystem, "41"), third) }, []string{"run R1", third},
		},
		"a dead run from the planned one": {
			func(o *deploy.Observation) { o.Active = active(links(newSystem, "42"), third) }, []string{"run R1", third},
		},
		"a dead run from something else": {
			func(o *deploy.Observation) { o.Active = active(links(third, "42"), newSystem) }, []string{"profile", third},
		},
	} {
		t.Run(name, func(t *testing.T) {
			planned := hostPlan("web-1", 1)
			now := *planned.Observed
			c.change(&now)
			p := MovedHost(planned, now)
			if p == nil {
				if len(c.moved) > 0 {
					t.Fatal("not noticed")
				}
				return
			}
			text := strings.Join(p.Details, "\n")
			if p.Code != deploy.CodeMoved || p.Host != "web-1" || len(c.moved) == 0 {
				t.Errorf("%+v", p)
			}
			for _, part := range c.moved {
				if !strings.Contains(text, part) {
					t.Errorf("does not name %s:\n%s", part, text)
				}
			}
		})
	}
}

func TestWhatMovedInTheInventoryIsNamed(t *testing.T) {
	before := parse(t, fleetTOML)
	saved := InventoryOf(before, "/fleet/hosts.toml", before.Hosts[:2])
	for name, c := range map[string]struct {
		from, to string
		want     []string // the details
	}{
		"nothing":        {"", "", nil},
		"a comment":      {"[fleet]", "# hello\n[fleet]", []string{"no setting of the plan's hosts: other hosts, a stage, a check, an override or a comment"}},
		"another host":   {"10.0.0.3", "10.0.0.9", []string{"no setting of the plan's hosts: other hosts, a stage, a check, an override or a comment"}},
		"an address":     {"10.0.0.2", "10.0.0.9", []string{"web-1: address was 10.0.0.2, is 10.0.0.9"}},
		"a host is gone": {"[hosts.web-1]", "[hosts.web-7]", []string{"web-1: is not in it any more"}},
		"a new setting": {
			"[targets.server]", "[targets.server]\nuser = \"deploy\"",
			[]string{"dev-1: elevate was none, is sudo", "dev-1: user was root, is deploy", "web-1: elevate was none, is sudo", "web-1: user was root, is deploy"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := MovedInventory(saved, parse(t, strings.Replace(fleetTOML, c.from, c.to, 1)))
			if (p == nil) != (c.want == nil) {
				t.Fatalf("%+v", p)
			}
			if p != nil && (p.Code != deploy.CodeMoved || strings.Join(p.Details, "\n") != strings.Join(c.want, "\n")) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestWhatMovedInTheFlakeIsNamed(t *testing.T) {
	files := map[string]string{"flake.nix": "{ }", "a.nix": "1", "b.nix": "2"}
	saved := FlakeOf(open(t, files))
	if p := MovedFlake(saved, open(t, files)); p != nil {
		t.Errorf("the same flake elsewhere: %+v", p)
	}
	p := MovedFlake(saved, open(t, map[string]string{"flake.nix": "{ }", "a.nix": "one", "c.nix": "3"}))
	if p == nil || p.Code != deploy.CodeMoved {
		t.Fatalf("%+v", p)
	}
	if got := strings.Join(p.Details[1:], "\n"); got != "changed  a.nix\nremoved  b.nix\nnew      c.nix" {
		t.Errorf("names\n%s", got)
	}
	if !strings.HasPrefix(p.Details[0], "was "+saved.Hash+", is sha256-") {
		t.Error(p.Details[0])
	}
	many := map[string]string{"flake.nix": "{ }"}
	for c := 'a'; c <= 'z'; c++ {
		many[string(c)] = ""
	}
	if p := MovedFlake(saved, open(t, many)); len(p.Details) != 14 || p.Details[13] != "and 16 more" {
		t.Errorf("%d: %q", len(p.Details), p.Details)
	}
}
