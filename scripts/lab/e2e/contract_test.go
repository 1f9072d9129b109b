package e2e

import (
	"context"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet/contract"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// The scenarios that the model of a host keeps, kept by real ones: by turns on
// the two bases, since a host takes seconds.
func TestRealHostsKeepTheContractOfTheModel(t *testing.T) {
	t.Parallel()
	for i, s := range contract.Scenarios() {
		base := []string{lab.Bookworm, lab.Trixie}[i%2]
		t.Run(base+" "+s.Name, func(t *testing.T) {
			t.Parallel()
			s.Run(t, subject(t, lab.Up(t, lab.Options{Base: base})))
		})
	}
}

func subject(t *testing.T, h *lab.Host) contract.Subject {
	t.Helper()
	dialer, err := remote.NewDialer(remote.Options{KnownHostsFiles: []string{h.KnownHosts}, AgentSocket: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dialer.Close() })
	target := inventory.Host{Name: h.Name, Address: h.IP, Port: 22, User: "root", Elevate: "none", IdentityFiles: []string{h.KeyFile}}
	systems := func(n int, change func(*lab.System)) *flake.Flake {
		s := release(n)
		change(&s)
		dir := t.TempDir()
		lab.WriteFlake(t, dir, lab.FleetJSON(every(s, h)))
		f, err := flake.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	works := func(*lab.System) {}
	at := 0
	return contract.Subject{
		Dial:      func(ctx context.Context) (deploy.Conn, error) { return dialer.Dial(ctx, target) },
		Attribute: h.Name,
		Good:      systems(2, works), Better: systems(3, works), Best: systems(4, works),
		FailsUnit:     systems(5, func(s *lab.System) { s.FailingUnit = true }),
		BreaksNetwork: systems(6, func(s *lab.System) { s.BreaksNetworkAfter = &at }),
		NoEvaluation:  systems(7, func(s *lab.System) { s.EvalFailure = true }),
		NoBuild:       systems(8, func(s *lab.System) { s.BuildFailure = true }),
		PowerCut: func() {
			h.PowerCut()
			h.Start()
		},
		StopGuard: func() { h.MustSSH("systemctl stop nixdeploy-guard.service") },
		LoseUnit:  func() { h.MustSSH("rm -r /etc/systemd/system.control") },
		CutSwitch: func() {
			// A killer that waits for the switch's activation to begin.
			h.Enter(`setsid sh -c 'PATH=$PATH:/run/current-system/sw/bin
				until systemctl --quiet is-active nixos-rebuild-switch-to-configuration.service; do sleep 0.02; done
				systemctl kill --signal=KILL "nixdeploy-switch-*" nixos-rebuild-switch-to-configuration.service' >/dev/null 2>&1 </dev/null &`)
		},
		ForeignSwitch: func() {
			dir := t.TempDir()
			lab.WriteFlake(t, dir, lab.FleetJSON(every(release(9), h)))
			h.CopyFlake(dir, "/root/foreign")
			h.MustSSH("nixos-rebuild switch --fast --flake /root/foreign#" + h.Name)
		},
		ForeignBegins: func() func() {
			dir, theirs := t.TempDir(), release(9)
			theirs.ActivationWaitsFor = "/run/theirs"
			lab.WriteFlake(t, dir, lab.FleetJSON(every(theirs, h)))
			h.CopyFlake(dir, "/root/foreign")
			h.MustSSH("setsid nixos-rebuild switch --fast --flake /root/foreign#" + h.Name + " >/root/foreign.log 2>&1 </dev/null &")
			return func() { h.Enter("touch /run/theirs") }
		},
	}
}
