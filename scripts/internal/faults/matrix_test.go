package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// What strikes at a point.
const (
	killAtScript  = "kill -9"
	killAndGuard  = "kill -9, guard first" // nobody comes back before the guards have decided
	linkCut       = "link cut"
	powerCut      = "power cut"
	secondPerson  = "second operator"
	killAtJournal = "kill -9 at the journal"
)

// column is one line of points: the first, the second, ... until a run is over.
type column struct {
	what string
	edge edge   // of scripts
	sync string // of the journal: beforeWrite, ...
	mode string // activation
}

func (c column) String() string {
	at := string(c.edge) + " a script"
	if c.sync != "" {
		at = c.sync
	}
	return fmt.Sprintf("%-22s %-16s %-10s", c.what, at, c.mode)
}

func columns() []column {
	var list []column
	for _, mode := range []string{"switch", "test-first"} {
		for _, what := range []string{killAtScript, killAndGuard, linkCut, powerCut, secondPerson} {
			for _, at := range []edge{arrived, done} {
				list = append(list, column{what: what, edge: at, mode: mode})
			}
		}
		for _, sync := range []string{beforeWrite, beforeFsync, lostFsync, afterFsync} {
			list = append(list, column{what: killAtJournal, sync: sync, mode: mode})
		}
	}
	return list
}

// same is the host that every release leaves unchanged.
const same = "same"

// matrixWorld: two hosts in dev, one of them unchanged by the release, and one in
// prod. A switch takes a moment, so that points lie in its middle.
func matrixWorld(t *testing.T, mode string) *world {
	t.Helper()
	slow := func(s *simfleet.System) { s.SwitchTime = 40 * time.Millisecond }
	stage := func(name string) string {
		return "[stages." + name + "]\nactivation = \"" + mode + "\"\nactivation_timeout = \"20s\"\n"
	}
	return newWorld(t, setting{
		hosts: []member{
			{name: "dev-1", stage: "dev", system: slow},
			{name: same, stage: "dev", same: true},
			{name: "prod-1", stage: "prod", system: slow},
		},
		stages: stage("dev") + stage("prod"),
	})
}

// ending is what became of one point.
type ending struct {
	struck bool
	where  string
	exits  string // of the commands, in order
	bad    []string
}

// try strikes at the n-th point of a column, and judges what follows.
func try(t *testing.T, c column, n int) ending {
	t.Helper()
	w := matrixWorld(t, c.mode)
	s := &strike{column: c, w: w, n: n}
	first := s.run()
	if !s.struck() {
		return ending{bad: exits("apply, which nothing struck", first, 0)}
	}
	out := ending{struck: true, where: s.where}
	add := func(bad ...string) { out.bad = append(out.bad, bad...) }
	add(s.early...)
	if c.what == killAndGuard {
		w.later(2 * time.Hour)
		add(w.settled(1)...)
		add(w.disarmed(true)...)
	}
	killed := c.what == killAtScript || c.what == killAndGuard || c.what == killAtJournal
	if !killed {
		add(exits("apply", first, 0, 3, 4, 5)...)
		if c.what == secondPerson { // who may have gone on where the first was done
			add(w.settled(1, 2)...)
		} else {
			add(w.truth(first, 1, same)...)
			add(w.settled(1)...)
			add(w.disarmed(false)...)
		}
	}
	resumed := w.run("resume")
	add(exits("resume", resumed, 0, 4, 5)...)
	add(silent("resume", resumed)...)
	if c.what != secondPerson {
		add(w.settled(1)...)
		add(w.disarmed(false)...)
		add(w.switchedOnce(1)...)
	}
	applied := w.run("apply", "--yes")
	add(exits("apply after it", applied, 0)...)
	add(w.converged(1, same)...)
	add(w.switchedOnce(1)...)
	add(w.disarmed(false)...)
	w.later(2 * time.Minute) // a lease outlives its run by 90 s
	add(w.disarmed(true)...)
	add(w.converged(1, same)...)
	add(w.untouched(same)...)
	add(w.folded()...)
	add(s.order()...)
	out.exits = fmt.Sprintf("%d %d %d", first.exit, resumed.exit, applied.exit)
	return out
}

// strike is one fault, at one point.
type strike struct {
	column
	w     *world
	n     int
	where string

	mu    sync.Mutex
	hit   bool
	early []string // hosts of prod that began before dev was done
}

func (s *strike) struck() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hit
}

func (s *strike) order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.early
}

