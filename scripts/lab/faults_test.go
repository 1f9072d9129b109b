package lab_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// Each way in which a host can go wrong does so, seen from outside.

func status(host *lab.Host) int {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(fmt.Sprintf("http://%s:8080/healthz", host.IP))
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) { // polls
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func TestHealthEndpointFailsLate(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{})
	upload(t, host, web1(lab.System{Version: version("1"), Health: &lab.Health{}}))
	host.MustSSH(switchCommand)
	// The unit is up when it listens: no waiting.
	if got := status(host); got != http.StatusOK {
		t.Errorf("status = %d, want 200", got)
	}
	setFleet(t, host, web1(lab.System{Version: version("2"), Health: &lab.Health{FailsAfter: new(1)}, UnitFailsAfter: new(1)}))
	host.MustSSH(switchCommand)
	eventually(t, "the endpoint to fail", func() bool { return status(host) == http.StatusServiceUnavailable })
	host.WaitUntil("the late unit to fail", "systemctl -q is-failed late.service")
}

func TestNetworkBreaksAndAReturnMendsIt(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{})
	upload(t, host, web1(lab.System{Version: version("1")}))
	host.MustSSH(switchCommand)
	setFleet(t, host, web1(lab.System{Version: version("2"), BreaksNetworkAfter: new(0)}))
	// Started past the network: what happens to an ssh does not matter here.
	if _, stderr, rc := host.Enter(switchCommand); rc != 0 {
		t.Fatalf("the switch: %d %s", rc, stderr)
	}
	if _, _, rc := host.SSH("true"); rc != 255 {
		t.Errorf("ssh ended with %d, want 255", rc)
	}
	if _, stderr, rc := host.Enter("nixos-rebuild switch --rollback --fast"); rc != 0 {
		t.Fatalf("the return: %d %s", rc, stderr)
	}
	host.WaitSSH()
}

func TestLinkDownIsSilence(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{})
	host.LinkDown()
	if _, _, rc := host.SSH("true"); rc != 255 {
		t.Errorf("ssh ended with %d, want 255", rc)
	}
	if stdout, _, rc := host.Enter("hostname"); rc != 0 || stdout != host.Name+"\n" {
		t.Errorf("past the network: %d %q", rc, stdout)
	}
	host.LinkUp()
	host.WaitSSH()
}

// A switch that re-executes systemd, as an update of it does: units go on.
func TestSwitchReexecutesSystemd(t *testing.T) {
	t.Parallel()
	host := lab.Up(t, lab.Options{Base: lab.Trixie})
	upload(t, host, web1(lab.System{Version: version("1"), SystemdVersion: "257.1"}))
	host.MustSSH("systemd-run -q --unit=bystander /run/current-system/sw/bin/sleep infinity")
	before := host.MustSSH("systemctl show -p MainPID bystander.service")
	expect(t, host, switchCommand, 0, "restarting systemd...")
	if after := host.MustSSH("systemctl show -p MainPID bystander.service"); after != before {
		t.Errorf("the bystander: %s, before: %s", after, before)
	}
}
