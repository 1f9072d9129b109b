package e2e

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A user who is not root, with sudo, whose login shell is fish.
func TestAnUnprivilegedUserWithSudoAndAnOddShell(t *testing.T) {
	t.Parallel()
	for _, base := range []string{lab.Bookworm, lab.Trixie} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			h := lab.Up(t, lab.Options{Base: base})
			h.Enter("usermod --shell /usr/bin/fish deploy || chsh -s /usr/bin/fish deploy")
			o := newOperator(t, h)
			o.inventory("[ssh]\nuser = \"deploy\"\nelevate = \"sudo\"", member{host: h, stage: "dev"})
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			wantNew(t, h, release(2))
		})
	}
}

func TestAUserWithoutSudoIsToldSo(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	h.MustSSH("echo 'deploy ALL=(ALL:ALL) ALL' > /etc/sudoers")
	o := newOperator(t, h)
	o.inventory("[ssh]\nuser = \"deploy\"\nelevate = \"sudo\"", member{host: h, stage: "dev"})
	before := h.Links()
	o.flake(every(release(2), h))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 4)
	r.wantText(t, "error[elevate]", "sudo")
	wantBack(t, h, before)
}

// A guard that a reboot would lose is said, and refused in switch mode.
func TestAGuardThatARebootWouldLose(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{ReadonlyEtcControl: true})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	before := h.Links()
	o.flake(every(release(2), h))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 4)
	r.wantText(t, "would not survive a reboot", "test-first", "accept_guard_loss")
	wantBack(t, h, before)
	wantResolved(t, h)
}

// GRUB's own format, through a good and a bad release.
func TestTheNextBootIsReadFromGrub(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{Loader: lab.Grub})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	o.flake(every(release(2), h))
	o.must("apply", "--yes", "--first")
	wantNew(t, h, release(2))
	if !strings.Contains(o.must("status", "--json").stdout, `"grub"`) {
		t.Error("status does not say that grub's file was read")
	}
	before := h.Links()
	bad := release(3)
	bad.FailingUnit = true
	o.flake(every(bad, h))
	o.run("apply", "--yes").wantExit(t, 5)
	wantBack(t, h, before)
	if n := rollbacks(h); n != 1 {
		t.Errorf("the plain rollback ran %d times, want once", n)
	}
}

func TestAChangedHostKeyIsRefused(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 2, lab.Options{})
	o := newOperator(t, hosts[0])
	o.inventory("", member{host: hosts[0], stage: "dev"})
	o.flake(every(release(2), hosts[0]))
	known := hosts[0].MustSSH("cat /etc/ssh/ssh_host_ed25519_key.pub")
	other := hosts[1].MustSSH("cat /etc/ssh/ssh_host_ed25519_key.pub")
	if known == other {
		t.Fatal("two lab hosts have one key")
	}
	o.write("home/.ssh/known_hosts", hosts[0].IP+" "+other+"\n", 0o600)
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 7)
	r.wantText(t, "error[host-key]", "SHA256:")
	o.write("home/.ssh/known_hosts", "", 0o600)
	o.run("apply", "--yes", "--first").wantExit(t, 7)
}

// The machine behind the address is another one of the fleet.
func TestSwappedAddressesAreRefused(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 2, lab.Options{})
	o := newOperator(t, hosts[0])
	o.inventory("", member{host: hosts[0], stage: "dev"}, member{host: hosts[1], stage: "dev"})
	o.flake(every(release(2), hosts...))
	o.must("apply", "--yes", "--first")
	swapped := []lab.Host{*hosts[0], *hosts[1]}
	swapped[0].IP, swapped[1].IP = hosts[1].IP, hosts[0].IP
	o.inventory("", member{host: &swapped[0], stage: "dev"}, member{host: &swapped[1], stage: "dev"})
	o.flake(every(release(3), hosts...))
	r := o.run("apply", "--yes", "--first")
	r.wantExit(t, 7)
	r.wantText(t, "error[identity]", hosts[1].Name)
	wantNew(t, hosts[0], release(2))
	wantNew(t, hosts[1], release(2))
}
