package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

func TestStatus(t *testing.T) {
	odd := observation("web-2")
	d := &fakeDriver{plans: map[string]deploy.HostPlan{"web-2": {Observed: odd}}}
	c := newCall(t, d)
	c.expect(t, 0, "status", "--exit-code")
	contains(t, "stdout", c.stdout.String(), "=  web-1  prod   healthy  7", "3h ago by anna@desk", "Status: 3 healthy\n")
	odd.FailedUnits = []string{"a.service"}
	c.expect(t, 0, "status")
	contains(t, "stdout", c.stdout.String(), "!  web-2  prod   failed units", "next    on the host: systemctl status a.service", "Status: 1 failed units, 2 healthy")
	c.expect(t, 10, "status", "--exit-code")
	d.plans["web-1"] = deploy.HostPlan{Problem: &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}}
	c.expect(t, 4, "status", "--exit-code") // what is not known counts before what is odd
	d.plans["web-1"] = deploy.HostPlan{Problem: &deploy.Problem{Code: deploy.CodeHostKey, What: "the key has changed"}}
	c.expect(t, 7, "status")
	c.expect(t, 7, "status", "--json")
	if !json.Valid(c.stdout.Bytes()) {
		t.Errorf("not JSON: %s", &c.stdout)
	}
	odd.Active = &deploy.ActiveRun{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX"}
	c.run(t, "status")
	contains(t, "stdout", c.stdout.String(), "!  web-2", "Next: nixdeploy resume 01JDXK7QJ3M8Z9V6B2T4R5W0AX")
}

func TestTheExitCodeOfStatus(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *deploy.Observation)
		code   int
		next   string
	}{
		"as confirmed":     {func(*deploy.Observation) {}, 0, ""},
		"a pending reboot": {func(o *deploy.Observation) { o.RebootPending = true }, 0, ""},
		"drift":            {func(o *deploy.Observation) { o.Running = "/nix/store/x" }, 10, "nixdeploy plan --stage prod --on web-1"},
		"unresolved":       {func(o *deploy.Observation) { o.Active = &deploy.ActiveRun{Run: "01JDXK7Q"} }, 10, "nixdeploy resume 01JDXK7Q"},
		"failed units":     {func(o *deploy.Observation) { o.FailedUnits = []string{"a.service"} }, 10, ""},
		"never confirmed":  {func(o *deploy.Observation) { o.Last, o.Marker = nil, nil }, 10, "nixdeploy plan --stage prod --on web-1 --first"},
		"of no record":     {func(o *deploy.Observation) { o.Last = nil }, 10, "nixdeploy plan --stage prod --on web-1"},
	} {
		o := observation("web-1")
		c.change(o)
		call := newCall(t, &fakeDriver{plans: map[string]deploy.HostPlan{"web-1": {Observed: o}}})
		if code := call.run(t, "status", "--on", "web-1", "--exit-code"); code != c.code {
			t.Errorf("%s: exit code %d, want %d\n%s", name, code, c.code, &call.stdout)
		}
		_, next, _ := strings.Cut(call.stdout.String(), "\nNext: ")
		if strings.TrimSpace(next) != c.next {
			t.Errorf("%s: next %q, want %q", name, next, c.next)
		}
		call.expect(t, 0, "status", "--on", "web-1")
	}
}

// A list of nothing is a list, for who goes through it.
func TestStatusOfAHealthyFleetHasAnEmptyListOfFindings(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	c.expect(t, 0, "status", "--json")
	contains(t, "stdout", c.stdout.String(), `"findings": []`)
}

func TestStatusRunsTheChecksWhenAsked(t *testing.T) {
	d := &fakeDriver{sick: map[string]*deploy.Problem{
		"web-1": {Code: deploy.CodeHealth, Host: "web-1", Step: deploy.StepSoak, What: "check web: 503, wanted 200", State: "confirmed"},
	}}
	c := newCall(t, d)
	file := filepath.Join(c.Dir, "hosts.toml")
	text := testInventory + "\n[checks.web]\ntype = \"tcp\"\naddress = \"{address}:80\"\n\n[stages.prod]\nchecks = [\"units\", \"web\"]\n[checks.units]\ntype = \"units\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 0, "status", "--exit-code")
	if len(d.checked) > 0 {
		t.Errorf("checked without being asked to: %v", d.checked)
	}
	c.expect(t, 10, "status", "--checks", "--exit-code")
	if diff := cmp.Diff([]string{"web-1", "web-2"}, sorted(d.checked)); diff != "" {
		t.Errorf("hosts with more than unit checks (-want +got):\n%s", diff)
	}
	contains(t, "stdout", c.stdout.String(), "!  web-1  prod   unhealthy", "error[health] web-1: check web: 503", "step    health", "Status: 1 unhealthy, 2 healthy")
	// Where an apply would be refused, the checks run all the same.
	d.checked, d.plans = nil, map[string]deploy.HostPlan{"web-1": {
		Observed: observation("web-1"), Problem: &deploy.Problem{Code: deploy.CodeGuard, What: "a guard would not survive a reboot here"},
	}, "web-2": {Observed: observation("web-2"), Problem: &deploy.Problem{Code: deploy.CodeIdentity, What: "is another machine"}}}
	c.expect(t, 7, "status", "--checks", "--stage", "prod")
	contains(t, "stdout", c.stdout.String(), "!  web-1  prod   unhealthy")
	if diff := cmp.Diff([]string{"web-1"}, d.checked); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
	if strings.Contains(c.stdout.String(), "state   confirmed") {
		t.Errorf("a look at hosts tells what a run left:\n%s", &c.stdout)
	}
}

