package e2e

import "testing"

// repeats skips a case that shows in another activation, or on another base, what
// one beside it shows, where only a sample is wanted (-short, as in scripts/test).
func repeats(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a case like one that was run, on another base or in another activation: only with --all")
	}
}
