package deploy

import (
	"path"
	"slices"
)

// connectionUnits are the units that an SSH connection may hang on, as patterns.
var connectionUnits = []string{
	"sshd.service", "sshd.socket", "sshd@*.service",
	"systemd-networkd.service", "systemd-networkd.socket", "network-*.service", "NetworkManager.service", "dhcpcd.service", "wpa_supplicant*.service",
	"firewall.service", "nftables.service",
	"wg-*.service", "wireguard-*.service", "tailscaled.service",
}

// AtRisk lists the units among those that a switch stops, starts, restarts or
// reloads which an SSH connection may hang on, sorted. None where units are not
// known.
func (u *UnitChanges) AtRisk() []string {
	if u == nil {
		return nil
	}
	var risky []string
	for _, unit := range slices.Concat(u.Stop, u.Start, u.Restart, u.Reload) {
		if carriesConnection(unit) {
			risky = append(risky, unit)
		}
	}
	slices.Sort(risky)
	return slices.Compact(risky)
}

func carriesConnection(unit string) bool {
	return slices.ContainsFunc(connectionUnits, func(pattern string) bool {
		match, err := path.Match(pattern, unit)
		return match && err == nil
	})
}
