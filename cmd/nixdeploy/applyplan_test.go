package main

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// What was planned is what is applied: no evaluation here, one build and no
// dry-build there, the planned systems, and nothing asked.
func TestASavedPlanIsAppliedExactly(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan")
	s.says(t, "saved to release.plan", "Next: nixdeploy apply release.plan")
	plan, err := os.Stat(s.path("release.plan"))
	if err != nil || plan.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", plan, err)
	}
	app, calls := standInNix(t, "nix (Nix) 2.28.3", "exit 1")
	s.nix = nixHere(t.Context(), app)
	s.forget()
	s.run(t, 0, "apply", "release.plan")
	if _, err := os.Stat(calls); err == nil {
		t.Error("the Nix of this machine was asked")
	}
	for _, host := range s.Names() {
		exact, all := s.count(host+" build exact"), s.count(host+" build")
		if exact != 1 || all != 1 {
			t.Errorf("%s: %d builds, %d of them without a dry-build", host, all, exact)
		}
	}
	s.says(t, "looking whether what release.plan saw is still so: box-1 dev-1 dev-2 web-1 web-2", "confirmed 5 box-1 dev-1 dev-2 web-1 web-2")
	d := s.plan(t)
	for name, h := range d.Hosts() {
		if is := s.Links()[name]; is.Running != h.Wanted || is.Profile != h.Wanted {
			t.Errorf("%s is on %s, planned was %s", name, is.Running, h.Wanted)
		}
	}
	runs, err := journal.List(s.path("state"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	events, err := journal.Read(s.path("state"), runs[0].Run)
	if err != nil {
		t.Fatal(err)
	}
	want := deploy.SavedPlan{ID: d.ID, Hash: d.hash(), By: d.By}
	if got := deploy.Fold(events).Start.SavedPlan; got == nil || *got != want {
		t.Errorf("the journal has %+v, want %+v", got, want)
	}

	// The same Nix is what a plan without a file asks: the test can see it.
	s.release(t, simfleet.DemoBad)
	s.run(t, 4, "plan", "--stage", "container")
	if _, err := os.Stat(calls); err != nil {
		t.Error("a plan did not ask the Nix of this machine")
	}
}

// plan reads release.plan.
func (s *simulated) plan(t *testing.T) *planFile {
	t.Helper()
	f, err := (&invocation{App: s.app}).readPlanFile("release.plan", "apply")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAHostThatMovedStopsAllOfAPlan(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan")
	s.byHand(t, "web-2")
	before := s.Links()
	s.forget()
	s.run(t, 4, "apply", "release.plan")
	s.unmoved(t, before)
	s.says(t, "error[moved] web-2: the host has changed since the plan was saved", "profile was system-41-link",
		"running was /nix/store/", "next nixdeploy plan --on box-1,dev-1,dev-2,web-1,web-2 --out release.plan")
	if n := s.count("build") + s.count("upload") + s.count("guard"); n > 0 {
		t.Errorf("%d scripts did more than read: %q", n, s.sent)
	}
	for _, host := range s.Names() {
		if s.count(host+" inspect") != 1 {
			t.Errorf("%s was not looked at once: %q", host, s.sent)
		}
	}
	runs, err := journal.List(s.path("state"))
	if err != nil || len(runs) != 1 || !runs[0].Finished || runs[0].Exit != 4 {
		t.Errorf("the journal says %+v, %v", runs, err)
	}
}

// A lock, or what else keeps a host from being worked on, does not hide that it
// has moved: the hosts before it would be changed first.
func TestALockedHostThatMovedStopsAllOfAPlan(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan")
	s.byHand(t, "web-2")
	s.Host("web-2").ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("again", "web-2"), BuildTime: time.Hour})
	before := s.Links()
	s.forget()
	s.run(t, 4, "apply", "release.plan")
	s.unmoved(t, before)
	s.says(t, "error[moved] web-2: the host has changed since the plan was saved", "profile was system-41-link")
	if n := s.count("build") + s.count("upload") + s.count("guard"); n > 0 {
		t.Errorf("%d scripts did more than read: %q", n, s.sent)
	}
}

