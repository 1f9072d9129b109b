package lab_test

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

func TestHostBootsReady(t *testing.T) {
	for _, base := range []string{lab.Bookworm, lab.Trixie} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			host := lab.Up(t, lab.Options{Base: base})
			if state := host.MustSSH("systemctl is-system-running --wait"); state != "running" {
				t.Errorf("state = %s, want running", state)
			}
			links := host.Links()
			if links.ProfileLink != "system-1-link" || links.Profile == "" ||
				links.Running != links.Profile || links.Booted != links.Profile || links.NextBoot != links.Profile {
				t.Errorf("links of a fresh host: %+v", links)
			}
			host.PowerCut()
			if off := host.Links(); off.NextBoot != links.NextBoot || off.Running != "" {
				t.Errorf("links while off: %+v", off)
			}
			host.Start()
			host.WaitSSH()
			host.Reboot()
		})
	}
}
