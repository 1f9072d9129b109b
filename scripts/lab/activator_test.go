package lab_test

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// What no recording shows: the newer activator (25.05 and later), and both of
// them met halfway. Facts from NixOS's switch-to-configuration-ng and its issues.

const (
	switchCommand = "nixos-rebuild switch --fast --flake path:/root/flake#web1"
	lockFile      = "/run/nixos/switch-to-configuration.lock"
)

func web1(system lab.System) string {
	return lab.FleetJSON(map[string]lab.System{"web1": system})
}

func version(n string) string { return "24.11.2024120" + n + ".abcdef" + n }

// expect runs a command and checks its exit code and what it says in all.
func expect(t *testing.T, host *lab.Host, command string, rc int, says ...string) {
	t.Helper()
	stdout, stderr, got := host.SSH(command)
	if got != rc {
		t.Errorf("`%s` ended with %d, want %d\n%s%s", command, got, rc, stdout, stderr)
	}
	for _, text := range says {
		if !strings.Contains(stdout+stderr, text) {
			t.Errorf("`%s` does not say %q\n%s%s", command, text, stdout, stderr)
		}
	}
}

func TestNewerActivator(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{Base: lab.Trixie})
	upload(t, host, web1(lab.System{Version: version("1")}))
	expect(t, host, switchCommand, 0)
	first := host.Links()

	t.Run("a taken lock is 11, and the profile has moved", func(t *testing.T) {
		setFleet(t, host, web1(lab.System{Version: version("2")}))
		expect(t, host, "flock "+lockFile+" "+switchCommand, 11, "Could not acquire lock")
		links := host.Links()
		if links.Profile == first.Profile || links.Running != first.Running || links.NextBoot != first.NextBoot {
			t.Errorf("links: %+v\nbefore: %+v", links, first)
		}
		host.MustSSH("nix-env -p /nix/var/nix/profiles/system --rollback")
	})
	t.Run("a pre-switch check refuses", func(t *testing.T) {
		setFleet(t, host, web1(lab.System{Version: version("3"), CheckFailure: true}))
		expect(t, host, switchCommand, 1, "Pre-switch check 'lab' failed", "Pre-switch checks failed")
		if links := host.Links(); links.Profile == first.Profile || links.Running != first.Running || links.NextBoot != first.NextBoot {
			t.Errorf("links: %+v\nbefore: %+v", links, first)
		}
		expect(t, host, "/nix/var/nix/profiles/system/bin/switch-to-configuration check", 1)
		expect(t, host, "/run/current-system/bin/switch-to-configuration check", 0)
		host.MustSSH("nix-env -p /nix/var/nix/profiles/system --switch-generation 2")
	})
	t.Run("an inhibitor refuses, unless told not to", func(t *testing.T) {
		setFleet(t, host, web1(lab.System{Version: version("4"), Inhibitors: map[string]string{"dbus-implementation": "dbus"}}))
		expect(t, host, switchCommand, 0, "Checking switch inhibitors... done")
		setFleet(t, host, web1(lab.System{Version: version("5"), Inhibitors: map[string]string{"dbus-implementation": "broker"}}))
		expect(t, host, switchCommand, 1, "dbus-implementation : dbus -> broker", "Pre-switch check 'switchInhibitors' failed")
		expect(t, host, "NIXOS_NO_CHECK=1 "+switchCommand, 0)
	})
	t.Run("a full boot partition", func(t *testing.T) {
		before := host.Links()
		setFleet(t, host, web1(lab.System{Version: version("6")}))
		host.MustSSH("touch /boot/FULL")
		expect(t, host, switchCommand, 1, "OSError: [Errno 28] No space left on device", "Failed to install bootloader")
		if links := host.Links(); links.NextBoot != before.NextBoot || links.Running != before.Running || links.Profile == before.Profile {
			t.Errorf("links: %+v\nbefore: %+v", links, before)
		}
		host.MustSSH("rm /boot/FULL")
		expect(t, host, switchCommand, 0)
	})
	t.Run("a failed unit is 4, a failed snippet 2", func(t *testing.T) {
		setFleet(t, host, web1(lab.System{Version: version("7"), FailingUnit: true}))
		expect(t, host, switchCommand, 4, "warning: the following units failed: bad.service")
		setFleet(t, host, web1(lab.System{Version: version("8"), ActivationFailure: true}))
		expect(t, host, switchCommand, 2, "Activation script snippet users failed (1)", "Failed to run activate script")
	})
	t.Run("a closed stderr ends it before it stops anything", func(t *testing.T) {
		setFleet(t, host, web1(lab.System{Version: version("1"), Units: app("1")}))
		expect(t, host, switchCommand, 0)
		before := host.Links()
		setFleet(t, host, web1(lab.System{Version: version("2"), Units: app("2")}))
		expect(t, host, `set -e
			system=$(nix build --no-link --print-out-paths 'path:/root/flake#nixosConfigurations.web1.config.system.build.toplevel')
			mkfifo /run/nobody-listens
			exec 4<>/run/nobody-listens 5>/run/nobody-listens 4>&-
			nix-env -p /nix/var/nix/profiles/system --set "$system"
			exec "$system/bin/switch-to-configuration" switch 2>&5`, 101)
		links := host.Links()
		if links.Running != before.Running || links.NextBoot == before.NextBoot {
			t.Errorf("links: %+v\nbefore: %+v", links, before)
		}
		expect(t, host, "/nix/var/nix/profiles/system/bin/switch-to-configuration switch", 0, "starting the following units: app.service")
	})
	t.Run("ssh that dies during the activation leaves units stopped, and a repeat starts them", func(t *testing.T) {
		const gate = "/run/open-activation"
		setFleet(t, host, web1(lab.System{Version: version("3"), Units: app("3"), ActivationWaitsFor: gate}))
		ssh := host.SSHCommand(t.Context(), "root", switchCommand)
		if err := ssh.Start(); err != nil {
			t.Fatal(err)
		}
		host.WaitUntil("the activation to wait", "pgrep -f '[/]activate /nix' >/dev/null && ! systemctl -q is-active app.service")
		_ = ssh.Process.Kill() // it is waited for below
		_ = ssh.Wait()
		host.MustSSH("touch " + gate)
		host.WaitUntil("the end of the switch", "! systemctl -q is-active nixos-rebuild-switch-to-configuration.service")
		if links := host.Links(); links.Running != links.Profile || links.NextBoot != links.Profile {
			t.Errorf("links: %+v", links)
		}
		expect(t, host, "systemctl is-active app.service", 3, "inactive")
		expect(t, host, "journalctl -b --no-pager -u nixos-rebuild-switch-to-configuration.service", 0, "status=101")
		expect(t, host, "/run/current-system/bin/switch-to-configuration switch", 0, "starting the following units: app.service")
		expect(t, host, "systemctl show -p ActiveState,Environment app.service", 0, "ActiveState=active", "Environment=V=3")
	})
}

