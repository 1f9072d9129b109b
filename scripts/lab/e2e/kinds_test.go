package e2e

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A container boots what its init is, and its guard never reboots it: restarted
// before the confirmation it comes back on its record, in the same boot.
func TestAContainerIsReturnedWithoutAReboot(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{Kind: lab.Container})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "8s", waitingCheck), member{host: h, stage: "dev"})
		before := h.Links()
		o.flake(every(release(2), h))
		p := o.start("apply", "--yes", "--first")
		p.reaches("step-started", "health")
		h.PowerCut()
		p.kill()
		h.Start()
		h.WaitSSH()
		boot := h.BootID()
		h.WaitUntil("the guard's return", settled)
		wantBack(t, h, before)
		wantResolved(t, h)
		if now := h.BootID(); now != boot {
			t.Errorf("it was rebooted: boot %s, then %s", boot, now)
		}
		if booted := h.Links().Booted; (booted == before.NextBoot) != (mode == "test-first") {
			t.Errorf("in mode %s it booted %s, its record boots %s", mode, booted, before.NextBoot)
		}
		h.MustSSH("touch /run/well")
		o.must("apply", "--yes", "--first")
		wantNew(t, h, release(2))
		o.must("status", "--json").wantText(t, `"profile"`)
	})
}

// WSL: nothing starts it again, so switch is refused unless that is accepted;
// test-first goes through, and the plan says what it does not cover there.
func TestWSLIsNotSwitchedWithoutItsGuard(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{Kind: lab.WSL, Base: lab.Trixie})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	before := h.Links()
	o.flake(every(release(2), h))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 4)
	r.wantText(t, "error[guard]", "WSL", "test-first", "accept_guard_loss")
	wantBack(t, h, before)
	wantResolved(t, h)

	o.inventory("[stages.dev]\nactivation = \"test-first\"", member{host: h, stage: "dev"})
	o.run("plan", "--first").wantText(t, "on WSL test-first does not cover a restart either")
	o.must("apply", "--yes", "--first")
	wantNew(t, h, release(2))

	o.inventory("[stages.dev]\naccept_guard_loss = true", member{host: h, stage: "dev"})
	before, boot := h.Links(), h.BootID()
	bad := release(3)
	bad.FailingUnit = true
	o.flake(every(bad, h))
	o.run("apply", "--yes").wantExit(t, 5)
	wantBack(t, h, before)
	wantResolved(t, h)
	if now := h.BootID(); now != boot {
		t.Error("it was rebooted")
	}
}
