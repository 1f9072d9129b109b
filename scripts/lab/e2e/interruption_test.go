package e2e

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// waitingCheck passes once /run/well is there: a place to stop a run between
// switch and confirm.
const waitingCheck = `
checks = ["well"]
[checks.well]
type = "command"
command = ["test", "-e", "/run/well"]
interval = "200ms"
deadline = "150s"
`

func devWith(mode, confirmTimeout, more string) string {
	return "[stages.dev]\nactivation = \"" + mode + "\"\nconfirm_timeout = \"" + confirmTimeout + "\"\n" + more
}

func modes(t *testing.T, test func(t *testing.T, mode string)) {
	for _, mode := range []string{"switch", "test-first"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// A switch that breaks the network is undone by the host itself.
func TestABrokenNetworkIsMendedByTheGuard(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "15s", ""), member{host: h, stage: "dev"})
		before, now := h.Links(), 0
		bad := release(2)
		bad.BreaksNetworkAfter = &now
		o.flake(every(bad, h))
		r := o.run("apply", "--yes", "--first")
		r.wantExit(t, 5)
		r.wantText(t, "all read back")
		wantBack(t, h, before)
		wantResolved(t, h)
		h.WaitSSH()
	})
}

// The same with nobody left to notice: nixdeploy is killed right after the
// switch was sent.
func TestABrokenNetworkIsMendedThoughNixdeployIsKilled(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "15s", ""), member{host: h, stage: "dev"})
		before, now := h.Links(), 0
		bad := release(2)
		bad.BreaksNetworkAfter, bad.ActivationWaitsFor = &now, "/run/go-on"
		o.flake(every(bad, h))
		p := o.start("apply", "--yes", "--first")
		h.WaitUntil("the activation", "test -e /var/lib/nixdeploy/active/started")
		p.kill()
		h.Enter("touch /run/go-on")
		h.WaitUntil("the guard's return", "test ! -e /var/lib/nixdeploy/active -a ! -e /etc/systemd/system.control/nixdeploy-guard.service")
		wantBack(t, h, before)
		wantResolved(t, h)
		h.WaitSSH()
	})
}

// kill -9 after the switch, then apply again: the host is taken up where it is,
// switched once, and confirmed.
func TestApplyAfterAKillConfirmsWithoutASecondSwitch(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "60s", waitingCheck), member{host: h, stage: "dev"})
		o.flake(every(release(2), h))
		p := o.start("apply", "--yes", "--first")
		p.reaches("step-started", "health")
		p.kill()
		h.Enter("touch /run/well")
		r := o.run("apply", "--yes", "--first")
		r.wantExit(t, 0)
		wantNew(t, h, release(2))
		wantResolved(t, h)
		if n := switches(h); n != 1 {
			t.Errorf("the host was switched %d times", n)
		}
	})
}

// The same, but meanwhile the guard has brought the host back: apply begins anew.
func TestApplyAfterAKillAndAReturnBeginsAnew(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory(devWith("switch", "10s", waitingCheck), member{host: h, stage: "dev"})
	before := h.Links()
	o.flake(every(release(2), h))
	p := o.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")
	p.kill()
	h.WaitUntil("the guard's return", settled)
	wantBack(t, h, before)
	h.Enter("touch /run/well")
	o.must("apply", "--yes", "--first")
	wantNew(t, h, release(2))
	wantResolved(t, h)
}

// resume ends what a killed run left, and changes nothing else.
func TestResumeSettlesWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory(devWith("switch", "60s", waitingCheck), member{host: h, stage: "dev"})
	o.flake(every(release(2), h))
	p := o.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")
	p.kill()
	h.Enter("touch /run/well")
	o.run("resume").wantExit(t, 0)
	wantNew(t, h, release(2))
	wantResolved(t, h)
}

