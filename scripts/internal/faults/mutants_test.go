package main

import (
	"path/filepath"
	"testing"
)

// Every bug must fit the sources as they are: one that no longer does would be
// missed by nobody.
func TestTheBugsFitTheSources(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutants() {
		if _, err := m.sources(filepath.Join("..", "..", "..")); err != nil {
			t.Error(err)
		}
		if names[m.name] || m.name == "" || len(m.faults) == 0 || len(m.edits) == 0 {
			t.Errorf("%q needs a name of its own, faults that mind it, and a place", m.name)
		}
		names[m.name] = true
	}
}

func TestEveryFaultNamesABug(t *testing.T) {
	for _, e := range catalogue() {
		bugs := named(mutants(), e.number)
		if (len(bugs) == 0) != (e.notRun != "") {
			t.Errorf("fault %d: its tests turn red under %v; not run: %q", e.number, bugs, e.notRun)
		}
	}
}
