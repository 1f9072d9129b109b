package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a damaged journal refuses, the hosts tell: the armed host is settled at
// once rather than left to its guard.
func TestF29ADamagedJournalIsRebuiltFromTheHosts(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := killedInFlight(t, mode)
		path := w.journalOf()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		run := filepath.Base(filepath.Dir(path))
		w.run("resume", run).wants(t, 4, "the journal is damaged", "nixdeploy resume --rebuild-from-hosts "+run)
		r := w.run("resume", "--rebuild-from-hosts", run)
		r.wants(t, 0, "confirmed")
		w.isOn("web", 1)
		w.switches("web", 1, 1)
		if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != string(data) {
			t.Errorf("the damaged journal is not kept: %v", err)
		}
		w.run("show", run).wants(t, 0, "confirmed")
		w.seen(t, r, "rebuilt from the host, and settled")
	})
}

// leaseOver is when a lease of 90 s has run out.
const leaseOver = 91 * time.Second

// The run of a machine that is gone, from another one: once its lease is over.
func TestF30ARunOfAMachineThatIsGone(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := killedInFlight(t, mode)
		run := filepath.Base(filepath.Dir(w.journalOf()))
		if err := os.RemoveAll(w.state()); err != nil {
			t.Fatal(err)
		}
		w.run("lock", "status").wants(t, 0, "run "+run, "its guard decides in")
		w.run("resume", run).wants(t, 2, "nixdeploy resume --rebuild-from-hosts "+run)
		w.run("resume", "--rebuild-from-hosts", "--yes", run).wants(t, 3, "holds it since")
		w.later(leaseOver)
		r := w.run("resume", "--rebuild-from-hosts", run) // the guard has decided by then: nobody has to be asked
		r.wants(t, 5, "returned, by the host's own account")
		w.isBack("web")
		w.run("history").wants(t, 0, run[:10], "exit 5")
		w.seen(t, r, "refused while its lease lives, then told from the host alone")
	})
}
