package deploy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestTheBlastRadiusOfAPlan(t *testing.T) {
	p := deploy.Plan{Stage: "prod", AtMost: time.Hour, Waves: [][]string{{"a"}, {"b", "c", "d"}, {"e", "f"}}, Hosts: []deploy.HostPlan{
		{Host: "a", Wave: 1, Change: deploy.ChangeSwitch, Difference: &deploy.Difference{Reboot: []string{"kernel"}, Units: &deploy.UnitChanges{
			Restart: []string{"sshd.service", "nginx.service"}, Stop: []string{"firewall.service", "x.service"}, Start: []string{"firewall.service"},
		}}},
		{Host: "b", Wave: 2, Change: deploy.ChangeSwitch, Difference: &deploy.Difference{Units: &deploy.UnitChanges{Reload: []string{"sshd.service"}}}},
		{Host: "c", Wave: 2, Change: deploy.ChangeSwitch, Difference: &deploy.Difference{Inhibitors: []string{"init: a -> b"}}},
		{Host: "d", Wave: 2, Change: deploy.ChangeEvaluate},
		{Host: "e", Wave: 3, Change: deploy.ChangeUnchanged, Difference: &deploy.Difference{Reboot: []string{"kernel"}}},
		{Host: "f", Wave: 3, Change: deploy.ChangeBlocked},
	}}
	want := deploy.Radius{
		Stage: "prod", Hosts: 4, Waves: 2, AtMost: time.Hour, Asked: 2, Restarts: 3, Restart: []string{"a"},
		AtRisk:      []deploy.UnitOnHosts{{Unit: "firewall.service", Hosts: []string{"a"}}, {Unit: "sshd.service", Hosts: []string{"a", "b"}}},
		Differences: 3, Reboot: []string{"a"}, Refused: []string{"c"},
	}
	if diff := cmp.Diff(want, p.Radius()); diff != "" {
		t.Error(diff)
	}
	p.Hosts[4].Change = deploy.ChangeUnknown // it may change all the same
	if r := p.Radius(); r.Hosts != 5 || r.Waves != 3 || len(r.Reboot) != 2 {
		t.Errorf("with one that could not be read: %+v", r)
	}
}
