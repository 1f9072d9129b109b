package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// The main job: container, dev, prod; then a bad release is stopped in dev and
// undone, and prod is not connected to.
func TestAReleaseGoesThroughTheStagesAndABadOneStopsInDev(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 3, lab.Options{})
	o := newOperator(t, hosts[0])
	o.inventory("", member{host: hosts[0], stage: "container"}, member{host: hosts[1], stage: "dev"}, member{host: hosts[2], stage: "prod"})
	o.flake(every(release(2), hosts...))

	r := o.run("apply", "--yes")
	r.wantExit(t, 7)
	r.wantText(t, "never confirmed by nixdeploy", "--first")

	o.must("apply", "--yes", "--first")
	for _, h := range hosts {
		wantNew(t, h, release(2))
		wantResolved(t, h)
	}
	o.must("apply", "--yes").wantText(t, "unchanged 3")

	connected := sshConnections(hosts[2])
	before := hosts[1].Links()
	bad := release(3)
	bad.FailingUnit = true
	o.flake(map[string]lab.System{hosts[0].Name: release(3), hosts[1].Name: bad, hosts[2].Name: release(3)})
	r = o.run("apply", "--yes")
	r.wantExit(t, 5)
	r.wantText(t, "bad.service", "generation 2 again, all read back", "no connection was made")
	wantNew(t, hosts[0], release(3))
	wantBack(t, hosts[1], before)
	wantNew(t, hosts[2], release(2))
	if n := sshConnections(hosts[2]); n != connected {
		t.Errorf("prod was connected to %d times", n-connected)
	}
	if n := rollbacks(hosts[1]); n != 1 {
		t.Errorf("the host's log holds the plain rollback %d times, want once", n)
	}

	r = o.run("apply", "--yes", "--stage", "prod")
	r.wantExit(t, 4)
	r.wantText(t, hosts[1].Name, "--override-gate")
	wantNew(t, hosts[2], release(2))
	o.must("apply", "--yes", "--stage", "prod", "--override-gate", "hotfix 4711")
	wantNew(t, hosts[2], release(3))
	if !strings.Contains(o.journal(), "hotfix 4711") {
		t.Error("the reason of the override is not in the journal")
	}

	// Who proves a release does not matter: the hosts remember it.
	o.flake(every(release(4), hosts...))
	r = o.run("apply", "--yes", "--stage", "prod")
	r.wantExit(t, 4)
	r.wantText(t, "stage prod stays closed", hosts[0].Name+" (container): never confirmed with this flake", hosts[1].Name+" (dev): never confirmed")
	wantNew(t, hosts[2], release(3))
	c := o.colleague(hosts[0])
	c.must("apply", "--yes", "--stage", "container")
	c.must("apply", "--yes", "--stage", "dev")
	o.must("apply", "--yes", "--stage", "prod")
	wantNew(t, hosts[2], release(4))
}

func sshConnections(h *lab.Host) int {
	out, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; journalctl --no-pager -o cat -u ssh.service -u sshd.service | grep -c 'Connection from\\|Accepted publickey'; true")
	n := 0
	_, _ = fmt.Sscan(out, &n) // no line at all is none
	return n
}

func TestAUnitThatFailsToStartIsReturned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, mode string
		rollbacks  int
	}{
		{lab.Bookworm, "switch", 1}, {lab.Bookworm, "test-first", 0}, {lab.Trixie, "switch", 1}, {lab.Trixie, "test-first", 0},
	} {
		t.Run(c.base+" "+c.mode, func(t *testing.T) {
			t.Parallel()
			if (c.base == lab.Bookworm) == (c.mode == "switch") {
				repeats(t)
			}
			h := lab.Up(t, lab.Options{Base: c.base})
			o := newOperator(t, h)
			o.inventory("[stages.dev]\nactivation = \""+c.mode+"\"", member{host: h, stage: "dev"})
			before := h.Links()
			bad := release(2)
			bad.FailingUnit = true
			o.flake(every(bad, h))
			r := o.run("apply", "--yes", "--first")
			r.wantExit(t, 5)
			r.wantText(t, "error[health]", "bad.service")
			wantBack(t, h, before)
			wantResolved(t, h)
			if n := rollbacks(h); n != c.rollbacks {
				t.Errorf("the host's log holds the plain rollback %d times, want %d", n, c.rollbacks)
			}
			o.flake(every(release(3), h))
			o.must("apply", "--yes", "--first")
			wantNew(t, h, release(3))
		})
	}
}

