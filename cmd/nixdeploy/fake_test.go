package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// fakeDriver drives hosts that exist in this test only. By default each host
// differs from the flake and ends confirmed.
type fakeDriver struct {
	plans    map[string]deploy.HostPlan // what Inspect finds; by host
	outcomes map[string]deploy.State    // how Apply, Goto and Resume end; by host
	applying func(ctx context.Context, host string)

	kept    map[string]deploy.KeptRun // by host
	systems map[string]string         // generation links by what can be gone back to
	silent  map[string]error          // hosts that do not answer Kept

	asked    []string // by Kept
	approved []string // "web-1 prod"
	q        Request
	mu       sync.Mutex
	applied  []string // in order
	read     []string
	checked  []string                   // in a soak, or by status
	sick     map[string]*deploy.Problem // what Check finds
	levels   []deploy.PlanLevel
}

func (d *fakeDriver) emit(e deploy.Event) {
	e.Run, e.Time = d.q.Run, time.Now()
	_ = d.q.Journal.Append(context.Background(), e)
}

func (d *fakeDriver) Inspect(_ context.Context, h inventory.Host, stage string) deploy.HostPlan {
	d.mu.Lock()
	d.read = append(d.read, h.Name)
	d.mu.Unlock()
	if stage != "" {
		d.emit(deploy.Event{Kind: deploy.EventStepStarted, Stage: stage, Host: h.Name, Step: deploy.StepInspect})
	}
	if p, ok := d.plans[h.Name]; ok {
		p.Host, p.Target = h.Name, h.Target
		return p
	}
	return deploy.HostPlan{Host: h.Name, Target: h.Target, Change: deploy.ChangeSwitch, Observed: observation(h.Name)}
}

func (d *fakeDriver) Evaluate(ctx context.Context, h inventory.Host, stage string, level deploy.PlanLevel) deploy.HostPlan {
	d.mu.Lock()
	d.levels = append(d.levels, level)
	d.mu.Unlock()
	return d.Inspect(ctx, h, stage)
}

func (d *fakeDriver) Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome {
	d.mu.Lock()
	d.applied = append(d.applied, h.Name)
	d.mu.Unlock()
	if d.applying != nil {
		d.applying(ctx, h.Name)
	}
	return d.finish(h, stage, wave)
}

func (d *fakeDriver) finish(h inventory.Host, stage string, wave int) deploy.Outcome {
	out := deploy.Outcome{Host: h.Name, State: deploy.StateConfirmed, Changed: true, Before: observation(h.Name).Links}
	if s, ok := d.outcomes[h.Name]; ok {
		out.State = s
	}
	out.After = out.Before
	if !out.State.Good() {
		out.Problem = &deploy.Problem{
			Code: deploy.CodeHealth, Host: h.Name, Step: deploy.StepHealth, What: "a health check failed", Next: "nixdeploy status --on " + h.Name,
		}
	}
	e := deploy.Event{Stage: stage, Wave: wave, Host: h.Name}
	e.Kind, e.Step = deploy.EventStepIntent, deploy.StepArm
	d.emit(e)
	if out.State.Final() {
		e.Kind, e.Step, e.State, e.Problem, e.After = deploy.EventHostState, "", out.State, out.Problem, &out.After
		d.emit(e)
	}
	return out
}

func (d *fakeDriver) Goto(ctx context.Context, h inventory.Host, stage string, wave int, system, link string) deploy.Outcome {
	d.mu.Lock()
	d.applied = append(d.applied, h.Name+" to "+system+" "+link)
	d.mu.Unlock()
	return d.finish(h, stage, wave)
}

func (d *fakeDriver) Resume(_ context.Context, h inventory.Host, stage string, _ deploy.HostReport) deploy.Outcome {
	d.mu.Lock()
	d.applied = append(d.applied, h.Name)
	d.mu.Unlock()
	return d.finish(h, stage, 1)
}

func (d *fakeDriver) Return(_ context.Context, h inventory.Host, stage string, wave int, _ *deploy.Problem) deploy.Outcome {
	return d.finish(h, stage, wave)
}

func (d *fakeDriver) Check(_ context.Context, h inventory.Host) *deploy.Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked = append(d.checked, h.Name)
	return d.sick[h.Name]
}

func (d *fakeDriver) Kept(_ context.Context, h inventory.Host, _, system string) (deploy.KeptRun, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, h.Name)
	k := d.kept[h.Name]
	if link, ok := d.systems[system]; ok {
		k.System, k.SystemLink = "/nix/store/"+system, link
	}
	return k, d.silent[h.Name]
}

