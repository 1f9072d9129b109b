package lab_test

import (
	"fmt"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// /etc/systemd/system is a link into the store on NixOS, and goes back and forth
// with each switch. A unit that has to survive switches, and be there at any
// boot, can live in system.control: systemd reads it first, and nothing of NixOS
// writes to it.
func TestUnitInSystemControlSurvivesSwitchAndPowerCut(t *testing.T) {
	for _, base := range []string{lab.Bookworm, lab.Trixie} {
		for _, target := range []string{"basic.target", "emergency.target"} {
			t.Run(base+"/"+target, func(t *testing.T) {
				t.Parallel()
				host := lab.Up(t, lab.Options{Base: base})
				const control = "/etc/systemd/system.control"
				host.MustSSH(fmt.Sprintf(`
					mkdir -p %[1]s/%[2]s.wants
					printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo started >> /var/lib/starts"\n' > %[1]s/survivor.service
					ln -s ../survivor.service %[1]s/%[2]s.wants/survivor.service`, control, target))
				before := host.MustSSH("find " + control + " | sort")

				upload(t, host, lab.FleetJSON(map[string]lab.System{"web1": {Version: "24.11.20241202.abcdef2"}}))
				host.MustSSH("nixos-rebuild switch --fast --flake path:/root/flake#web1")
				if after := host.MustSSH("find " + control + " | sort"); after != before {
					t.Errorf("a switch changed %s\nbefore:\n%s\nafter:\n%s", control, before, after)
				}
				if started := host.MustSSH("cat /var/lib/starts 2>/dev/null | wc -l"); started != "0" {
					t.Errorf("a switch started the unit %s times", started)
				}

				if target == "emergency.target" {
					// Not reached by a boot: reached by asking for it.
					host.MustSSH("systemctl daemon-reload")
					host.Enter("systemctl --no-block --job-mode=replace-irreversibly start emergency.target")
				} else {
					host.PowerCut()
					host.Start()
				}
				host.WaitUntil("the unit to start", "test \"$(wc -l < /var/lib/starts)\" = 1")
			})
		}
	}
}

func TestReadonlyEtcControl(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{ReadonlyEtcControl: true})
	if _, _, rc := host.SSH("touch /etc/systemd/system.control/x"); rc == 0 {
		t.Error("/etc/systemd/system.control can be written to")
	}
	if state := host.MustSSH("systemctl is-system-running --wait"); state != "running" {
		t.Errorf("state = %s, want running", state)
	}
}
