package lab_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// Files on a host at which a gated unit and a gated build wait, so that a test
// decides when they end, and nothing depends on how fast this machine is.
const (
	unitGate  = "/run/open-unit"
	buildGate = "/run/open-build"
)

// transcriptFleets are the fleet.json files that the transcripts were made with.
func transcriptFleet(t *testing.T, name, activator string) string {
	t.Helper()
	number := map[string]int{
		"v1": 1, "v2": 2, "fail": 3, "crash": 3, "slow": 4, "actfail": 5, "buildfail": 6,
		"evalfail": 6, "init": 7, "kernel": 8, "slowbuild": 9,
	}[name]
	if number == 0 {
		t.Fatalf("no fleet %q", name)
	}
	system := lab.System{
		Version:   fmt.Sprintf("24.11.2024120%d.abcdef%d", number, number),
		Activator: activator,
		Packages:  []lab.Package{{Name: "hello", Version: fmt.Sprintf("1.%d", number), Size: number * 100000}},
		Etc:       map[string]string{"motd": fmt.Sprintf("v%d\n", number)},
		Units: map[string]lab.Unit{"app.service": {
			Text:     fmt.Sprintf("[Unit]\nDescription=App\n[Service]\nExecStart=/bin/sleep infinity\nEnvironment=V=%d\n", number),
			WantedBy: []string{"multi-user.target"},
		}},
	}
	switch name {
	case "fail":
		system.FailingUnit = true
	case "crash":
		system.CrashLoop = true
	case "slow":
		// The transcript's unit sleeps, this one waits to be let go.
		system.Units["slow.service"] = lab.Unit{
			Text: "[Unit]\nDescription=Slow\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\n" +
				"ExecStart=/bin/sh -c 'until [ -e " + unitGate + " ]; do /bin/sleep 0.05; done'\n",
			WantedBy: []string{"multi-user.target"},
		}
	case "actfail":
		system.ActivationFailure = true
	case "buildfail":
		system.BuildFailure = true
	case "evalfail":
		system.EvalFailure = true
	case "init":
		system.InitInterface = "3"
	case "kernel":
		system.KernelVersion = "6.6.70"
	case "slowbuild":
		system.BuildWaitsFor = buildGate
		// The transcript's boot loader spoke, and died of it when nobody listened.
		system.BootMessage = "updating lab boot loader..."
	}
	return lab.FleetJSON(map[string]lab.System{"web1": system})
}

// upload puts the fixture flake into /root/flake of the host.
func upload(t *testing.T, host *lab.Host, fleetJSON string) {
	t.Helper()
	dir := t.TempDir()
	lab.WriteFlake(t, dir, fleetJSON)
	host.CopyFlake(dir, "/root/flake")
}

func setFleet(t *testing.T, host *lab.Host, fleetJSON string) {
	t.Helper()
	if _, stderr, rc := host.SSHAs("root", "cat > /root/flake/fleet.json", strings.NewReader(fleetJSON)); rc != 0 {
		t.Fatalf("writing fleet.json: %d %s", rc, stderr)
	}
}
