package lab_test

import (
	"os"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

func writeScript(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Hosts that come up side by side share nothing that names them.
func TestFleetSharesNothing(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 4, lab.Options{})
	for _, fact := range []string{
		"cat /etc/machine-id",
		"cat /proc/sys/kernel/random/boot_id",
		"cat /etc/ssh/ssh_host_ed25519_key.pub",
		"hostname",
		"cat /sys/class/net/eth0/address",
	} {
		owners := map[string]string{}
		for _, host := range hosts {
			value := host.MustSSH(fact)
			if other := owners[value]; value == "" || other != "" {
				t.Errorf("`%s` is %q on %s and %s", fact, value, host.Name, other)
			}
			owners[value] = host.Name
		}
	}
	hosts[0].MustSSH("touch /nix/store/only-here /boot/only-here")
	if _, _, rc := hosts[1].SSH("test -e /nix/store/only-here || test -e /boot/only-here"); rc == 0 {
		t.Error("two hosts share a disk")
	}
}

// The deploy user is what a deployer logs in as: sudo without a password, and
// the same PATH as NixOS gives, which has nothing of a common distribution.
func TestDeployUser(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{})
	stdout, stderr, rc := host.SSHAs("deploy", `set -e
		test "$(id -un)" = deploy
		test "$(/run/wrappers/bin/sudo -n id -u)" = 0
		sudo -n readlink /run/current-system/sw/bin/nixos-rebuild >/dev/null
		for tool in nixos-rebuild nix nix-env nix-store systemctl systemd-run flock tar sha256sum; do command -v $tool >/dev/null; done
		for tool in jq git python3 apt-get; do ! command -v $tool; done
		nix store ping >/dev/null
		echo $PATH`, nil)
	if rc != 0 || stdout != "/run/wrappers/bin:/run/current-system/sw/bin\n" {
		t.Errorf("rc = %d\n%s%s", rc, stdout, stderr)
	}
}

// The machine that hosts talk to keeps its address on their network, whichever
// of them come and go: a connection is not held up by one that leaves.
func TestHostsThatComeAndGoLeaveTheOthersConnected(t *testing.T) {
	t.Parallel()
	stays, goes := lab.Up(t, lab.Options{}), lab.Up(t, lab.Options{})
	const neighbour = `PATH=$PATH:/run/current-system/sw/bin; ip neigh show 10.77.0.1 dev eth0 | cut -d' ' -f1-3`
	before := stays.MustSSH(neighbour)
	goes.Down()
	stays.MustSSH("true")
	if now := stays.MustSSH(neighbour); now != before || !strings.Contains(now, "02:00:0a:4d:00:01") {
		t.Errorf("the other side was %q and is %q", before, now)
	}
}
