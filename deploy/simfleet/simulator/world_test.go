package simulator

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// world is one run of a scenario.
type world struct {
	*scenario
	began    time.Time
	hosts    []*machine
	byName   map[string]*machine
	inv      *inventory.Inventory
	releases map[string]*flake.Flake
	healed   bool // nothing goes wrong any more

	// state guards all that actors share. Each acts at an instant of its own, so
	// nobody ever waits for it: it is there for the race detector.
	state sync.Mutex

	mu       sync.Mutex
	slots    int
	hash     uint64
	steps    int
	told     []string // the trace in words, when asked for
	telling  bool
	failures []string
}

// machine is a simulated host with what the oracles know of it.
type machine struct {
	*hostSpec
	*simfleet.Host
	outageUntil time.Time
	ledger      ledger
}

func newWorld(s *scenario, telling bool) *world {
	w := &world{scenario: s, began: time.Now(), byName: map[string]*machine{}, telling: telling, releases: map[string]*flake.Flake{}}
	w.hash = 14695981039346656037
	w.inv = &inventory.Inventory{Path: "hosts.toml", Fleet: fleetName, Stages: s.stages}
	for _, name := range []string{"one", "two"} {
		files := []flake.File{{Path: "flake.nix", Data: []byte(name)}}
		w.releases[name] = &flake.Flake{Source: "simulated", Hash: flake.HashFiles(files), Files: files}
	}
	for i := range s.hosts {
		w.add(&s.hosts[i])
	}
	return w
}

func (w *world) add(spec *hostSpec) {
	o := spec.options
	o.SystemFor = func(files []flake.File, attribute string) (simfleet.System, error) {
		if attribute != spec.inv.Name { // another machine answers at the address
			return simfleet.System{Toplevel: simfleet.ToplevelPath("strange", attribute)}, nil
		}
		return spec.systems[string(files[0].Data)], nil
	}
	if !w.calm || len(w.hosts)%2 == 0 {
		o.Marker = &deploy.Marker{Fleet: fleetName, Host: spec.inv.Name}
	}
	m := &machine{hostSpec: spec, Host: simfleet.NewHost(o)}
	m.BreakUnits(spec.broken...)
	for _, c := range spec.history {
		m.ForeignSwitch(c.how, simfleet.System{Toplevel: c.system})
	}
	m.SetFaults(spec.faults)
	m.ledger = newLedger(m.Facts())
	w.hosts = append(w.hosts, m)
	w.byName[spec.inv.Name] = m
	w.inv.Hosts = append(w.inv.Hosts, spec.inv)
}

func (w *world) close() {
	for _, m := range w.hosts {
		m.Close()
	}
}

// Time. Everything that happens in a world happens at an instant of its own:
// each actor wakes in its own nanosecond of a microsecond. So what one does
// before it waits again is done before anybody else moves, and the order of
// events does not depend on how goroutines are scheduled.

const instant = time.Microsecond

// slot gives an actor its nanosecond.
func (w *world) slot() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slots++
	if w.slots >= int(instant) {
		panic("simulator: more actors than instants")
	}
	return w.slots
}

// until is how long from now the actor's next instant is, d from now at least.
func (w *world) until(slot int, d time.Duration) time.Duration {
	now := time.Since(w.began)
	at := (now + d).Truncate(instant) + time.Duration(slot)
	if at <= now {
		at += instant
	}
	return at - now
}

// wait sleeps for d or until ctx ends.
func (w *world) wait(ctx context.Context, slot int, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := time.NewTimer(w.until(slot, d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The trace.

// trace takes note of a step: who did what. It is called at an instant of the
// caller's own.
func (w *world) trace(words ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps++
	h := w.hash ^ uint64(time.Since(w.began)) //nolint:gosec // bits
	for _, word := range words {
		for i := range len(word) {
			h = (h ^ uint64(word[i])) * 1099511628211
		}
		h = (h ^ 0x20) * 1099511628211
	}
	w.hash = h
	if w.telling {
		w.told = append(w.told, fmt.Sprintf("%14s  %s", time.Since(w.began), strings.Join(words, " ")))
	}
}

// broken reports that a promise was broken.
func (w *world) violated(invariant, format string, args ...any) {
	text := fmt.Sprintf("%s at %s: %s", invariant, time.Since(w.began), fmt.Sprintf(format, args...))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, text)
	if w.telling {
		w.told = append(w.told, "VIOLATED "+text)
	}
}

func (w *world) now() time.Duration { return time.Since(w.began) }

// behind is the machine that answers at the address of a host.
func (w *world) behind(name string) *machine {
	m := w.byName[name]
	if m.hostSpec.behind != "" {
		return w.byName[m.hostSpec.behind]
	}
	return m
}

// happens lets the world's own events happen. It ends with ctx.
func (w *world) happens(ctx context.Context, e worldEvent, slot int) {
	if w.wait(ctx, slot, e.at) != nil {
		return
	}
	m := w.hosts[e.host]
	w.strikes(m, e)
	switch e.kind {
	case "power off":
		w.lasts(ctx, slot, e.long, func() { m.PowerOn("") })
	case "foreign":
		w.lasts(ctx, slot, 9*time.Second, func() { w.foreignDone(m) }) // their switch takes eight
	}
}

// lasts does what comes after d, or when the world ends.
func (w *world) lasts(ctx context.Context, slot int, d time.Duration, then func()) {
	_ = w.wait(ctx, slot, d) // either way
	w.state.Lock()
	defer w.state.Unlock()
	then()
}

func (w *world) strikes(m *machine, e worldEvent) {
	w.state.Lock()
	defer w.state.Unlock()
	w.trace("world", m.inv.Name, e.kind)
	w.look(m)
	switch e.kind {
	case "power cut":
		m.PowerCut()
	case "power off":
		m.PowerOff()
	case "outage":
		m.outageUntil = time.Now().Add(e.long)
	case "kill guard":
		m.KillGuard()
	case "kill switch":
		m.KillSwitch()
	case "foreign":
		w.foreign(m, e)
	case "break units":
		m.ledger.unitsBroken = true
		m.BreakUnits(append([]string{"world-trouble.service"}, m.broken...)...)
	}
	w.look(m)
}

// foreign is somebody who does not use nixdeploy.
func (w *world) foreign(m *machine, e worldEvent) {
	sys := simfleet.System{Toplevel: simfleet.ToplevelPath("foreign", m.inv.Name), SwitchTime: 8 * time.Second}
	m.ledger.foreign = sys.Toplevel
	if open := m.ledger.open(); open != nil {
		open.foreign = true
	}
	m.ForeignSwitch(e.how, sys)
}

// foreignDone sees whether what somebody else did stands.
func (w *world) foreignDone(m *machine) {
	f, system := m.Facts(), m.ledger.foreign
	// What they did before the run was armed is its record, and no concern of it.
	during := m.ledger.open() != nil && m.ledger.open().foreign
	if a := f.Active; during && a != nil && a.Claim == deploy.ClaimNone && f.Profile == system && f.Running == system && !f.Off {
		m.ledger.foreignIn = a.Run // it holds this run: nobody may undo what was done
	}
}

// sum is a short name of the whole run.
func (w *world) sum() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %d", w.hash, w.steps)
	for _, f := range w.failures {
		_, _ = h.Write([]byte(f)) // never fails
	}
	return h.Sum64()
}
