package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

// An oracle looks at a world and says what breaks one invariant, nothing when
// all is well. Invariants carry the numbers of the catalogue's list.

// settled: I1 and I2. Every host is on exactly what was recorded, or on the
// system of one of the releases, and its links agree.
func (w *world) settled(releases ...int) (bad []string) {
	for _, name := range w.names {
		l := w.fleet.Host(name).Links()
		well := sameBut(l, w.first[name])
		for _, n := range releases {
			wanted := w.wanted(name, n)
			well = well || l.Running == wanted && l.Profile == wanted && l.NextBoot == wanted
		}
		if !well {
			bad = append(bad, fmt.Sprintf("I1/I2: %s is neither on the recorded nor on the wanted system: %+v", name, l))
		}
	}
	return bad
}

// converged: I2 and I8. Every host is on the wanted system, except those that
// always were.
func (w *world) converged(n int, same ...string) (bad []string) {
	for _, name := range w.names {
		l, wanted := w.fleet.Host(name).Links(), w.wanted(name, n)
		if slices.Contains(same, name) {
			wanted = w.first[name].Running
		}
		if l.Running != wanted || l.Profile != wanted || l.NextBoot != wanted {
			bad = append(bad, fmt.Sprintf("I8: %s did not come to the wanted system: %+v", name, l))
		}
	}
	return bad
}

// disarmed: I8. No host is armed; with locks, none is locked either. A lease runs
// out by itself, and is taken over from a dead run before that.
func (w *world) disarmed(locks bool) (bad []string) {
	for _, name := range w.names {
		o := w.look(name)
		if o.Active != nil {
			bad = append(bad, fmt.Sprintf("I8: %s is still armed by run %s, claim %q, result %q", name, o.Active.Run, o.Active.Claim, o.Active.Result))
		}
		if locks && o.Lease != nil {
			bad = append(bad, fmt.Sprintf("I8: %s is still locked by run %s", name, o.Lease.Run))
		}
	}
	return bad
}

// switchedOnce: I8 and I12. No run activated its system twice on a host.
func (w *world) switchedOnce(n int) (bad []string) {
	for _, name := range w.names {
		runs := map[string]bool{}
		for _, s := range w.gate.ran() {
			if s.Host == name && s.Name == "guard start" {
				runs[s.Run] = true
			}
		}
		times := 0
		for _, toplevel := range w.activations(name) {
			if toplevel == w.wanted(name, n) {
				times++
			}
		}
		if times > len(runs) {
			bad = append(bad, fmt.Sprintf("I8: %s was switched %d times by %d runs", name, times, len(runs)))
		}
	}
	return bad
}

// untouched: I3. Hosts that were on the wanted system already are as they were,
// and nothing was activated there.
func (w *world) untouched(names ...string) (bad []string) {
	for _, name := range names {
		if l := w.fleet.Host(name).Links(); !sameBut(l, w.first[name]) {
			bad = append(bad, fmt.Sprintf("I3: the unchanged host %s was changed: %+v", name, l))
		}
		if done := w.activations(name); len(done) > 0 {
			bad = append(bad, fmt.Sprintf("I3: on the unchanged host %s was activated: %v", name, done))
		}
	}
	return bad
}

// sameBut the boot, which a power cut repeats.
func sameBut(a, b deploy.Links) bool {
	a.Booted, b.Booted = "", ""
	return a == b
}

// folded: the journal of every run can be read, folds, and a run that ended
// says how.
func (w *world) folded() (bad []string) {
	runs, err := journal.List(w.state())
	if err != nil {
		return []string{"journal: " + err.Error()}
	}
	for _, r := range runs {
		events, err := journal.Read(w.state(), r.Run)
		if err != nil {
			bad = append(bad, fmt.Sprintf("journal of run %s: %v", r.Run, err))
			continue
		}
		if report := deploy.Fold(events); report.Finished && (report.Exit < 0 || len(report.Hosts) > len(w.names)) {
			bad = append(bad, fmt.Sprintf("journal of run %s folds to nonsense: %s", r.Run, asJSON(report)))
		}
	}
	return bad
}

// truth: I7. Exit 0 means that every host is on the wanted system; an exit code
// that speaks of all hosts being safe means that they are.
func (w *world) truth(r result, n int, same ...string) (bad []string) {
	switch r.exit {
	case 0:
		for _, b := range w.converged(n, same...) {
			bad = append(bad, "I7: exit 0, but "+b)
		}
	case 4, 5:
		for _, b := range w.settled(n) {
			bad = append(bad, fmt.Sprintf("I7: exit %d, but %s", r.exit, b))
		}
	}
	return bad
}

// exits: the exit code is one of those that were promised.
func exits(command string, r result, allowed ...int) []string {
	if slices.Contains(allowed, r.exit) {
		return nil
	}
	return []string{fmt.Sprintf("exit code of %s is %d, promised %v:\n%s", command, r.exit, allowed, r.text())}
}

// silent: I8. Nothing was asked.
func silent(command string, r result) []string {
	for _, sign := range []string{"[y/N]", "yes/no", "(y/n)", "panic:", "goroutine "} {
		if strings.Contains(r.text(), sign) {
			return []string{fmt.Sprintf("%s asks or dies (%q):\n%s", command, sign, r.text())}
		}
	}
	return nil
}