func (d *fakeDriver) Approve(_ context.Context, h inventory.Host, stage string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.approved = append(d.approved, h.Name+" "+stage)
	return d.silent[h.Name]
}

func (d *fakeDriver) Facts(_ context.Context, h inventory.Host) (deploy.HostFacts, error) {
	return deploy.HostFacts{}, d.silent[h.Name]
}

func (d *fakeDriver) Release(string) {}
func (d *fakeDriver) Close()         {}

func observation(host string) *deploy.Observation {
	p := "/nix/store/0c4kx1mmx7zjy0y2kq0zv7bm6i2y4l5n-nixos-system-" + host
	return &deploy.Observation{
		Links: deploy.Links{ProfileLink: "system-7-link", Profile: p, Running: p, Booted: p, NextBoot: p, Reader: "profile"},
		NixOS: true, MachineID: host, Marker: &deploy.Marker{Fleet: "home", Host: host},
		Last: &deploy.Record{
			FlakeHash: "f67f1c1e", Attribute: host, Toplevel: p, ProfileLink: "system-7-link", Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX",
			Operator: "anna@desk", Stage: "prod", Time: time.Now().Add(-3 * time.Hour),
		},
	}
}

const testInventory = `
[fleet]
name = "home"

[flake]
nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"

[stages]
order = ["dev", "prod"]

[hosts.dev-1]
address = "10.0.0.1"
target = "container"
stage = "dev"

[hosts.web-1]
address = "10.0.0.2"
target = "container"
stage = "prod"

[hosts.web-2]
address = "10.0.0.3"
target = "container"
stage = "prod"
`

// testLock locks every input of testInventory's flake.
var testLock = lockFor(inventory.FlakeSource{Nixpkgs: "github:NixOS/nixpkgs/nixos-26.05"}, "0123456789012345678901234567890123456789")

// lockFor locks the inputs of a rendered flake, named github:OWNER/REPO[/REF],
// at one revision.
func lockFor(source inventory.FlakeSource, rev string) string {
	nodes, inputs := map[string]any{}, map[string]string{}
	for _, name := range source.InputNames() {
		parts := append(strings.SplitN(strings.TrimPrefix(source.Reference(name), "github:"), "/", 3), "")
		original := map[string]string{"type": "github", "owner": parts[0], "repo": parts[1]}
		if parts[2] != "" {
			original["ref"] = parts[2]
		}
		inputs[name], nodes[name] = name, map[string]any{"original": original, "locked": map[string]any{
			"type": "github", "owner": parts[0], "repo": parts[1], "rev": rev, "lastModified": 1780000000,
			"narHash": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		}}
	}
	nodes["root"] = map[string]any{"inputs": inputs}
	text, err := json.Marshal(map[string]any{"nodes": nodes, "root": "root", "version": 7})
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

// call runs command lines against a fake fleet.
type call struct {
	App
	driver         *fakeDriver
	stdout, stderr bytes.Buffer
	stdin          string
}

func newCall(t *testing.T, d *fakeDriver) *call {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"hosts.toml": testInventory, "flake.lock": testLock} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &call{driver: d}
	c.App = App{
		Dir: dir, Environ: []string{"LANG=C.UTF-8", "HOME=" + dir, "NIXDEPLOY_STATE_DIR=" + filepath.Join(dir, "state")},
		Connect: func(_ App, q Request) (Fleet, error) {
			d.q = q
			return Fleet{Driver: d, Evaluates: "on each host"}, nil
		},
	}
	return c
}

// run runs one command line and returns its exit code. What it recommends has
// to be a command line.
func (c *call) run(t *testing.T, args ...string) int {
	t.Helper()
	c.stdout.Reset()
	c.stderr.Reset()
	app := c.App
	app.Stdin, app.Stdout, app.Stderr = strings.NewReader(c.stdin), &c.stdout, &c.stderr
	code := app.Run(context.Background(), args)
	for _, line := range recommended(c.stdout.String() + "\n" + c.stderr.String()) {
		checkParses(t, line)
	}
	return code
}

// expect runs a command line that has to end with an exit code.
func (c *call) expect(t *testing.T, code int, args ...string) {
	t.Helper()
	if got := c.run(t, args...); got != code {
		t.Fatalf("nixdeploy %s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), got, code, &c.stdout, &c.stderr)
	}
}

func contains(t *testing.T, stream, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", stream, w, text)
		}
	}
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
