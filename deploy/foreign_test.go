package deploy_test

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestForeignActivityInWords(t *testing.T) {
	hand := deploy.ForeignActivity{Kind: deploy.ForeignSwitch, What: "nixos-rebuild switch", PID: 812, Who: "alice", Since: 1700000000}
	for want, a := range map[string]deploy.ForeignActivity{
		"a switch that is not nixdeploy's is under way: nixos-rebuild switch, pid 812, of alice, since 22:13:20 UTC": hand,
		"a garbage collection is under way: nix-gc.service, pid 9":                                                   {Kind: deploy.ForeignGarbage, What: "nix-gc.service", PID: 9},
		"an automatic upgrade is near: nixos-upgrade.timer, due in 15m0s":                                            {Kind: deploy.ForeignUpgradeDue, What: "nixos-upgrade.timer", Due: 900},
	} {
		if got := a.Sentence(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Only what is about to change the host is waited for.
func TestWhatLocksAHost(t *testing.T) {
	risks := []deploy.ForeignActivity{{Kind: deploy.ForeignGarbage, What: "nix-gc.service"}, {Kind: deploy.ForeignUpgradeDue, What: "t", Due: 1}}
	if p := deploy.ForeignLocked(risks); p != nil {
		t.Errorf("a risk locks: %v", p)
	}
	p := deploy.ForeignLocked(append(risks, deploy.ForeignActivity{Kind: deploy.ForeignSwitch, What: "a"}, deploy.ForeignActivity{Kind: deploy.ForeignUpgrade, What: "b"}))
	if p == nil || p.Code != deploy.CodeLocked || len(p.Details) != 1 || p.Next == "" {
		t.Errorf("%+v", p)
	}
}
