package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestWhatAPlanSaysOfItsConsequences(t *testing.T) {
	const mib = 1 << 20
	free := func(pairs map[string]int64) func(*deploy.HostPlan) {
		return func(hp *deploy.HostPlan) { hp.Observed.FreeBytes = pairs }
	}
	all := func(changes ...func(*deploy.HostPlan)) func(*deploy.HostPlan) {
		return func(hp *deploy.HostPlan) {
			for _, c := range changes {
				c(hp)
			}
		}
	}
	differs := func(d deploy.Difference) func(*deploy.HostPlan) {
		return func(hp *deploy.HostPlan) { hp.Difference = &d }
	}
	unpacks := func(n int64) func(*deploy.HostPlan) {
		return func(hp *deploy.HostPlan) { hp.Transfer.Unpacked = n }
	}
	reader := func(name string) func(*deploy.HostPlan) {
		return func(hp *deploy.HostPlan) { hp.Observed.Reader = name }
	}
	big := map[string]int64{"/nix": 5000 * mib, "/": 5000 * mib}
	for _, c := range []struct {
		name   string
		change func(*deploy.HostPlan)
		want   []string
	}{
		{"nothing is known", all(), nil},
		{"nothing to say", differs(deploy.Difference{Units: &deploy.UnitChanges{Restart: []string{"nginx.service"}}, Packages: []deploy.PackageChange{{Name: "sshd"}}}), nil},
		{"kernel and modules", differs(deploy.Difference{Reboot: []string{"kernel", "kernel-modules"}}), []string{
			"needs a reboot for another kernel, kernel-modules",
		}},
		{"an inhibitor", differs(deploy.Difference{Inhibitors: []string{"dbus-implementation: dbus -> broker"}}), []string{
			"a switch will be refused on the host, for dbus-implementation: dbus -> broker: there, nixos-rebuild boot and a reboot is the way",
		}},
		{"the connection", differs(deploy.Difference{Units: &deploy.UnitChanges{
			Stop: []string{"firewall.service", "tailscaled.service", "nginx.service"}, Start: []string{"firewall.service", "wg-quick-a.service"},
			Restart: []string{"sshd.service"}, Reload: []string{"nftables.service"}, Kept: []string{"dhcpcd.service"},
		}}), []string{
			"the connection is at risk: a switch restarts firewall.service, reloads nftables.service, restarts sshd.service, stops tailscaled.service, starts wg-quick-a.service",
		}},
		{"the boot partition is too small", all(free(map[string]int64{"/nix": 5000 * mib, "/boot": 100 * mib, "/": 5000 * mib}), differs(deploy.Difference{BootNeeds: 100*mib + 1})), []string{
			"not enough space in /boot: kernel and initrd need 101 MiB, 100 MiB are free",
		}},
		{"it just fits", all(free(map[string]int64{"/nix": 5000 * mib, "/boot": 100 * mib, "/": 5000 * mib}), differs(deploy.Difference{BootNeeds: 100 * mib})), nil},
		{"systemd-boot in a partition of EFI", all(reader("systemd-boot"), free(map[string]int64{"/": 5000 * mib, "/efi": 10 * mib}), differs(deploy.Difference{BootNeeds: 40 * mib})), []string{
			"not enough space in /efi: kernel and initrd need 40 MiB, 10 MiB are free",
		}},
		{"grub does not copy to a partition of EFI", all(reader("grub"), free(map[string]int64{"/": 5000 * mib, "/boot/efi": 10 * mib}), differs(deploy.Difference{BootNeeds: 40 * mib})), nil},
		{"nothing was read of its free space", all(free(nil), differs(deploy.Difference{BootNeeds: 40 * mib}), unpacks(40*mib)), nil},
		{"the store is too small", all(free(map[string]int64{"/nix": 3000 * mib, "/": 9000 * mib}), unpacks(2600*mib)), []string{
			"not enough space in /nix: what is fetched unpacks to 2600 MiB, 3000 MiB are free",
		}},
		{"the store fits, with what is built beside it", all(free(big), unpacks(4000*mib)), nil},
		{"no partition for the store", all(free(map[string]int64{"/": 3000 * mib}), unpacks(2600*mib)), []string{
			"not enough space in /: what is fetched unpacks to 2600 MiB, 3000 MiB are free",
		}},
		{"most important first", all(free(map[string]int64{"/nix": 3000 * mib}), unpacks(9000*mib), differs(deploy.Difference{
			Inhibitors: []string{"a: 1 -> 2"}, Reboot: []string{"kernel"}, Units: &deploy.UnitChanges{Restart: []string{"sshd.service"}},
		})), []string{
			"not enough space in /nix: what is fetched unpacks to 9000 MiB, 3000 MiB are free",
			"a switch will be refused on the host, for a: 1 -> 2: there, nixos-rebuild boot and a reboot is the way",
			"the connection is at risk: a switch restarts sshd.service",
			"needs a reboot for another kernel",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := deploy.Links{ProfileLink: "system-1-link", Profile: "/nix/store/t", Running: "/nix/store/t", Booted: "/nix/store/t", NextBoot: "/nix/store/t", Reader: "grub"}
			hp := deploy.HostPlan{Change: deploy.ChangeSwitch, Observed: &deploy.Observation{
				Links: l, Marker: &deploy.Marker{}, GuardReboot: "yes", FreeBytes: big,
			}}
			c.change(&hp)
			if diff := cmp.Diff(c.want, plan.Notes(inventory.Host{}, hp, false)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