// run runs apply under the fault.
func (s *strike) run() result {
	if s.what == killAtJournal {
		r := s.w.traced(s.sync, s.n, "apply", "--yes").start().wait()
		s.hit, s.where = r.exit == traceStruck, fmt.Sprintf("%s %d", s.sync, s.n)
		return r
	}
	c := s.w.prepare("apply", "--yes")
	s.w.gate.strikeAt(func(x script, at edge) bool { return s.at(c, x, at) })
	return c.start().wait()
}

// at is asked at both edges of each script.
func (s *strike) at(c *child, x script, at edge) bool {
	if x.Host == "prod-1" && x.Name == "guard arm" && s.w.fleet.Host("dev-1").Links().Running != s.w.wanted("dev-1", 1) && s.what != secondPerson {
		s.mu.Lock()
		s.early = append(s.early, "I5: prod-1 was armed before dev-1 was done")
		s.mu.Unlock()
	}
	s.mu.Lock()
	mine := !s.hit && x.N == s.n && at == s.edge
	if mine {
		s.hit, s.where = true, fmt.Sprintf("%s %s of %s", at, x.Name, x.Host)
	}
	s.mu.Unlock()
	if !mine {
		return false
	}
	host := s.w.fleet.Host(x.Host)
	switch s.what {
	case killAtScript, killAndGuard:
		c.kill()
	case linkCut:
		host.Server.CutAll()
	case powerCut:
		host.PowerCut()
	case secondPerson:
		s.w.colleague(2)
		return false
	}
	return true
}

// colleague is somebody else, on another machine, who deploys release n of the
// same fleet, once.
func (w *world) colleague(n int) result {
	other := &world{t: w.t, dir: filepath.Join(w.dir, "colleague"), fleet: w.fleet, gate: w.gate, names: w.names}
	for _, path := range []string{"fleet/hosts.toml", "home/.ssh/known_hosts", "fleet/client_key"} {
		data, err := os.ReadFile(filepath.Join(w.dir, path))
		if err != nil {
			w.t.Error(err)
		}
		other.write(path, string(data), 0o600)
	}
	other.release(n)
	return other.run("apply", "--yes")
}

// TestCrashMatrix kills nixdeploy, cuts its link, cuts a host's power or lets
// somebody else in at every point of a run: a seeded sample, or with -all every
// one of them.
func TestCrashMatrix(t *testing.T) {
	table := &matrix{rows: map[string]*row{}}
	t.Cleanup(func() { table.print(t) })
	for i, c := range columns() {
		t.Run(strings.Join(strings.Fields(c.String()), " "), func(t *testing.T) {
			t.Parallel()
			if c.what == killAtJournal {
				needTracing(t)
			}
			if *all {
				for n := 1; table.point(t, c, n); n++ {
				}
				return
			}
			// A run has 22 scripts or so, and more writes: one point of each column.
			pick := rand.New(rand.NewPCG(*seed, uint64(i)))
			for !table.point(t, c, 1+pick.IntN(22)) {
			}
		})
	}
}

// matrix collects what became of points.
type matrix struct {
	mu   sync.Mutex
	rows map[string]*row
}

type row struct {
	points int
	exits  map[string]int
	failed []string
}

// point tries one point; false when the run was over before it.
func (m *matrix) point(t *testing.T, c column, n int) bool {
	t.Helper()
	var out ending
	t.Run(fmt.Sprint(n), func(t *testing.T) { out = try(t, c, n) })
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[c.String()]
	if r == nil {
		r = &row{exits: map[string]int{}}
		m.rows[c.String()] = r
	}
	if len(out.bad) > 0 {
		r.failed = append(r.failed, out.where)
		t.Errorf("point %d, %s (exit codes %s):\n  %s", n, out.where, out.exits, strings.Join(out.bad, "\n  "))
	}
	if !out.struck {
		return false
	}
	r.points++
	r.exits[out.exits]++
	return true
}

func (m *matrix) print(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	points, failed := 0, 0
	var b strings.Builder
	fmt.Fprintf(&b, "%-51s %6s %6s  exit codes of run, resume, apply\n", "crash matrix", "points", "failed")
	for _, c := range columns() {
		r := m.rows[c.String()]
		if r == nil {
			continue
		}
		points, failed = points+r.points, failed+len(r.failed)
		fmt.Fprintf(&b, "%-51s %6d %6d  %s\n", c, r.points, len(r.failed), counts(r.exits))
		for _, where := range slices.Sorted(slices.Values(r.failed)) {
			fmt.Fprintf(&b, "    failed: %s\n", where)
		}
	}
	fmt.Fprintf(&b, "crash matrix: %d points, %d failed\n", points, failed)
	if _, err := t.Output().Write([]byte(b.String())); err != nil {
		t.Error(err)
	}
}
