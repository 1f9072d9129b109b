package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// differing is a release whose units differ from every other's: one is stopped
// and started, one restarted, one left alone; one only some releases have.
func differing(n int) lab.System {
	unit := func(more string) lab.Unit {
		return lab.Unit{
			Text:     fmt.Sprintf("[Unit]\nDescription=Release\n[Service]\nExecStart=/bin/sleep infinity\nEnvironment=V=%d\n%s", n, more),
			WantedBy: []string{"multi-user.target"},
		}
	}
	s := release(n)
	s.Units = map[string]lab.Unit{
		"app.service":          unit(""),
		"wg-quick-lab.service": unit("X-StopIfChanged=false\n"),
		"kept.service":         unit("X-RestartIfChanged=false\n"),
	}
	if n%2 == 0 {
		s.Units[fmt.Sprintf("only-%d.service", n)] = unit("")
	}
	s.Packages = append(s.Packages,
		lab.Package{Name: "library", Version: "1.0", Size: 30_000 * n},
		lab.Package{Name: "small", Version: "1.0", Size: 100 * n},
		lab.Package{Name: "tool", Version: fmt.Sprintf("%d.0-bin", n)}, // an output of that name
		lab.Package{Name: "no-version", Version: strings.Repeat("x", n)})
	s.KernelVersion = fmt.Sprintf("6.6.%d", 60+n)
	return s
}

// Five hosts at three generations: what a plan tells is what the host's own
// tools tell, and nothing of a host has changed for it.
func TestAFullPlanTellsWhatTheHostsOwnToolsTell(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	prefix := fmt.Sprintf("pf-%07d-", os.Getpid())
	hosts := slices.Concat(
		lab.Fleet(t, 3, lab.Options{Name: prefix + "b"}),
		lab.Fleet(t, 2, lab.Options{Name: prefix + "t", Base: lab.Trixie}))
	o := newOperator(t, hosts[0])
	var all sync.WaitGroup
	for i, releases := range [][]int{{}, {2}, {2}, {2, 3}, {3}} {
		all.Go(func() { // awaited below
			for _, n := range releases {
				dir := filepath.Join(o.dir, fmt.Sprintf("before-%d-%d", i, n))
				lab.WriteFlake(t, dir, lab.FleetJSON(map[string]lab.System{"pf": differing(n)}))
				hosts[i].CopyFlake(dir, "/root/before")
				hosts[i].MustSSH("nixos-rebuild switch --fast --flake /root/before#pf && rm -rf /root/before")
			}
		})
	}
	all.Wait()
	var members []member
	for _, h := range hosts {
		members = append(members, member{host: h, stage: "dev", more: `attribute = "pf"`})
	}
	o.inventory("", members...)
	o.flake(map[string]lab.System{"pf": differing(4)})
	before := map[string]string{}
	for _, h := range hosts {
		before[h.Name] = state(h)
	}

	quick := planned(t, o.must("plan", "--quick", "--first", "--json"))
	for _, h := range hosts {
		if hp := quick[h.Name]; hp.Change != deploy.ChangeEvaluate && hp.Change != deploy.ChangeSwitch || hp.Difference != nil {
			t.Errorf("%s: a quick plan tells %+v", h.Name, hp)
		}
		if out, _, rc := h.Enter("ls -d /var/lib/nixdeploy /run/nixdeploy /nix/var/nix/gcroots/nixdeploy 2>/dev/null"); rc == 0 || out != "" {
			t.Errorf("a quick plan left on %s:\n%s", h.Name, out)
		}
	}

	wantPlans(t, o.must("plan", "--full", "--first").stdout, o.must("plan", "--full", "--first", "--json").stdout, prefix)
	for _, level := range []string{"--full", "--parallel=5"} { // the second: the default, of what is built now
		plans := planned(t, o.must("plan", level, "--first", "--json"))
		for _, h := range hosts {
			hp := plans[h.Name]
			d := hp.Difference
			if hp.Change != deploy.ChangeSwitch || d == nil || hp.Problem != nil {
				t.Errorf("plan %s of %s: %+v", level, h.Name, hp)
				continue
			}
			tool := ansi.ReplaceAllString(h.MustSSH("nix --extra-experimental-features nix-command store diff-closures "+d.From+" "+d.To), "")
			if told := packageLines(d.Packages); told != tool {
				t.Errorf("plan %s tells of %s\n%s\nnix store diff-closures tells\n%s", level, h.Name, told, tool)
			}
			if !slices.Equal(d.Reboot, []string{"kernel", "initrd", "kernel-modules"}) || d.BootNeeds != int64(len("kernel 6.6.64\n"))+initrdSize(h, d.To) {
				t.Errorf("plan %s of %s: reboot for %q, /boot needs %d", level, h.Name, d.Reboot, d.BootNeeds)
			}
			if (d.Units != nil) != (level == "--full") {
				t.Errorf("plan %s of %s: units %+v", level, h.Name, d.Units)
			}
			if d.Units == nil {
				continue
			}
			printed, _, _ := h.SSH(d.To + "/bin/switch-to-configuration dry-activate 2>&1 | grep 'units:'")
			if told := unitLines(d.Units); told != strings.TrimSpace(printed) {
				t.Errorf("plan of %s\n%s\ndry-activate\n%s", h.Name, told, printed)
			}
			if !slices.Contains(hp.Notes, "needs a reboot for another kernel, initrd, kernel-modules") {
				t.Errorf("%s: notes %q", h.Name, hp.Notes)
			}
			if h == hosts[0] {
				continue // it has none of the units yet
			}
			if !slices.Contains(d.Units.Restart, "wg-quick-lab.service") || !slices.Contains(d.Units.Kept, "kept.service") ||
				!slices.Contains(hp.Notes, "the connection is at risk: a switch restarts wg-quick-lab.service") {
				t.Errorf("%s: %+v, notes %q", h.Name, d.Units, hp.Notes)
			}
		}
	}
	for _, h := range hosts {
		if now := state(h); now != before[h.Name] {
			t.Errorf("%s is not what it was\n was %s\n is  %s", h.Name, before[h.Name], now)
		}
		wantResolved(t, h)
		if out, _, _ := h.Enter("ls /nix/var/nix/gcroots/nixdeploy"); !strings.HasPrefix(out, "planned-") || strings.Count(out, "\n") != 1 {
			t.Errorf("pinned on %s:\n%s", h.Name, out)
		}
	}
}

