package deploy_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestUnitsThatAConnectionHangsOn(t *testing.T) {
	risky := []string{
		"NetworkManager.service", "dhcpcd.service", "firewall.service", "network-addresses-eth0.service", "network-setup.service", "nftables.service",
		"sshd.service", "sshd.socket", "sshd@0-10.0.0.1:22.service", "systemd-networkd.service", "systemd-networkd.socket", "tailscaled.service",
		"wg-quick-wg0.service", "wireguard-wg0.service", "wpa_supplicant-wlan0.service", "wpa_supplicant.service",
	}
	safe := []string{
		"NetworkManager-wait-online.service", "network-online.target", "network.target", "nginx.service", "openssh-askpass.service", "sshd-keygen.service",
		"systemd-networkd-wait-online.service", "systemd-resolved.service", "my-firewall.service", "wg.service",
	}
	if got := (&deploy.UnitChanges{Stop: risky[:4], Start: slices.Concat(risky[:8], safe), Restart: risky[8:12], Reload: risky[12:]}).AtRisk(); !slices.Equal(got, risky) {
		t.Errorf("%s", cmp.Diff(risky, got))
	}
	if got := (&deploy.UnitChanges{Kept: risky}).AtRisk(); got != nil {
		t.Errorf("what is kept is at risk: %q", got)
	}
	if got := (*deploy.UnitChanges)(nil).AtRisk(); got != nil {
		t.Errorf("%q", got)
	}
}
