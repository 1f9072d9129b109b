package simfleet_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/health"
	"github.com/nixdeploy/nixdeploy/deploy/host"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// forgetful is a journal for tests that do not crash.
type forgetful struct{}

func (forgetful) Append(context.Context, deploy.Event) error { return nil }

// visit applies what is in the demo's folder, stage by stage, as the command
// line does, and stops after a stage with a failure.
func visit(t *testing.T, d *simfleet.DemoFleet, run string) map[string]deploy.Outcome {
	t.Helper()
	inv, err := inventory.Load(d.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	f, err := flake.FromInventory(inv)
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := remote.NewDialer(remote.Options{KnownHostsFiles: []string{filepath.Join(d.Dir, "known_hosts")}, AgentSocket: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dialer.Close() }()
	driver := &host.Driver{
		Dialer: dialer, Journal: forgetful{}, Run: run,
		Attach: func(conn deploy.Conn, run string) host.Machine {
			return &nixos.Machine{Conn: conn, Run: run, Operator: "ann@desk"}
		},
		Health: func(ctx context.Context, q host.HealthRequest) *deploy.Problem {
			results := health.Run(ctx, q.Host.Checks, q.Host, &nixos.Probe{Conn: q.Conn, Run: q.Run}, q.Baseline)
			if health.Worst(results) == health.Passed {
				return nil
			}
			return &deploy.Problem{Code: deploy.CodeHealth, What: results[0].Detail}
		},
		Flake: host.Flake{Digest: f.Digest(), Hash: f.Hash, Pack: f.Pack},
		Terms: host.Terms{Fleet: inv.Fleet, Ours: func(string) bool { return false }},
	}
	defer driver.Close()
	outcomes := map[string]deploy.Outcome{}
	for _, stage := range inv.Stages {
		failed := false
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, h := range inv.Hosts {
			if h.Stage != stage.Name {
				continue
			}
			wg.Go(func() {
				out := driver.Apply(t.Context(), h, stage.Name, 1)
				mu.Lock()
				defer mu.Unlock()
				outcomes[h.Name] = out
				failed = failed || out.Failed()
			})
		}
		wg.Wait()
		if failed {
			break
		}
	}
	return outcomes
}

// The story that nixdeploy demo tells.
func TestDemo(t *testing.T) {
	verifyLeaks(t)
	d, err := simfleet.Demo(filepath.Join(t.TempDir(), "demo"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	first := d.Links()
	for name, out := range visit(t, d, "RUN1") {
		if out.State != deploy.StateUnchanged || out.Problem != nil {
			t.Errorf("release 1, %s: %s %v", name, out.State, out.Problem)
		}
	}

	if err := d.Release(simfleet.DemoGood); err != nil {
		t.Fatal(err)
	}
	good := visit(t, d, "RUN2")
	second := d.Links()
	for _, name := range d.Names() {
		l := second[name]
		if good[name].State != deploy.StateConfirmed || l.Running == first[name].Running || l.Profile != l.Running || l.NextBoot != l.Running {
			t.Errorf("release 2, %s: %s %v %+v", name, good[name].State, good[name].Problem, l)
		}
	}

	if err := d.Release(simfleet.DemoBad); err != nil {
		t.Fatal(err)
	}
	before := d.Connections()
	bad := visit(t, d, "RUN3")
	after := d.Connections()
	for name, l := range d.Links() {
		switch {
		case name == "box-1":
			if bad[name].State != deploy.StateConfirmed {
				t.Errorf("release 3, %s: %s %v", name, bad[name].State, bad[name].Problem)
			}
		case strings.HasPrefix(name, "dev-"):
			out := bad[name]
			if out.State != deploy.StateReturned || out.Problem == nil || out.Problem.Code != deploy.CodeHealth || l != second[name] {
				t.Errorf("release 3, %s: %s %v\n%+v", name, out.State, out.Problem, l)
			}
		default:
			if l != second[name] || after[name] != before[name] {
				t.Errorf("release 3, %s: %d connections, %+v", name, after[name]-before[name], l)
			}
		}
	}
}

func TestDemoFilesAreSafe(t *testing.T) {
	d, err := simfleet.Demo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	info, err := os.Stat(filepath.Join(d.Dir, "client_key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the client key: %v, %v", info.Mode(), err)
	}
	if err := d.Release(9); err == nil {
		t.Error("there is a release 9")
	}
	if d.Host("box-1") == nil || d.Host("nobody") != nil {
		t.Error("hosts by name")
	}
}

// An inventory.json that a person broke is an evaluation error, not a crash.
func TestDemoWithABrokenFlake(t *testing.T) {
	d, err := simfleet.Demo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for name, text := range map[string]string{"no JSON": "{", "no such host": `{"hosts":{}}`} {
		if err := os.WriteFile(filepath.Join(d.Dir, "flake", "inventory.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := visit(t, d, "RUN"+strings.ReplaceAll(name, " ", ""))["box-1"]
		if out.State != deploy.StateUntouched || out.Problem == nil || out.Problem.Code != deploy.CodeEvaluation {
			t.Errorf("%s: %s %v", name, out.State, out.Problem)
		}
	}
}