// A check that fails only after ten seconds is caught in the soak, and the
// confirmed host goes back, guarded.
func TestACheckThatFailsLateReturnsTheHostInTheSoak(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"switch", "test-first"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h := lab.Up(t, lab.Options{})
			o := newOperator(t, h)
			o.inventory("[stages.dev]\nactivation = \""+mode+"\"\nsoak = \"14s\"\nchecks = [\"web\"]\n"+
				"[checks.web]\ntype = \"http\"\nurl = \"http://{address}:8080/healthz\"", member{host: h, stage: "dev"})
			before := h.Links()
			late, ten := release(2), 10
			late.Health = &lab.Health{FailsAfter: &ten}
			o.flake(every(late, h))
			r := o.run("apply", "--yes", "--first")
			r.wantExit(t, 5)
			r.wantText(t, "503", "soak")
			wantBack(t, h, before)
			wantResolved(t, h)
		})
	}
}

// Nothing of ours can be undone where nothing was changed.
func TestANoOpWhoseCheckFailsUndoesNothing(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	for n := 2; n <= 3; n++ {
		o.flake(every(release(n), h))
		o.must("apply", "--yes", "--first")
	}
	before, had := h.Links(), generations(h)
	o.inventory("[stages.dev]\nchecks = [\"never\"]\n[checks.never]\ntype = \"command\"\ncommand = [\"false\"]\ntimeout = \"1s\"\ndeadline = \"3s\"",
		member{host: h, stage: "dev"})
	r := o.run("apply", "--yes")
	r.wantExit(t, 4)
	r.wantText(t, "nothing was undone", "never")
	wantBack(t, h, before)
	if now := generations(h); now != had {
		t.Errorf("generations were %s, are %s", had, now)
	}
	if n := rollbacks(h); n != 0 {
		t.Errorf("the host's log holds the plain rollback %d times", n)
	}
}

func TestAFlakeThatDoesNotEvaluateTouchesNothing(t *testing.T) {
	t.Parallel()
	for _, base := range []string{lab.Bookworm, lab.Trixie} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			h := lab.Up(t, lab.Options{Base: base})
			o := newOperator(t, h)
			o.inventory("", member{host: h, stage: "dev"})
			before := h.Links()
			broken := release(2)
			broken.EvalFailure = true
			o.flake(every(broken, h))
			r := o.run("apply", "--yes", "--first")
			r.wantExit(t, 4)
			r.wantText(t, "error[evaluation]", "services.nope", "not touched", "there is no such option")
			wantBack(t, h, before)
			wantResolved(t, h)

			o.flake(map[string]lab.System{"somebody-else": release(2)})
			r = o.run("apply", "--yes", "--first")
			r.wantExit(t, 4)
			r.wantText(t, "does not provide attribute", "attribute = ")

			broken = release(2)
			broken.BuildFailure = true
			o.flake(every(broken, h))
			r = o.run("apply", "--yes", "--first")
			r.wantExit(t, 4)
			r.wantText(t, "error[build]")
			wantBack(t, h, before)
		})
	}
}

func TestUnlockedInputsAreRefusedBeforeAnythingIsContacted(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	connected := sshConnections(h)
	lab.WriteUnlockedFlake(t, o.dir+"/fleet/flake", lab.FleetJSON(every(release(2), h)))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 2)
	r.wantText(t, "flake.lock", "nixdeploy lock")
	if n := sshConnections(h); n != connected {
		t.Error("the host was connected to")
	}
}

func TestUnreachableHostsCountAgainstTheBudgetBeforeAnythingIsSwitched(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 5, lab.Options{})
	o := newOperator(t, hosts[0])
	var members []member
	for _, h := range hosts {
		members = append(members, member{host: h, stage: "dev"})
	}
	o.inventory("[stages.dev]\nmax_failures = 1", members...)
	o.flake(every(release(2), hosts...))
	var before []lab.Links
	for _, h := range hosts {
		before = append(before, h.Links())
	}
	hosts[1].PowerCut()
	hosts[3].PowerCut()
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 4)
	r.wantText(t, hosts[1].Name, hosts[3].Name)
	for i, h := range hosts {
		wantBack(t, h, before[i])
	}
	hosts[1].Start()
	hosts[1].WaitSSH()
	r = o.run("apply", "--yes", "--first")
	r.wantExit(t, 5) // one is still off, within the budget: the others go on
	for i, h := range hosts {
		if i == 3 {
			wantBack(t, h, before[i])
		} else {
			wantNew(t, h, release(2))
		}
	}
}

// A unit that was restarted for ever before the run is not blamed on it.
func TestACrashLoopFromBeforeIsNotBlamedOnTheRun(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	h.MustSSH("systemd-run --quiet --unit=loop -p Restart=always -p RestartSec=60 /bin/sh -c 'exit 3'")
	h.WaitUntil("the first failure", `test "$(/bin/systemctl show --value -p SubState loop.service)" = auto-restart`)
	o.flake(every(release(2), h))
	o.must("apply", "--yes", "--first")
	wantNew(t, h, release(2))
}