// What the host's own check refuses is told, and not held for "touches no unit".
func TestAFullPlanTellsOfSwitchInhibitors(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	h := lab.Up(t, lab.Options{Name: fmt.Sprintf("pf-%d-i", os.Getpid()), Base: lab.Trixie})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	inhibited := func(n int, dbus string) lab.System {
		s := release(n)
		s.Inhibitors = map[string]string{"dbus-implementation": dbus, "init": "systemd"}
		return s
	}
	o.flake(every(inhibited(2, "dbus"), h))
	o.must("apply", "--yes", "--first")
	before := h.Links()
	o.flake(every(inhibited(3, "broker"), h))
	hp := planned(t, o.must("plan", "--full", "--json"))[h.Name]
	if hp.Difference == nil || !slices.Equal(hp.Difference.Inhibitors, []string{"dbus-implementation: dbus -> broker"}) || hp.Difference.Units != nil {
		t.Errorf("%+v", hp.Difference)
	}
	for _, note := range []string{
		"a switch will be refused on the host, for dbus-implementation: dbus -> broker: there, nixos-rebuild boot and a reboot is the way",
		"which units it touches is not known: dry-activate ended with exit code 1: Pre-switch checks failed",
	} {
		if !slices.Contains(hp.Notes, note) {
			t.Errorf("%q is not among %q", note, hp.Notes)
		}
	}
	wantBack(t, h, before)
	o.run("apply", "--yes").wantExit(t, 5) // as was said
	wantBack(t, h, before)
}

// state is all of a host that no plan may change.
func state(h *lab.Host) string {
	units, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; systemctl show -p Id -p ActiveState -p InvocationID app.service wg-quick-lab.service kept.service only-2.service ssh.service; systemctl list-units --failed --plain --no-legend")
	return fmt.Sprintf("%+v %s\n%s", h.Links(), generations(h), units)
}

func planned(t *testing.T, r result) map[string]deploy.HostPlan {
	t.Helper()
	var doc struct{ Plans []deploy.Plan }
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	hosts := map[string]deploy.HostPlan{}
	for _, p := range doc.Plans {
		for _, hp := range p.Hosts {
			hosts[hp.Host] = hp
		}
	}
	return hosts
}

var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

// packageLines words packages as nix up to 2.32 does, at its precision.
func packageLines(packages []deploy.PackageChange) string {
	side := func(versions []string) string {
		if len(versions) == 0 {
			return "∅"
		}
		return strings.Join(versions, ", ")
	}
	var lines []string
	for _, p := range packages {
		var parts []string
		if len(p.Old)+len(p.New) > 0 {
			parts = append(parts, side(p.Old)+" → "+side(p.New))
		}
		if p.Bytes >= 8192 || p.Bytes <= -8192 {
			parts = append(parts, fmt.Sprintf("%+.1f KiB", float64(p.Bytes)/1024))
		}
		lines = append(lines, p.Name+": "+strings.Join(parts, ", "))
	}
	return strings.Join(lines, "\n")
}

func unitLines(u *deploy.UnitChanges) string {
	var lines []string
	for _, l := range []struct {
		text  string
		units []string
	}{
		{"would stop the following units: ", u.Stop}, {"would NOT stop the following changed units: ", u.Kept},
		{"would reload the following units: ", u.Reload}, {"would restart the following units: ", u.Restart}, {"would start the following units: ", u.Start},
	} {
		if len(l.units) > 0 {
			lines = append(lines, l.text+strings.Join(l.units, ", "))
		}
	}
	return strings.Join(lines, "\n")
}

func initrdSize(h *lab.Host, toplevel string) int64 {
	var n int64
	_, _ = fmt.Sscan(h.MustSSH("stat -L -c %s "+toplevel+"/initrd"), &n) // 0 fails the comparison
	return n
}
