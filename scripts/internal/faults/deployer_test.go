package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Group B: the deployer.

// killedAt kills nixdeploy at a script; resume and apply go on.
func killedAt(t *testing.T, mode, name string, at edge, resume ...int) {
	t.Helper()
	w := alone(t, mode, nil)
	c := w.prepare("apply", "--yes")
	f := w.once("web", name, at, func() bool { c.kill(); return true })
	c.start().wait()
	f.injected(t)
	r := w.run("resume")
	for _, bad := range append(append(append(exits("resume", r, resume...), silent("resume", r)...), w.settled(1)...), w.disarmed(false)...) {
		t.Error(bad)
	}
	w.run("apply", "--yes").wants(t, 0)
	w.isOn("web", 1)
	for _, bad := range w.switchedOnce(1) {
		t.Error(bad)
	}
	w.seen(t, r, "by resume; then apply exits 0")
}

func TestF16KilledBeforeTheLock(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "inspect", done, 0, 4) })
}

func TestF17KilledWithTheFlakeUploaded(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "upload", done, 4) })
}

func TestF18KilledWithTheSystemBuilt(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "build", done, 4) })
}

func TestF19KilledWhenArmed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "guard arm", done, 5) })
}

func TestF20KilledWithTheIntentWritten(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "guard start", arrived, 5) })
}

func TestF21KilledWhenTheSwitchWasSent(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "guard start", done, 0) })
}

func TestF22KilledWhenTheNewSystemRuns(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "guard await", done, 0) })
}

// A rollback settles what the dead run left, and goes where it was told to all the
// same. Told nothing, it does not guess which run is meant.
func TestF22ARollbackOfWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := killedInFlight(t, mode)
		before := w.first["web"].Running
		w.run("rollback", "--on", "web", "--yes").wants(t, 4)
		r := w.run("rollback", "--on", "web", "--to", before, "--yes")
		r.wants(t, 0, "confirmed 1 web")
		if l := w.look("web"); l.Running != before || l.Profile != before || l.NextBoot != before || l.Active != nil {
			t.Errorf("it is on %+v", l)
		}
		w.switches("web", 1, 1)
		w.run("resume").wants(t, 5)
		w.seen(t, r, "settled, and back on the system that was named")
	})
}

func TestF23KilledWhenHealthy(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "guard confirm", arrived, 0) })
}

func TestF24KilledInTheConfirmation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) { killedAt(t, mode, "guard confirm", done, 0) })
}

func TestF25Interruptions(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "SIGHUP": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{
				hosts:  []member{{name: "a", stage: "prod"}, {name: "b", stage: "prod"}},
				stages: "[stages.prod]\nbatches = [1, \"100%\"]\n",
			})
			c := w.prepare("apply", "--yes")
			f := w.once("a", "probe", arrived, func() bool { c.interrupt(signal); return false })
			r := c.start().wait()
			f.injected(t)
			r.wants(t, 130)
			w.isOn("a", 1)
			w.untouchedHost("b")
			w.seen(t, r, "the host in flight finished, no other began")
		})
	}
}

// The second one lets go at once: the guards decide, and resume tells.
func TestF25TheSecondInterruptionLetsGo(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		c := w.prepare("apply", "--yes")
		f := w.once("web", "guard await", arrived, func() bool {
			c.interrupt(syscall.SIGINT)
			c.signal(syscall.SIGINT)
			<-c.ended
			return true
		})
		r := c.start().wait()
		f.injected(t)
		r.wants(t, 130, "nixdeploy resume")
		w.later(time.Hour)
		w.isBack("web")
		w.run("resume").wants(t, 5)
		w.seen(t, r, "left to its guard, which returned it")
	})
}

// The control machine sleeps while hosts wait for a sign of life.
func TestF27ASleepingLaptop(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, nil)
		c := w.prepare("apply", "--yes")
		f := w.once("web", "guard confirm", arrived, func() bool {
			c.signal(syscall.SIGSTOP)
			w.later(10 * time.Minute)
			c.signal(syscall.SIGCONT)
			return false
		})
		r := c.start().wait()
		f.injected(t)
		r.wants(t, 5, "no sign of life in time")
		w.isBack("web")
		w.seen(t, r, "returned by its guard, and told so")
	})
}

// journalOf is the file of the newest run.
func (w *world) journalOf() string {
	w.t.Helper()
	runs, err := filepath.Glob(filepath.Join(w.state(), "runs", "*", "events.jsonl"))
	if err != nil || len(runs) == 0 {
		w.t.Fatalf("no journal: %v", err)
	}
	return runs[len(runs)-1]
}

// killedInFlight leaves a run with an armed host behind.
func killedInFlight(t *testing.T, mode string) *world {
	t.Helper()
	w := alone(t, mode, nil)
	c := w.prepare("apply", "--yes")
	f := w.once("web", "guard await", arrived, func() bool { c.kill(); return true })
	c.start().wait()
	f.injected(t)
	return w
}

func TestF29ADamagedJournal(t *testing.T) {
	t.Parallel()
	both(t, damagedJournals)
}

func damagedJournals(t *testing.T, mode string) {
	for name, c := range map[string]struct {
		damage func([]byte) []byte
		resume int
	}{
		"torn tail": {func(b []byte) []byte { return b[:len(b)-7] }, 0},
		"flipped middle": {func(b []byte) []byte {
			b[len(b)/2] ^= 1
			return b
		}, 4},
		"emptied": {func([]byte) []byte { return nil }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := killedInFlight(t, mode)
			path := w.journalOf()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			r := w.run("resume", filepath.Base(filepath.Dir(path)))
			injected(t, true, "%s", name)
			if c.resume == 0 {
				r.wants(t, 0)
				w.isOn("web", 1)
				w.seen(t, r, "the tail was dropped, the host asked")
				return
			}
			r.wants(t, c.resume, "--rebuild-from-hosts")
			if !strings.Contains(strings.ReplaceAll(r.text(), "\n", ""), "events.jsonl") {
				t.Errorf("its path is not told:\n%s", r.text())
			}
			w.later(time.Hour)
			w.isBack("web")
			w.run("apply", "--yes").wants(t, 0)
			w.seen(t, r, "refused with its path; apply believes the hosts")
		})
	}
}

func TestF30AJournalThatIsGone(t *testing.T) {
	t.Parallel()
	both(t, journalGone)
}

func journalGone(t *testing.T, mode string) {
	w := killedInFlight(t, mode)
	if err := os.RemoveAll(w.state()); err != nil {
		t.Fatal(err)
	}
	r := w.run("apply", "--yes")
	injected(t, true, "the state folder is removed while web is armed")
	r.wants(t, 3, "error[locked] web", "decides")
	w.switches("web", 1, 1)
	w.later(time.Hour)
	w.isBack("web")
	w.run("apply", "--yes").wants(t, 0)
	w.isOn("web", 1)
	w.seen(t, r, "no switch until the guard has decided; then exit 0")
}