func app(v string) map[string]lab.Unit {
	return map[string]lab.Unit{"app.service": {
		Text:     "[Unit]\nDescription=App\n[Service]\nExecStart=/bin/sleep infinity\nEnvironment=V=" + v + "\n",
		WantedBy: []string{"multi-user.target"},
	}}
}

func TestOlderActivatorWaitsForTheLock(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{Base: lab.Bookworm})
	upload(t, host, web1(lab.System{Version: version("1")}))
	const gate = "/run/release-lock"
	host.MustSSH("mkdir -p /run/nixos; systemd-run -q --unit=holder /bin/sh -c '/usr/bin/flock " + lockFile + " /bin/sh -c \"until [ -e " + gate + " ]; do /bin/sleep 0.05; done\"'")
	host.WaitUntil("the lock to be held", "! flock -n "+lockFile+" true")
	ssh := host.SSHCommand(t.Context(), "root", switchCommand)
	if err := ssh.Start(); err != nil {
		t.Fatal(err)
	}
	host.WaitUntil("the switch to wait for the lock", "test \"$(readlink /nix/var/nix/profiles/system)\" = system-2-link && pgrep -f '[s]witch-to-configuration switch' >/dev/null")
	before := host.Links()
	if before.Running == before.Profile {
		t.Error("it did not wait")
	}
	host.MustSSH("touch " + gate)
	if err := ssh.Wait(); err != nil {
		t.Errorf("the switch that waited: %v", err)
	}
	if links := host.Links(); links.Running != links.Profile {
		t.Errorf("links: %+v", links)
	}
}

func TestLoserOfTwoSwitchesMovesTheProfileOnly(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{Base: lab.Trixie})
	upload(t, host, web1(lab.System{Version: version("1"), UnitWaitsFor: unitGate}))
	winner := host.SSHCommand(t.Context(), "root", switchCommand)
	if err := winner.Start(); err != nil {
		t.Fatal(err)
	}
	host.WaitUntil("the first switch to wait", "test activating = \"$(systemctl show --value -p ActiveState gated.service)\"")
	won := host.Links()
	setFleet(t, host, web1(lab.System{Version: version("2")}))
	expect(t, host, switchCommand, 1, "Failed to start transient service unit: Unit nixos-rebuild-switch-to-configuration.service was already loaded or has a fragment file.")
	host.MustSSH("touch " + unitGate)
	if err := winner.Wait(); err != nil {
		t.Errorf("the first switch: %v", err)
	}
	if links := host.Links(); links.Profile == won.Profile || links.Running != won.Running || links.NextBoot != won.NextBoot {
		t.Errorf("links: %+v\nafter the first: %+v", links, won)
	}
}
