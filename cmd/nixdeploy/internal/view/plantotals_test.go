package view

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestWordsOfABlastRadius(t *testing.T) {
	on := func(names ...string) []string { return names }
	for _, c := range []struct {
		name string
		r    deploy.Radius
		want string
	}{
		{"nothing to change", deploy.Radius{}, ""},
		{"nobody asked", deploy.Radius{Hosts: 1, Waves: 1}, "Blast radius: 1 host in 1 wave - restarts not known (plan --full tells)"},
		{"nothing restarts", deploy.Radius{Hosts: 2, Waves: 2, Asked: 2, Differences: 2}, "Blast radius: 2 hosts in 2 waves - no restart (estimate)"},
		{"some asked", deploy.Radius{Hosts: 3, Waves: 1, Asked: 2, Differences: 2, Restarts: 4, Restart: on("a", "b"), Reboot: on("a")},
			"Blast radius: 3 hosts in 1 wave - 4 restarts on a b (estimate for 2 of them) - reboot needed on a (known of 2)"},
		{"at risk", deploy.Radius{Hosts: 4, Waves: 1, Asked: 4, Differences: 4, Restarts: 4, Restart: on("a", "b", "c", "d"), Refused: on("d"),
			AtRisk: []deploy.UnitOnHosts{{Unit: "firewall.service", Hosts: on("a")}, {Unit: "sshd.service", Hosts: on("a", "b", "c", "d")}}},
			"Blast radius: 4 hosts in 1 wave - 4 restarts on 4 hosts (estimate) - connection at risk: firewall.service on a, sshd.service on 4 hosts - switch refused on d"},
	} {
		if got := strings.Join(strings.Fields(Style{}.radius(c.r)), " "); got != c.want {
			t.Errorf("%s: got %q\nwant %q", c.name, got, c.want)
		}
	}
	many := deploy.Radius{Hosts: 1, Waves: 1, Asked: 1}
	for _, unit := range []string{"a", "b", "c", "d", "e"} {
		many.AtRisk = append(many.AtRisk, deploy.UnitOnHosts{Unit: unit, Hosts: on("h")})
	}
	if got := (Style{Width: 200}).radius(many); !strings.Contains(got, "c on h, 2 more units\n") {
		t.Errorf("got %q", got)
	}
	if got := (Style{Width: 200, All: true}).radius(many); !strings.Contains(got, "d on h, e on h\n") {
		t.Errorf("got %q", got)
	}
}
