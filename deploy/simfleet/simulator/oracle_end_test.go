package simulator

import (
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// excused: a person was needed here, and that was told.
func (m *machine) excused() bool {
	// Who boots something else than what runs, and does not tell what, cannot be
	// brought back after a boot.
	hidden := m.split() && m.options.Traits.Reader == simfleet.ReaderUnknown && m.Facts().Boots > 0
	// A return in the soak ends on one system, not on the two that there were.
	halves := m.split() && confirmedOnce(m)
	return m.helpless || m.ledger.foreign != "" || hidden || halves || m.tooSlow()
}

// tooSlow: what the host has to go back to takes longer to activate than its
// activation_timeout allows. Whoever sets that is told so, with exit code 6.
func (m *machine) tooSlow() bool {
	slow := max(m.faults.Slow, 1)
	took := map[string]time.Duration{m.options.System.Toplevel: m.options.System.SwitchTime}
	for _, s := range m.systems { // several may be one store path: the slowest counts
		took[s.Toplevel] = max(took[s.Toplevel], s.SwitchTime)
	}
	return slices.ContainsFunc(m.ledger.epochs, func(e *epoch) bool {
		return time.Duration(slow*float64(took[e.before.Running])) >= m.inv.ActivationTimeout
	})
}

// judgeAlone: nobody came back, and every host has decided by itself.
func (w *world) judgeAlone() {
	for _, m := range w.hosts {
		w.look(m)
		f := m.Facts()
		if m.excused() {
			continue
		}
		// It lost its guard with a boot: the next resume is what decides.
		if f.Active != nil && m.options.Traits.GuardLost != "" && f.Boots > 0 {
			continue
		}
		if a := f.Active; a != nil && a.Result == deploy.ResultNone {
			w.violated("I1 never lost", "%s: run %s is undecided, and its deadline is long over", m.inv.Name, a.Run)
		}
		w.judgeWhole(m, f)
	}
}

// judgeWhole: the host is up, and on one system that it was meant to have.
func (w *world) judgeWhole(m *machine, f simfleet.Facts) {
	switch {
	case f.Off:
		w.violated("I1 never lost", "%s is down", m.inv.Name)
		return
	case f.Halted:
		w.violated("I1 never lost", "%s: units are down", m.inv.Name)
	case f.Cut:
		w.violated("I1 never lost", "%s cannot be reached", m.inv.Name)
	}
	if m.split() && !confirmedOnce(m) {
		return // as it was found
	}
	if f.Profile != f.Running || f.Running != f.NextBoot {
		w.violated("I2 agree", "%s ends on %s", m.inv.Name, links(f))
	}
	known := []string{m.ledger.origin.Running, m.ledger.origin.Profile, m.ledger.origin.NextBoot}
	for _, s := range m.systems {
		known = append(known, s.Toplevel)
	}
	if !slices.Contains(known, f.Running) && w.behind(m.inv.Name) == m {
		w.violated("I1 never lost", "%s runs %s, which nobody asked for", m.inv.Name, f.Running)
	}
}

func confirmedOnce(m *machine) bool {
	return slices.ContainsFunc(m.ledger.epochs, func(e *epoch) bool { return e.result == deploy.ResultConfirmed })
}

// judgeSettled: after resume nothing is undecided, neither on a host nor in a
// journal.
func (w *world) judgeSettled(ops []*operator) {
	for _, m := range w.hosts {
		if f := m.Facts(); f.Active != nil && !m.excused() {
			w.violated("I8 resume", "%s: run %s is unresolved after resume", m.inv.Name, f.Active.Run)
		}
	}
	for _, o := range ops {
		for _, b := range o.books {
			report := deploy.Fold(b.events)
			if !report.Finished {
				continue
			}
			for _, h := range undecided(w.inv, report) {
				if m := w.behind(h.Name); !m.excused() {
					w.violated("I8 resume", "%s is undecided in run %s after resume", h.Name, b.run)
				}
			}
		}
	}
}

// judgeAgain: when all is well, applying once more brings every host there.
func (w *world) judgeAgain(end ending) {
	for _, m := range w.hosts {
		sys := m.systems["one"]
		healthy := len(sys.FailsUnits)+len(sys.LoopsUnits) == 0 && sys.SnippetFails+sys.CheckFails+sys.EvalError+sys.BuildError == ""
		if m.excused() || m.hostSpec.behind != "" || m.faults != (simfleet.HostFaults{Slow: m.faults.Slow}) || m.ledger.unitsBroken || !healthy ||
			sys.BreaksNetwork || sys.InitDiffers || sys.Unswitchable || m.deaf[sys.Toplevel] || m.inv.ActivationTimeout <= time.Duration(6*max(m.faults.Slow, 1))*sys.SwitchTime {
			return
		}
	}
	if !end.ran || end.exit != rollout.ExitOK {
		w.violated("I8 resume", "all is well again, and to apply ends with %d", end.exit)
	}
}
