package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
)

// world is a fleet of simulated hosts behind SSH, in the test's process, with
// what an operator has on disk: hosts.toml, a flake, a key, a state folder.
type world struct {
	t     *testing.T
	dir   string
	fleet *simfleet.Fleet
	clock *clock
	gate  *gate
	first map[string]deploy.Links // before anything happened
	names []string
	// patience with its children, where the usual one is not enough
	patience time.Duration

	mu        sync.Mutex
	activated map[string][]string // toplevels, in order, by host
}

// setting is what a world is made of.
type setting struct {
	hosts  []member
	stages string // tables of hosts.toml, [stages] itself apart
	ssh    string // more of [ssh]
	silent bool   // unreachable hosts are silent
}

// member is one host.
type member struct {
	name, stage string
	traits      *simfleet.Traits
	system      func(*simfleet.System) // what a release is like here
	same        bool                   // every release is what it runs already
	unknown     bool                   // never confirmed by nixdeploy
	machine     string                 // machine-id, its own by default
	units       []string               // active in every system
	extra       string                 // more of its table
}

// quick makes checks as fast as they can be.
const quick = "[checks.units]\ntype = \"units\"\ninterval = \"20ms\"\ntimeout = \"5s\"\ndeadline = \"10s\"\n"

func newWorld(t *testing.T, s setting) *world {
	t.Helper()
	w := &world{
		t: t, dir: t.TempDir(), clock: &clock{}, gate: &gate{}, activated: map[string][]string{}, first: map[string]deploy.Links{},
	}
	o := simfleet.FleetOptions{
		Seed: "faults", Silent: s.silent,
		Around: func(name string, host simfleet.Handler) simfleet.Handler { return w.gate.around(name, host) },
	}
	for _, m := range s.hosts {
		o.Hosts = append(o.Hosts, w.host(m))
		w.names = append(w.names, m.name)
	}
	fleet, err := simfleet.NewFleet(o)
	if err != nil {
		t.Fatal(err)
	}
	w.fleet = fleet
	stop := w.clock.settle(w)
	t.Cleanup(func() {
		stop()
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range w.names {
		w.first[name] = fleet.Host(name).Links()
	}
	w.writeAccess(s)
	w.release(1)
	return w
}

func (w *world) host(m member) simfleet.HostOptions {
	o := simfleet.HostOptions{
		Hostname: m.name, MachineID: m.machine, Traits: m.traits, Generation: 41, Now: w.clock.now, Sleep: sleep,
		System:     simfleet.System{Toplevel: simfleet.ToplevelPath("before", m.name), Units: m.units},
		OnActivate: func(toplevel string) { w.heard(m.name, toplevel) },
		SystemFor: func(files []flake.File, attribute string) (simfleet.System, error) {
			system := simfleet.System{Toplevel: toplevelOf(files, attribute), Units: m.units}
			if m.same {
				system.Toplevel = simfleet.ToplevelPath("before", m.name)
			}
			if m.system != nil {
				m.system(&system)
			}
			return system, nil
		},
	}
	if !m.unknown {
		o.Marker = &deploy.Marker{Fleet: "faults", Host: m.name}
	}
	return o
}

func toplevelOf(files []flake.File, attribute string) string {
	for _, f := range files {
		if f.Path == "release" {
			return simfleet.ToplevelPath(string(f.Data), attribute)
		}
	}
	return simfleet.ToplevelPath("no release", attribute)
}

func (w *world) heard(host, toplevel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.activated[host] = append(w.activated[host], toplevel)
}

// activations is what was activated on a host so far.
func (w *world) activations(host string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.activated[host])
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release writes release n of the flake.
func (w *world) release(n int) {
	w.write("fleet/flake/flake.nix", "{ outputs = _: { }; }\n", 0o644)
	w.write("fleet/flake/flake.lock", `{"nodes":{"root":{}},"root":"root","version":7}`+"\n", 0o644)
	w.write("fleet/flake/release", fmt.Sprintf("release %d", n), 0o644)
}

// wanted is what release n comes to on a host.
func (w *world) wanted(host string, n int) string {
	return simfleet.ToplevelPath(fmt.Sprintf("release %d", n), host)
}

func (w *world) writeAccess(s setting) {
	w.t.Helper()
	key, err := w.fleet.ClientKey()
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("fleet/client_key", string(key), 0o600)
	w.write("home/.ssh/known_hosts", w.fleet.KnownHosts(), 0o600)
	entries, stages := map[string]simfleet.Entry{}, []string{}
	for _, m := range s.hosts {
		entries[m.name] = simfleet.Entry{Stage: m.stage, Target: "server", Extra: m.extra}
		if !slices.Contains(stages, fmt.Sprintf("%q", m.stage)) {
			stages = append(stages, fmt.Sprintf("%q", m.stage))
		}
	}
	w.write("fleet/hosts.toml", "[fleet]\nname = \"faults\"\n[flake]\nsource = \"flake\"\n[targets.server]\n"+
		"[ssh]\nuser = \"root\"\nidentity_files = [\""+filepath.Join(w.dir, "fleet", "client_key")+"\"]\n"+s.ssh+
		"[stages]\norder = ["+strings.Join(stages, ", ")+"]\n"+s.stages+quick+
		w.fleet.HostsTOML(func(name string) simfleet.Entry { return entries[name] }), 0o644)
}

func (w *world) write(path, text string, mode os.FileMode) {
	w.t.Helper()
	path = filepath.Join(w.dir, path)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), mode))
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) edit(path string, change func(string) string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, path))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(path, change(string(data)), 0o644)
}

// look reads a host past its network, as the inspect script tells.
func (w *world) look(host string) deploy.Observation {
	w.t.Helper()
	conn, err := w.fleet.Host(host).Dial(w.t.Context())
	if err != nil {
		w.t.Fatalf("%s cannot be read: %v", host, err)
	}
	defer func() { _ = conn.Close() }()
	o, err := nixos.Inspect(w.t.Context(), conn, "")
	if err != nil {
		w.t.Fatalf("%s cannot be read: %v", host, err)
	}
	return o
}

// later lets time pass on all hosts.
func (w *world) later(d time.Duration) {
	w.clock.jump(d)
	for _, name := range w.names {
		w.fleet.Host(name).Settle()
	}
}

// clock is the hosts' clock: the real one, and leaps.
type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// settle lets hosts go on that nobody asks, until stop.
func (c *clock) settle(w *world) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, 50*time.Millisecond) == nil {
			for _, name := range w.names {
				w.fleet.Host(name).Settle()
			}
		}
	}()
	return func() { cancel(); <-done }
}

// counts words how often each thing came, in order of name.
func counts(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], k))
	}
	return strings.Join(parts, ", ")
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