// One that is locked and still what the plan saw is left to its stage.
func TestWhatOfALockedHostStopsAPlan(t *testing.T) {
	planned := deploy.HostPlan{Host: "web-1", Wanted: "/nix/store/new", Observed: observation("web-1")}
	was := planned.Observed.Links
	elsewhere := was
	elsewhere.Profile = "/nix/store/third"
	locked := &deploy.Problem{Code: deploy.CodeLocked, Host: "web-1"}
	for name, c := range map[string]struct {
		links  deploy.Links
		active *deploy.ActiveRun
		moved  bool
	}{
		"as it was": {was, nil, false},
		"changed":   {elsewhere, nil, true},
		"in a run of another that began at the plan's": {elsewhere, &deploy.ActiveRun{Run: "R1", Record: was, Wanted: "/nix/store/third"}, false},
		"in a run of another that began elsewhere":     {elsewhere, &deploy.ActiveRun{Run: "R1", Record: elsewhere, Wanted: "/nix/store/new"}, true},
	} {
		o := *planned.Observed
		o.Links, o.Active = c.links, c.active
		if p := stops(planned, deploy.HostPlan{Host: "web-1", Problem: locked, Observed: &o}); (p != nil) != c.moved || p != nil && p.Code != deploy.CodeMoved {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p := stops(planned, deploy.HostPlan{Host: "web-1", Problem: &deploy.Problem{Code: deploy.CodeUnreachable}}); p != nil {
		t.Errorf("one that cannot be read: %+v", p)
	}
}

// byHand switches a host as somebody on its console would.
func (s *simulated) byHand(t *testing.T, host string) {
	t.Helper()
	h := s.Host(host)
	was := h.Links().Running
	h.ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("by hand", host)})
	h.Settle()
	if h.Links().Running == was {
		t.Fatal("the switch by hand is not done yet")
	}
}