// A power cut between switch and confirm: the guard outlives it in switch mode;
// in test-first mode the boot itself is the return.
func TestAPowerCutBeforeTheConfirmationReturnsTheHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, mode, loader string }{
		{lab.Bookworm, "switch", lab.SystemdBoot}, {lab.Bookworm, "test-first", lab.SystemdBoot},
		{lab.Trixie, "switch", lab.Grub}, {lab.Trixie, "test-first", lab.Grub},
	} {
		t.Run(c.base+" "+c.mode, func(t *testing.T) {
			t.Parallel()
			if (c.base == lab.Bookworm) != (c.mode == "switch") {
				repeats(t)
			}
			h := lab.Up(t, lab.Options{Base: c.base, Loader: c.loader})
			o := newOperator(t, h)
			o.inventory(devWith(c.mode, "10s", waitingCheck), member{host: h, stage: "dev"})
			before := h.Links()
			o.flake(every(release(2), h))
			p := o.start("apply", "--yes", "--first")
			p.reaches("step-started", "health")
			h.PowerCut()
			p.kill()
			booting := h.Links().NextBoot
			if boots := strings.HasSuffix(booting, release(2).Version); boots != (c.mode == "switch") {
				t.Errorf("cut off, it boots %s in mode %s", booting, c.mode)
			}
			h.Start()
			h.WaitSSH()
			h.WaitUntil("the guard's return", settled)
			wantBack(t, h, before)
			wantResolved(t, h)
			h.MustSSH("touch /run/well")
			o.must("apply", "--yes", "--first")
			wantNew(t, h, release(2))
		})
	}
}

// nixdeploy lives through the host's power cut, and says what became of it.
func TestAPowerCutIsNoticedByARunningNixdeploy(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "10s", waitingCheck), member{host: h, stage: "dev"})
		before := h.Links()
		o.flake(every(release(2), h))
		p := o.start("apply", "--yes", "--first")
		p.reaches("step-started", "health")
		h.PowerCut()
		h.Start()
		r := p.wait()
		r.wantExit(t, 5)
		r.wantText(t, "all read back")
		wantBack(t, h, before)
		wantResolved(t, h)
	})
}

// A second operator, while the first one's guard is armed.
func TestASecondOperatorIsToldWhenTheGuardDecides(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	first := newOperator(t, h)
	first.inventory(devWith("switch", "60s", waitingCheck), member{host: h, stage: "dev"})
	first.flake(every(release(2), h))
	second := first.colleague(h)
	p := first.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")

	r := second.run("apply", "--yes", "--first")
	r.wantExit(t, 3)
	r.wantText(t, "error[locked]", "holds it since", "decides in")
	h.Enter("touch /run/well")
	if r := p.wait(); r.exit != 0 {
		t.Errorf("the first operator was disturbed: exit %d\n%s%s", r.exit, r.stderr, r.stdout)
	}
	wantNew(t, h, release(2))
	second.must("apply", "--yes")
}

// SIGINT once: what is in flight ends, nothing else begins.
func TestAnInterruptionBeginsNoFurtherHost(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 2, lab.Options{})
	o := newOperator(t, hosts[0])
	o.inventory(devWith("switch", "60s", "batches = [1, \"100%\"]\n"+waitingCheck), member{host: hosts[0], stage: "dev"}, member{host: hosts[1], stage: "dev"})
	before := hosts[1].Links()
	o.flake(every(release(2), hosts...))
	p := o.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")
	p.interrupt()
	hosts[0].Enter("touch /run/well")
	p.wait().wantExit(t, 130)
	wantNew(t, hosts[0], release(2))
	wantBack(t, hosts[1], before)
	wantResolved(t, hosts[0])
}

// switches counts what the host itself remembers of switch commands.
func switches(h *lab.Host) int {
	out, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; cat /var/lib/nixdeploy/done/*/switch.log /var/lib/nixdeploy/active/switch.log 2>/dev/null")
	return strings.Count(out, "+ nixos-rebuild")
}

// The guard decided while nobody was there: resume says so, and ends.
func TestResumeTakesOverTheGuardsDecision(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory(devWith("switch", "5s", waitingCheck), member{host: h, stage: "dev"})
	before := h.Links()
	o.flake(every(release(2), h))
	p := o.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")
	p.kill()
	h.WaitUntil("the guard's return", settled)
	r := o.run("resume")
	r.wantExit(t, 5)
	r.wantText(t, "returned", "the guard returned the host")
	wantBack(t, h, before)
	again := o.run("resume")
	again.wantExit(t, 0)
	again.wantText(t, "Nothing to resume")
}
