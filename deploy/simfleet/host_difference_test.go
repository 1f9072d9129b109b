package simfleet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// built builds x and asks what it would bring, units too.
func (r *rig) built(x string) deploy.DifferenceAnswer {
	r.t.Helper()
	r.upload(flakeOf(x))
	to := r.build(flakeOf(x), time.Hour).Toplevel
	a, err := r.Difference(r.t.Context(), deploy.DifferenceRequest{From: r.sees().Running, To: to, Units: true, Timeout: time.Minute})
	if err != nil || a.Difference == nil {
		r.t.Fatalf("%+v, %v", a, err)
	}
	return a
}

func TestTheModelTellsADifference(t *testing.T) {
	o := wordHost(simfleet.System{
		Kernel: "6.13", KernelBytes: 40_000_000, Units: []string{"app.service", "web.service"},
		Packages:   map[string]int64{"glibc-2.40": 30_000_000, "app-2.0": 70_000},
		Inhibitors: map[string]string{"dbus-implementation": "dbus"},
	})
	o.System = simfleet.System{
		Kernel: "6.12", Packages: map[string]int64{"glibc-2.40": 30_000_000, "app-1.0": 50_000, "old-1": 5},
		Inhibitors: map[string]string{"dbus-implementation": "dbus"},
	}
	inBubble(t, o, func(t *testing.T, r *rig) {
		d := *r.built("x").Difference
		want := deploy.Difference{
			From: d.From, To: d.To, OldSize: 30_050_005 + 9296, NewSize: 30_070_000 + 9296,
			Packages: []deploy.PackageChange{
				{Name: "app", Old: []string{"1.0"}, New: []string{"2.0"}, Bytes: 20_000},
				{Name: "old", Old: []string{"1"}, New: []string{}, Bytes: -5},
			},
			Units:  &deploy.UnitChanges{Stop: []string{"app.service", "web.service"}, Start: []string{"app.service", "web.service"}},
			Reboot: []string{"kernel"}, BootNeeds: 40_000_000,
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Error(diff)
		}
	})
}

// What dry-activate refuses, a switch refuses, too; a boot is not asked.
func TestTheModelRefusesWhatInhibitorsForbid(t *testing.T) {
	o := wordHost(simfleet.System{Inhibitors: map[string]string{"dbus-implementation": "broker"}})
	o.System = simfleet.System{Inhibitors: map[string]string{"dbus-implementation": "dbus"}}
	inBubble(t, o, func(t *testing.T, r *rig) {
		a := r.built("x")
		if !slices.Equal(a.Difference.Inhibitors, []string{"dbus-implementation: dbus -> broker"}) || a.Difference.Units != nil ||
			a.Refused != "dry-activate ended with exit code 1: Pre-switch checks failed" {
			t.Errorf("%+v %q", a.Difference, a.Refused)
		}
		before := r.sees().Links
		s := simfleet.System{Toplevel: a.Difference.To, Inhibitors: map[string]string{"dbus-implementation": "broker"}}
		r.host.ForeignSwitch("switch", s)
		time.Sleep(time.Minute)
		if l := r.sees().Links; l.Running != before.Running || l.Profile != a.Difference.To {
			t.Errorf("after a refused switch: %+v", l)
		}
		r.host.ForeignSwitch("boot", s)
		time.Sleep(time.Minute)
		if l := r.sees().Links; l.NextBoot != a.Difference.To {
			t.Errorf("after boot: %+v", l)
		}
	})
}

func TestTheModelDoesNotDryActivateBesideASwitch(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{SwitchTime: time.Minute}), func(t *testing.T, r *rig) {
		r.built("x")
		r.host.ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "web-1"), SwitchTime: time.Hour})
		if a := r.built("y"); a.Difference.Units != nil || a.Refused != "a switch that is not nixdeploy's is under way: nixos-rebuild switch, pid 4001, of alice, since 00:00:00 UTC" {
			t.Errorf("%+v %q", a.Difference.Units, a.Refused)
		}
	})
}