func TestAChangedInventoryOrFlakeStopsAPlan(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan")
	before := s.Links()
	text, err := os.ReadFile(s.path("hosts.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s.edit(t, "hosts.toml", func(text string) string {
		return strings.Replace(text, "target = \"container\"", "target = \"container\"\nconfirm_timeout = \"2m\"", 1)
	})
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "error[moved]: ", "hosts.toml has changed since the plan was saved", "box-1: confirm_timeout was 1m, is 2m")
	s.unmoved(t, before)

	s.edit(t, "hosts.toml", func(string) string { return string(text) })
	s.release(t, simfleet.DemoBad)
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "error[moved]: the flake (", "changed inventory.json")
	s.unmoved(t, before)

	// All that moved is named at once.
	s.edit(t, "hosts.toml", func(string) string { return "# hello\n" + string(text) })
	s.byHand(t, "dev-1")
	s.run(t, 4, "apply", "release.plan", "--json")
	s.says(t, "hosts.toml has changed", "the flake (", "dev-1: inspect: the host has changed")
	lines := strings.Split(strings.TrimSpace(s.stdout.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"type":"error","exit":4`) {
		t.Errorf("the last line is %s", last)
	}

	s.edit(t, "hosts.toml", func(string) string { return string(text) })
	s.release(t, simfleet.DemoGood)
	s.run(t, 4, "apply", "release.plan")
	if strings.Contains(s.said(), "hosts.toml has changed") || strings.Contains(s.said(), "the flake (") {
		t.Error("what was put back is still said to have moved")
	}
}

// A file that was edited by hand does not do away with what hosts.toml asks for.
func TestAnEditedPlanNeedsItsApprovalAllTheSame(t *testing.T) {
	s := newSimulated(t)
	s.edit(t, "hosts.toml", func(text string) string { return text + "\n[stages.container]\napproval = true\n" })
	s.run(t, 0, "plan", "--stage", "container", "-o", "release.plan")
	s.edit(t, "release.plan", func(text string) string { return strings.Replace(text, `"approval": true`, `"approval": false`, 1) })
	before := s.Links()
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "error[approval]", "stage container asks for an approval")
	s.unmoved(t, before)
}

// A host on the planned system is done, whenever it came there.
func TestASavedPlanAppliedAgainConverges(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--stage", "container", "-o", "release.plan")
	s.run(t, 0, "apply", "release.plan")
	before := s.Links()
	s.run(t, 0, "apply", "release.plan")
	s.says(t, "unchanged 1 box-1")
	s.unmoved(t, before)
	s.byHand(t, "box-1")
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "error[moved] box-1")
}

func TestAfterAKillResumeAndThePlanGoOn(t *testing.T) {
	for _, resume := range []bool{true, false} {
		s := newSimulated(t)
		s.run(t, 0, "plan", "-o", "release.plan")
		var once sync.Once
		s.on = func(what string) {
			if what == "box-1 guard await" {
				once.Do(func() {
					s.ints <- Interruption{Name: "interrupt"}
					s.ints <- Interruption{Name: "interrupt"}
				})
			}
		}
		s.run(t, 130, "apply", "release.plan")
		if resume {
			s.run(t, 0, "resume")
		}
		s.run(t, 0, "apply", "release.plan")
		for name, h := range s.plan(t).Hosts() {
			if is := s.Links()[name]; is.Running != h.Wanted || is.Profile != h.Wanted {
				t.Errorf("resumed %v: %s is on %s, planned was %s", resume, name, is.Running, h.Wanted)
			}
		}
	}
}

func TestHostsThatCannotBeSavedAreNamed(t *testing.T) {
	s := newSimulated(t)
	s.Host("dev-2").PowerOff()
	s.run(t, 4, "plan", "-o", "release.plan")
	s.says(t, "not saved: a saved plan does exactly what it says", "without dev-2: nixdeploy plan --on '!dev-2' --out release.plan")
	if _, err := os.Stat(s.path("release.plan")); err == nil {
		t.Error("it was saved")
	}
	s.run(t, 0, "plan", "--on", "!dev-2", "-o", "release.plan")
	if _, ok := s.plan(t).Hosts()["dev-2"]; ok {
		t.Error("dev-2 is in the plan")
	}
}

// With --quick and no Nix here nobody knows what a host is to get.
func TestAQuickPlanIsSavedOnlyWhereTheSystemsAreKnown(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 4, "plan", "--quick", "--stage", "container", "-o", "release.plan", "--exit-code")
	s.says(t, "error[evaluation] box-1: which system it is to get is not known", "next leave out --quick: the host evaluates then")
	if _, err := os.Stat(s.path("release.plan")); err == nil {
		t.Error("it was saved")
	}
	s.run(t, 0, "plan", "--full", "--stage", "container", "-o", "release.plan")
	s.run(t, 0, "apply", "release.plan")
	s.run(t, 0, "plan", "--quick", "--stage", "container", "-o", "release.plan") // its record tells
	s.run(t, 0, "apply", "release.plan")
	s.says(t, "unchanged 1 box-1")
}

// Another machine behind an address ends all of it, before anything is changed.
func TestAStrangerStopsAllOfAPlan(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan")
	s.Host("web-1").SetMarker("away", "nas")
	before := s.Links()
	s.forget()
	s.run(t, 7, "apply", "release.plan")
	s.says(t, "error[identity] web-1")
	s.unmoved(t, before)
	if n := s.count("upload") + s.count("build exact"); n > 0 {
		t.Errorf("%q", s.sent)
	}
}

// A host that is gone when its turn comes counts as in every apply.
func TestAHostThatIsGoneSinceCountsAsFailed(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan")
	s.Host("dev-2").PowerOff()
	before := s.Links()
	s.run(t, 5, "apply", "release.plan")
	s.says(t, "error[unreachable] dev-2", "confirmed 1 box-1", "Next: nixdeploy apply release.plan")
	delete(before, "box-1")
	s.unmoved(t, before)
}

func TestThePlanIsApplied(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--stage", "container", "--parallel", "1", "-o", "release.plan")
	for _, flags := range [][]string{{"--stage", "dev"}, {"--on", "box-1"}, {"--first"}, {"--parallel", "2"}} {
		s.run(t, 2, append([]string{"apply", "release.plan"}, flags...)...)
		s.says(t, flags[0]+" with a saved plan: it is applied as it is, whole")
		s.run(t, 2, append(append([]string{"apply"}, flags...), "release.plan")...)
	}
	s.run(t, 2, "apply", "nosuch.plan")
	s.says(t, "the saved plan cannot be read")
	s.edit(t, "release.plan", func(text string) string { return strings.Replace(text, `"id"`, `"nosuch": 1, "id"`, 1) })
	s.run(t, 2, "apply", "release.plan")
	s.says(t, "release.plan:4: unknown key nosuch")
	if err := os.Chmod(s.path("release.plan"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.run(t, 2, "apply", "release.plan")
	s.says(t, "release.plan can be written by everybody")
}

func TestAPlanIsShownOffline(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "-o", "release.plan", "--on", "box-1,dev-1")
	shown := s.stdout.String()
	if err := os.Remove(s.path("hosts.toml")); err != nil {
		t.Fatal(err)
	}
	s.forget()
	s.run(t, 0, "plan", "show", "release.plan")
	head, rest, _ := strings.Cut(s.stdout.String(), "\n")
	if rest != shown || !strings.HasPrefix(head, "Saved plan "+s.plan(t).ID) {
		t.Errorf("shown is\n%s\nand was\n%s", s.stdout.String(), shown)
	}
	s.run(t, 0, "plan", "show", "release.plan", "--json")
	if !strings.HasPrefix(s.stdout.String(), "{\n") || !strings.Contains(s.stdout.String(), `"type": "plan"`) {
		t.Errorf("no document:\n%s", &s.stdout)
	}
	if len(s.sent) > 0 {
		t.Errorf("hosts were asked: %q", s.sent)
	}
	s.run(t, 2, "plan", "show")
	s.run(t, 2, "plan", "show", "release.plan", "--stage", "dev")
	s.run(t, 2, "plan", "--stage", "dev", "show", "release.plan")
	s.says(t, `plan does not take "show"`)
}

// A plan that no longer fits is made again on the same terms.
func TestAPlanThatMovedIsMadeAgainOnTheSameTerms(t *testing.T) {
	s := newSimulated(t)
	terms := []string{"--stage", "container", "--on", "box-1", "--first", "--accept", "--override-gate", "hotfix 4711"}
	anew := "plan --stage container --on box-1 --first --accept --override-gate 'hotfix 4711' --out release.plan"
	s.run(t, 0, append([]string{"plan", "-o", "release.plan"}, terms...)...)
	s.byHand(t, "box-1")
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "next nixdeploy "+anew)

	report := deploy.Report{
		Start: deploy.RunStart{Command: "apply", Stages: []string{"container"}, Hosts: []string{"box-1"}},
		Hosts: []deploy.HostReport{{Host: "box-1", Problem: &deploy.Problem{Code: deploy.CodeMoved}}},
	}
	o := options{planFile: "release.plan", first: true, accept: true, override: "hotfix 4711"}
	if got := o.againSaved(report); got != "nixdeploy "+anew {
		t.Errorf("after a run: %s", got)
	}
}

// Who reviews a file is told on which terms it is applied.
func TestAShownPlanTellsItsTerms(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--stage", "container", "-o", "release.plan", "--first", "--accept", "--override-gate", "hotfix 4711")
	s.run(t, 0, "plan", "show", "release.plan")
	s.says(t, "(--first)", "(--accept)", "begins stages whose gate is closed (--override-gate: hotfix 4711)")
}

func TestAPlanGoesToStdout(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--on", "box-1", "-o", "-")
	if !strings.HasPrefix(s.stdout.String(), "{\n \"nixdeploy_plan\": 1,") {
		t.Errorf("stdout has\n%s", &s.stdout)
	}
	contains(t, "stderr", s.stderr.String(), "Plan: 1 to change")
	if err := os.WriteFile(s.path("release.plan"), s.stdout.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "apply", "release.plan")
}

func TestAPlanComesFromStdin(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--on", "box-1", "-o", "-")
	s.stdin = s.stdout.String()
	for _, args := range [][]string{{"plan", "show", "-"}, {"apply", "-"}} {
		s.run(t, 0, args...)
		s.says(t, "box-1")
	}
	s.run(t, 2, "init", "-")
	s.says(t, `"-" cannot be an argument`)
}

// The gate that a plan shows is the one that an apply goes by.
func TestAPlanKnowsOfASoakThatWasBrokenOff(t *testing.T) {
	s := newSimulated(t)
	s.edit(t, "hosts.toml", func(text string) string { return text + "\n[stages.container]\nsoak = \"1h\"\n" })
	s.on = func(what string) {
		if what == "box-1 guard confirm" {
			s.ints <- Interruption{Name: "interrupt"}
		}
	}
	s.run(t, 130, "apply", "--stage", "container", "--yes")
	s.on = nil
	s.run(t, 4, "apply", "--stage", "dev", "--yes")
	s.says(t, "its soak was broken off")
	s.run(t, 0, "plan", "--quick", "--stage", "dev")
	s.says(t, "Gate: closed", "not soaked: its soak was broken off")
}
