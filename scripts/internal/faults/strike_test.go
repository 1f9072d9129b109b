package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// both runs a fault in both modes.
func both(t *testing.T, test func(t *testing.T, mode string)) {
	t.Helper()
	for _, mode := range []string{"switch", "test-first"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// alone is a world of one host, "web", whose switch takes a moment.
func alone(t *testing.T, mode string, change func(*simfleet.System)) *world {
	t.Helper()
	return oneHost(t, mode, "", member{system: change})
}

// oneHost is the same with more of its stage's and its own table.
func oneHost(t *testing.T, mode, more string, m member) *world {
	t.Helper()
	change := m.system
	m.name, m.stage = "web", "prod"
	m.system = func(s *simfleet.System) {
		s.SwitchTime = 40 * time.Millisecond
		if change != nil {
			change(s)
		}
	}
	return newWorld(t, setting{
		hosts:  []member{m},
		stages: "[stages.prod]\nactivation = \"" + mode + "\"\nactivation_timeout = \"20s\"\n" + more + "\n",
	})
}

// fault is something that strikes at one script.
type fault struct {
	hits atomic.Int32
	what string
}

// once strikes at one edge of the first script of that name on a host; do says
// whether what follows is swallowed.
func (w *world) once(host, name string, at edge, do func() bool) *fault {
	f := &fault{what: fmt.Sprintf("%s %s of %s", at, name, host)}
	w.gate.strikeAt(func(s script, now edge) bool {
		if s.Host != host || now != at || s.Name != name && !strings.HasPrefix(s.Name, name+" ") || !f.hits.CompareAndSwap(0, 1) {
			return false
		}
		return do()
	})
	return f
}

// cut cuts the link at that script.
func (w *world) cut(host, name string, at edge) *fault {
	return w.once(host, name, at, func() bool {
		w.fleet.Host(host).Server.CutAll()
		return true
	})
}

// injected fails a test whose fault never struck: what it saw proves nothing.
func (f *fault) injected(t *testing.T) {
	t.Helper()
	injected(t, f.hits.Load() > 0, f.what)
}

// injected tells the catalogue by what a test knows that its fault struck, and
// ends it where it did not.
func injected(t *testing.T, struck bool, by string, args ...any) {
	t.Helper()
	by = fmt.Sprintf(by, args...)
	if !struck {
		t.Fatal("the fault was not injected: " + by)
	}
	t.Attr("injected", by)
}

// rests: the host is on what was recorded, with nothing armed.
func (w *world) rests(host string) bool {
	return sameBut(w.fleet.Host(host).Links(), w.first[host]) && w.look(host).Active == nil
}

// isBack: the host is exactly on what was recorded, and nothing is armed.
func (w *world) isBack(host string) {
	w.t.Helper()
	if l := w.fleet.Host(host).Links(); !sameBut(l, w.first[host]) {
		w.t.Errorf("%s is not back: %+v, was %+v", host, l, w.first[host])
	}
	if o := w.look(host); o.Active != nil {
		w.t.Errorf("%s is armed: %+v", host, o.Active)
	}
	if len(w.look(host).FailedUnits) > 0 {
		w.t.Errorf("%s has failed units: %v", host, w.look(host).FailedUnits)
	}
}

// isOn: the host is wholly on release n, and nothing is armed.
func (w *world) isOn(host string, n int) {
	w.t.Helper()
	if l, wanted := w.fleet.Host(host).Links(), w.wanted(host, n); l.Running != wanted || l.Profile != wanted || l.NextBoot != wanted {
		w.t.Errorf("%s is not on release %d: %+v", host, n, l)
	}
	if o := w.look(host); o.Active != nil {
		w.t.Errorf("%s is armed: %+v", host, o.Active)
	}
}

// switches: release n was activated so often.
func (w *world) switches(host string, n, times int) {
	w.t.Helper()
	got := 0
	for _, toplevel := range w.activations(host) {
		if toplevel == w.wanted(host, n) {
			got++
		}
	}
	if got != times {
		w.t.Errorf("release %d was activated %d times on %s, want %d", n, got, host, times)
	}
}

// untouchedHost: nothing at all was activated or armed.
func (w *world) untouchedHost(host string) {
	w.t.Helper()
	w.isBack(host)
	if done := w.activations(host); len(done) > 0 {
		w.t.Errorf("activated on %s: %v", host, done)
	}
	for _, s := range w.gate.ran() {
		if s.Host == host && s.Name == "guard start" {
			w.t.Errorf("a switch was sent to %s", host)
		}
	}
}

// seen tells the catalogue what came of a fault: the exit code, and where the
// hosts' links lead.
func (w *world) seen(t *testing.T, r result, what string) {
	t.Helper()
	t.Attr("seen", fmt.Sprintf("exit %d, %s (%s)", r.exit, what, w.places()))
}

// places says in a few words where all hosts are.
func (w *world) places() string {
	hosts := map[string][]string{}
	for _, name := range w.names {
		place := w.place(name)
		hosts[place] = append(hosts[place], name)
	}
	var words []string
	for _, place := range slices.Sorted(maps.Keys(hosts)) {
		words = append(words, strings.Join(hosts[place], " ")+" "+place)
	}
	return strings.Join(words, ", ")
}

func (w *world) place(host string) string {
	l := w.fleet.Host(host).Links()
	if sameBut(l, w.first[host]) {
		return "as recorded"
	}
	for n := 1; n <= 2; n++ {
		if wanted := w.wanted(host, n); l.Running == wanted && l.Profile == wanted && l.NextBoot == wanted {
			return fmt.Sprintf("on release %d", n)
		}
	}
	return "elsewhere"
}