// From the hosts alone: another machine knows as much, and a switch by hand is found.
func TestStatusFindsWhatWasSwitchedByHand(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "apply", "--yes", "--stage", "container")
	s.run(t, 0, "apply", "--yes", "--stage", "dev")
	for i, e := range s.app.Environ { // another machine: no journal at all
		if strings.HasPrefix(e, "NIXDEPLOY_STATE_DIR=") {
			s.app.Environ[i] = "NIXDEPLOY_STATE_DIR=" + t.TempDir()
		}
	}
	s.run(t, 0, "status", "--stage", "dev", "--exit-code")
	s.says(t, "healthy", "just now by")

	s.Host("dev-1").ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "dev-1")})
	s.run(t, 10, "status", "--stage", "dev", "--exit-code")
	s.says(t, "drift dev-1: was switched by hand", "Next: nixdeploy plan --stage dev --on dev-1")
	s.run(t, 0, "status", "--stage", "dev")
	s.run(t, 10, "status", "--on", "dev-1", "--exit-code", "--json")
	var doc struct {
		Hosts    []view.HostStatus
		Findings []view.Finding
	}
	if err := json.Unmarshal(s.stdout.Bytes(), &doc); err != nil || len(doc.Hosts) != 1 || len(doc.Findings) == 0 {
		t.Fatalf("%v: %s", err, &s.stdout)
	}
	h := doc.Hosts[0]
	want := []deploy.DriftKind{deploy.DriftRunning, deploy.DriftProfile, deploy.DriftNextBoot}
	if diff := cmp.Diff(want, h.Standing.Drift); diff != "" || h.State != "drift" || !strings.Contains(h.Observed.Last.Operator, "@") {
		t.Errorf("%+v\n%s", h, diff)
	}

	s.run(t, 0, "apply", "--yes", "--stage", "dev")
	s.run(t, 0, "status", "--stage", "dev", "--exit-code")
	s.run(t, 0, "rollback", "--yes", "--on", "dev-1") // nixdeploy's own way back is no drift
	s.run(t, 0, "status", "--stage", "dev", "--exit-code")
}

// What was switched away from and back by hand is taken as it is by the next apply,
// which finds nothing to change: else status would tell of drift for ever.
func TestAnApplyThatFindsNothingToChangeEndsDrift(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "apply", "--yes", "--stage", "container")
	confirmed := s.Links()["box-1"].Profile
	s.Host("box-1").ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "box-1")})
	s.Host("box-1").ForeignSwitch("switch", simfleet.System{Toplevel: confirmed})
	s.run(t, 10, "status", "--on", "box-1", "--exit-code")
	s.says(t, "switched away and back by hand")
	s.run(t, 0, "apply", "--yes", "--stage", "container")
	s.says(t, "unchanged 1 box-1")
	s.run(t, 0, "status", "--on", "box-1", "--exit-code")

	// The same of an older release, to which somebody went back.
	s.release(t, simfleet.DemoBad)
	s.run(t, 0, "apply", "--yes", "--stage", "container")
	s.Host("box-1").ForeignSwitch("switch", simfleet.System{Toplevel: confirmed})
	s.release(t, simfleet.DemoGood)
	s.run(t, 10, "status", "--on", "box-1", "--exit-code")
	s.run(t, 0, "apply", "--yes", "--stage", "container")
	s.says(t, "unchanged 1 box-1")
	s.run(t, 0, "status", "--on", "box-1", "--exit-code")
	s.forget()
	s.run(t, 0, "apply", "--yes", "--stage", "container")
	if s.count("guard record") > 0 {
		t.Errorf("it is recorded again and again: %q", s.sent)
	}
}
