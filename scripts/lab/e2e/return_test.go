package e2e

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// The cases of contract 3.3, in which a plain --rollback would land on the
// wrong system: the host is on its record all the same, and the plain rollback
// is not what brought it there.
func TestExactReturnWhereAPlainRollbackWouldMiss(t *testing.T) {
	t.Parallel()
	bad := release(5)
	bad.FailingUnit = true
	for name, c := range map[string]struct {
		prepare func(t *testing.T, o *operator, h *lab.Host)
	}{
		// Generation 3 is bad and was rolled away from: the newest number below
		// that of the next one is a system that did not run.
		"after an earlier rollback": {func(t *testing.T, o *operator, h *lab.Host) {
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			o.flake(every(release(3), h))
			o.must("apply", "--yes")
			h.MustSSH("nix-env -p /nix/var/nix/profiles/system --rollback && /nix/var/nix/profiles/system/bin/switch-to-configuration switch")
		}},
		// What runs was only tested: it is in no generation.
		"the running system is not the profile": {func(t *testing.T, o *operator, h *lab.Host) {
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			o.flake(every(release(3), h))
			h.CopyFlake(o.dir+"/fleet/flake", "/root/tested")
			h.MustSSH("nixos-rebuild test --fast --flake /root/tested#" + h.Name + " && rm -rf /root/tested")
		}},
		// What boots next is not what runs.
		"a boot is pending": {func(t *testing.T, o *operator, h *lab.Host) {
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			o.flake(every(release(3), h))
			h.CopyFlake(o.dir+"/fleet/flake", "/root/pending")
			h.MustSSH("nixos-rebuild boot --fast --flake /root/pending#" + h.Name + " && rm -rf /root/pending")
		}},
		// A gap: the generation before is gone.
		"generations are missing": {func(t *testing.T, o *operator, h *lab.Host) {
			for n := 2; n <= 4; n++ {
				o.flake(every(release(n), h))
				o.must("apply", "--yes", "--first")
			}
			h.MustSSH("nix-env -p /nix/var/nix/profiles/system --switch-generation 2 && " +
				"/nix/var/nix/profiles/system/bin/switch-to-configuration switch && nix-env -p /nix/var/nix/profiles/system --delete-generations 3")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := lab.Up(t, lab.Options{})
			o := newOperator(t, h)
			o.inventory("", member{host: h, stage: "dev"})
			c.prepare(t, o, h)
			before := h.Links()
			o.flake(every(bad, h))
			r := o.run("apply", "--yes", "--first")
			r.wantExit(t, 5)
			r.wantText(t, "error[health]")
			wantBack(t, h, before)
			wantResolved(t, h)
			if n := rollbacks(h); n != 0 {
				t.Errorf("the plain rollback was run %d times", n)
			}
		})
	}
}

// A full boot partition: the profile moved, nothing else did.
func TestAFullBootPartitionIsReturned(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	before := h.Links()
	h.MustSSH("touch /boot/FULL")
	o.flake(every(release(2), h))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 5)
	r.wantText(t, "No space left on device")
	wantBack(t, h, before)
	wantResolved(t, h)
}

// An activation script that fails, and one that asks for a reboot.
func TestAHalfActivationIsReturned(t *testing.T) {
	t.Parallel()
	for name, system := range map[string]lab.System{
		"a snippet fails": func() lab.System { s := release(2); s.ActivationFailure = true; return s }(),
		"another init":    func() lab.System { s := release(2); s.InitInterface = "3"; return s }(),
	} {
		for _, base := range []string{lab.Bookworm, lab.Trixie} {
			t.Run(name+" "+base, func(t *testing.T) {
				t.Parallel()
				h := lab.Up(t, lab.Options{Base: base})
				o := newOperator(t, h)
				o.inventory("", member{host: h, stage: "dev"})
				before := h.Links()
				o.flake(every(system, h))
				r := o.run("apply", "--yes", "--first")
				r.wantExit(t, 5)
				wantBack(t, h, before)
				wantResolved(t, h)
			})
		}
	}
}

// A hanging switch is stopped at its deadline and undone.
func TestAHangingSwitchIsReturned(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory(devWith("switch", "20s", "activation_timeout = \"8s\""), member{host: h, stage: "dev"})
	before := h.Links()
	hung := release(2)
	hung.HangingUnit = true
	o.flake(every(hung, h))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 5)
	wantBack(t, h, before)
	wantResolved(t, h)
}

// The switch dies between stopping and activating: no link has moved, and the
// units that it had stopped are up again all the same.
func TestUnitsAreUpAgainWhereNoLinkMoved(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "30s", ""), member{host: h, stage: "dev"})
		app := release(2)
		app.Units = map[string]lab.Unit{"app.service": {
			Text:     "[Unit]\nDescription=App\n[Service]\nExecStart=/bin/sleep infinity\nEnvironment=V=1\n",
			WantedBy: []string{"multi-user.target"},
		}}
		o.flake(every(app, h))
		o.must("apply", "--yes", "--first")
		before := h.Links()
		stuck := release(3)
		stuck.Units = map[string]lab.Unit{"app.service": {
			Text:     "[Unit]\nDescription=App\n[Service]\nExecStart=/bin/sleep infinity\nEnvironment=V=2\n",
			WantedBy: []string{"multi-user.target"},
		}}
		stuck.ActivationWaitsFor = "/run/never"
		o.flake(every(stuck, h))
		p := o.start("apply", "--yes")
		p.reaches("step-started", "switch")
		h.WaitUntil("the stop of the unit", "! /bin/systemctl --quiet is-active app.service")
		h.Enter("/bin/systemctl kill --kill-whom=all --signal=KILL nixos-rebuild-switch-to-configuration.service || /bin/systemctl kill --signal=KILL nixos-rebuild-switch-to-configuration.service")
		r := p.wait()
		r.wantExit(t, 5)
		wantBack(t, h, before)
		wantResolved(t, h)
		if state, _, _ := h.Enter("/bin/systemctl is-active app.service"); state != "active\n" {
			t.Errorf("app.service is %s after the return", state)
		}
	})
}

// rollback goes to what the newest confirmed run went away from.
func TestRollbackOfAConfirmedRelease(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	o.flake(every(release(2), h))
	o.must("apply", "--yes", "--first")
	before := h.Links()
	o.flake(every(release(3), h))
	o.must("apply", "--yes")
	wantNew(t, h, release(3))
	o.must("rollback", "--yes", "--on", h.Name)
	wantBack(t, h, before)
	wantResolved(t, h)
}
