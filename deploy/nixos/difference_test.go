package nixos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

var asksUnits = deploy.DifferenceRequest{From: "/nix/store/a-old", To: "/nix/store/b-new", Units: true, Timeout: 45 * time.Second}

func ask(t *testing.T, s *scripted, q deploy.DifferenceRequest) (deploy.DifferenceAnswer, error) {
	t.Helper()
	return (&Machine{Conn: s, Run: "R1", Operator: "anna@ci"}).Difference(t.Context(), q)
}

func TestADifferenceIsRead(t *testing.T) {
	s := &scripted{out: `NONCE path to 201000 hello-1.2
NONCE path from 101000 hello-1.1
NONCE path both 5000 glibc-2.39-52
NONCE path all 3 -
NONCE reboot kernel
NONCE reboot kernel-params
NONCE inhibits-from {"dbus-implementation":"dbus","init":"systemd"}
NONCE inhibits-to {"dbus-implementation":"broker","init":"systemd"}
NONCE boot-lacks 12000000
NONCE boot-lacks 31000000
NONCE dry-activate 0
NONCE would Checking switch inhibitors... done
NONCE would would stop the following units: app.service, b.service
NONCE would would NOT stop the following changed units: getty@tty1.service
NONCE would would activate the configuration...
NONCE would would restart systemd
NONCE would would reload the following units: dbus.service
NONCE would would restart the following units: sshd.service
NONCE would would start the following units: app.service, b.service
NONCE end difference
`}
	got, err := ask(t, s, asksUnits)
	want := deploy.DifferenceAnswer{Difference: &deploy.Difference{
		From: "/nix/store/a-old", To: "/nix/store/b-new",
		Packages: []deploy.PackageChange{{Name: "hello", Old: []string{"1.1"}, New: []string{"1.2"}, Bytes: 100000}},
		OldSize:  106000, NewSize: 206000,
		Units: &deploy.UnitChanges{
			Stop: []string{"app.service", "b.service"}, Start: []string{"app.service", "b.service"}, Restart: []string{"sshd.service"},
			Reload: []string{"dbus.service"}, Kept: []string{"getty@tty1.service"}, Manager: true,
		},
		Reboot: []string{"kernel", "kernel-params"}, Inhibitors: []string{"dbus-implementation: dbus -> broker"}, BootNeeds: 43000000,
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if args := s.sent.Args[1:]; !slices.Equal(args, []string{"R1", "anna@ci", leaseSeconds, "/nix/store/a-old", "/nix/store/b-new", "yes", "45"}) {
		t.Errorf("asked with %q", args)
	}
}

func TestADifferenceWithoutUnits(t *testing.T) {
	s := &scripted{out: "NONCE path both 5 a-1\nNONCE path all 1 -\nNONCE end difference\n"}
	q := asksUnits
	q.Units = false
	got, err := ask(t, s, q)
	if err != nil || got.Difference == nil || got.Difference.Units != nil || got.Refused != "" || len(got.Difference.Packages) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if s.sent.Args[6] != "no" {
		t.Errorf("asked with %q", s.sent.Args)
	}
}

func TestWhatIsNotInTheStoreHasNoDifference(t *testing.T) {
	got, err := ask(t, &scripted{out: "NONCE absent yes\nNONCE end difference\n"}, asksUnits)
	if err != nil || got.Difference != nil || got.Refused != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestACutOrBrokenDifferenceIsAProblem(t *testing.T) {
	for name, out := range map[string]string{
		"a path is missing":      "NONCE path to 2 x-1\nNONCE path all 2 -\nNONCE end difference\n",
		"the count is missing":   "NONCE path to 2 x-1\nNONCE end difference\n",
		"nothing was counted":    "NONCE end difference\n",
		"it does not end":        "NONCE path all 0 -\n",
		"inhibitors are no JSON": "NONCE path all 0 -\nNONCE inhibits-to {\nNONCE end difference\n",
		"the store is broken":    "NONCE fault the closure of /nix/store/a cannot be read\nNONCE fault error: database is locked\nNONCE end difference\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ask(t, &scripted{out: out}, asksUnits); codeOf(err) != deploy.CodeProtocol || got.Difference != nil {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	locked := &scripted{out: "NONCE locked R2 bert@x 1600000000 30 lease\nNONCE end locked\n"}
	if _, err := ask(t, locked, asksUnits); codeOf(err) != deploy.CodeLocked {
		t.Errorf("locked: %v", err)
	}
}

func TestWhyUnitsAreNotKnown(t *testing.T) {
	for said, want := range map[string]string{
		"dry-activate 124": "dry-activate did not end within 45s",
		"dry-activate 137": "dry-activate did not end within 45s",
		"foreign switch 7 0 0 alice nixos-rebuild switch\nNONCE foreign garbage 8 0 0 - nix-gc.service": "a switch that is not nixdeploy's is under way: nixos-rebuild switch, pid 7, of alice",
		"unswitchable yes": "it has no bin/switch-to-configuration",
		"dry-activate 11\nNONCE would Could not acquire lock":                 "dry-activate ended with exit code 11: Could not acquire lock",
		"dry-activate 1\nNONCE would a\nNONCE would Pre-switch checks failed": "dry-activate ended with exit code 1: Pre-switch checks failed",
		"dry-activate 4": "dry-activate ended with exit code 4",
	} {
		got, err := ask(t, &scripted{out: "NONCE path all 0 -\nNONCE " + said + "\nNONCE end difference\n"}, asksUnits)
		if err != nil || got.Difference == nil || got.Difference.Units != nil || got.Refused != want {
			t.Errorf("%s: %+v, %v", said, got, err)
		}
	}
}

// A switch that touches no unit is not the same as one that nobody asked about.
func TestNoUnitIsAnAnswer(t *testing.T) {
	u := unitChanges([]string{"would activate the configuration...", "would like to stop the following units: x", " would stop the following units: y"})
	if diff := cmp.Diff(&deploy.UnitChanges{}, u); diff != "" {
		t.Error(diff)
	}
	u = unitChanges([]string{"would stop swap device: /dev/vda2", "would stop the following units as well: a.service, b.socket"})
	if !slices.Equal(u.Stop, []string{"a.service", "b.socket", "/dev/vda2"}) {
		t.Errorf("%q", u.Stop)
	}
}

func TestInhibitors(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"", "", ""},
		{"", `{"dbus":"broker"}`, ""},  // before 26.05 nothing was named
		{`{"dbus":"dbus"}`, `{}`, ""},  // no more named: no change of it
		{`{"a":"1"}`, `{"a":"1"}`, ""}, // the same
		{`{"b":"1","a":"x"}`, "{\n \"b\": \"2\",\n \"a\": \"y\"\n}", "a: x -> y|b: 1 -> 2"},
		{`{"n":{"v":1}}`, `{"n":{"v":2}}`, `n: {"v":1} -> {"v":2}`},
	} {
		lines := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "\n")
		}
		got, err := inhibitors(lines(c.from), lines(c.to))
		if err != nil || strings.Join(got, "|") != c.want {
			t.Errorf("%s to %s: %q, %v", c.from, c.to, got, err)
		}
	}
	if _, err := inhibitors([]string{"x"}, nil); err == nil || !strings.Contains(err.Error(), "running system") {
		t.Errorf("%v", err)
	}
}
