package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// planOf runs `plan` over a real wire against simulated hosts.
func planOf(t *testing.T, fleet *simfleet.DemoFleet, args ...string) map[string]deploy.HostPlan {
	t.Helper()
	var stdout, stderr bytes.Buffer
	app := App{Dir: fleet.Dir, Environ: []string{"NIXDEPLOY_STATE_DIR=" + filepath.Join(t.TempDir(), "state")}, Stdin: &bytes.Buffer{}, Stdout: &stdout, Stderr: &stderr}
	app.Connect = func(_ App, q Request) (Fleet, error) {
		return connectBy(remote.Options{KnownHostsFiles: []string{filepath.Join(fleet.Dir, "known_hosts")}, AgentSocket: "none"}, nil, q)
	}
	if code := app.Run(t.Context(), append([]string{"plan", "--json"}, args...)); code != 0 {
		t.Fatalf("plan %v: exit %d\n%s", args, code, &stderr)
	}
	var doc struct{ Plans []deploy.Plan }
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	hosts := map[string]deploy.HostPlan{}
	for _, p := range doc.Plans {
		for _, hp := range p.Hosts {
			hosts[hp.Host] = hp
		}
	}
	return hosts
}

// What each level leaves on a host, and what it learns there.
func TestWhatTheLevelsOfAPlanLeaveOnHosts(t *testing.T) {
	fleet, err := simfleet.Demo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, hp := range planOf(t, fleet, "--quick") {
		if hp.Change != deploy.ChangeUnchanged || hp.Wanted == "" {
			t.Errorf("of its own record, %s: %+v", name, hp)
		}
	}
	if err := fleet.Release(simfleet.DemoGood); err != nil {
		t.Fatal(err)
	}
	facts := func() map[string]simfleet.Facts {
		all := map[string]simfleet.Facts{}
		for _, name := range fleet.Names() {
			all[name] = fleet.Host(name).Facts()
		}
		return all
	}
	first := facts()

	for name, hp := range planOf(t, fleet, "--quick") {
		if hp.Change != deploy.ChangeEvaluate || hp.Difference != nil {
			t.Errorf("quick, %s: %+v", name, hp)
		}
	}
	if now := facts(); !reflect.DeepEqual(now, first) {
		t.Errorf("a quick plan wrote something:\n%s", cmp.Diff(first, now))
	}

	for name, hp := range planOf(t, fleet) {
		if hp.Change != deploy.ChangeSwitch || len(hp.Build) != 3 || hp.Transfer != (deploy.Transfer{Download: 1468006, Unpacked: 6501171}) || hp.Difference != nil {
			t.Errorf("dry-build, %s: %+v", name, hp)
		}
	}
	uploaded := facts()
	for name, now := range uploaded {
		want := first[name]
		want.Uploads++
		if !reflect.DeepEqual(now, want) {
			t.Errorf("a plan left on %s more than an upload:\n%s", name, cmp.Diff(want, now))
		}
	}

	full := planOf(t, fleet, "--full")
	for name, hp := range full {
		d := hp.Difference
		if hp.Change != deploy.ChangeSwitch || len(hp.Build)+len(hp.Fetch) != 0 || d == nil || d.From != first[name].Running || d.To != hp.Wanted {
			t.Fatalf("full, %s: %+v", name, hp)
		}
		want := []deploy.PackageChange{{Name: "app", Old: []string{"1.1.0"}, New: []string{"1.2.0"}}}
		if diff := cmp.Diff(want, d.Packages); diff != "" || d.Units == nil || d.Units.Start[0] != "app.service" {
			t.Errorf("full, %s: units %+v\n%s", name, d.Units, diff)
		}
		built := uploaded[name]
		built.Store = slices.Concat(built.Store, []string{hp.Wanted})
		if now := facts()[name]; !reflect.DeepEqual(now, built) {
			t.Errorf("a full plan left on %s more than a system in its store:\n%s", name, cmp.Diff(built, now))
		}
	}
	for name, hp := range planOf(t, fleet) { // what is built is told without building
		if d := hp.Difference; d == nil || d.Units != nil || d.NewSize != full[name].Difference.NewSize {
			t.Errorf("afterwards, %s: %+v", name, hp)
		}
	}
}

// The first plan of a fleet is refused its hosts, and leads to the one that takes them in.
func TestAPlanOfNewHostsLeadsToFirst(t *testing.T) {
	unknown := &deploy.Problem{Code: deploy.CodeUnadopted, What: "never confirmed"}
	c := newCall(t, &fakeDriver{plans: map[string]deploy.HostPlan{"dev-1": {Change: deploy.ChangeBlocked, Problem: unknown}}})
	c.expect(t, 7, "plan", "--stage", "dev")
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy plan --stage dev --first\n")
	c.expect(t, 7, "plan")
	contains(t, "stdout", c.stdout.String(), "Next: nixdeploy apply\n")
}
