package host

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func codeOf(p *deploy.Problem) deploy.Code {
	if p == nil {
		return ""
	}
	return p.Code
}

// The table of contract 6.2: links decide, exit codes are hints.
func TestJudgeSwitchReadsLinksNotExitCodes(t *testing.T) {
	const foreign = "/nix/store/ccc-nixos-system-other"
	tested := linksOf("system-1-link", oldSystem, newSystem, oldSystem)
	for _, c := range []struct {
		name string
		mode inventory.Activation
		a    deploy.SwitchAnswer
		want deploy.Code
	}{
		{"activated, exit 0", "switch", deploy.SwitchAnswer{Done: true, Links: onNew}, ""},
		{"activated, a unit failed: health decides", "switch", deploy.SwitchAnswer{Done: true, Code: 4, Links: onNew}, ""},
		{"activated, bash hides the code: health decides", "switch", deploy.SwitchAnswer{Done: true, Code: 1, Links: onNew}, ""},
		{"activated, the tool died of a closed pipe", "switch", deploy.SwitchAnswer{Done: true, Code: 101, Links: onNew}, ""},
		{"a snippet failed", "switch", deploy.SwitchAnswer{Done: true, Code: 2, Links: onNew, Output: []string{"Activation script snippet 'users' failed (1)"}}, deploy.CodeSwitch},
		{"test-first leaves the profile alone", "test-first", deploy.SwitchAnswer{Done: true, Links: tested}, ""},
		{"the same in switch mode is not enough", "switch", deploy.SwitchAnswer{Done: true, Links: tested}, deploy.CodeSwitch},
		{"set but not activated", "switch", deploy.SwitchAnswer{Done: true, Code: 1, Links: linksOf("system-2-link", newSystem, oldSystem, oldSystem)}, deploy.CodeSwitch},
		{"needs a reboot", "switch", deploy.SwitchAnswer{Done: true, Code: 100, Links: linksOf("system-2-link", newSystem, oldSystem, newSystem)}, deploy.CodeSwitch},
		{"nothing happened", "switch", deploy.SwitchAnswer{Done: true, Code: 1, Links: onOld}, deploy.CodeSwitch},
		{"exit 0 and nothing happened", "switch", deploy.SwitchAnswer{Done: true, Links: onOld}, deploy.CodeSwitch},
		{"exit 0 but the loader kept the old entry", "switch", deploy.SwitchAnswer{Done: true, Links: linksOf("system-2-link", newSystem, newSystem, oldSystem)}, deploy.CodeSwitch},
		{"an unread boot loader is not held against it", "switch", deploy.SwitchAnswer{Done: true, Links: linksOf("system-2-link", newSystem, newSystem, "")}, ""},
		{"cut in the middle", "switch", deploy.SwitchAnswer{Lost: true, Links: onNew}, deploy.CodeSwitch},
		{"somebody else's system", "switch", deploy.SwitchAnswer{Done: true, Links: linksOf("system-3-link", foreign, foreign, foreign)}, deploy.CodeSwitch},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := codeOf(JudgeSwitch(c.mode, newSystem, onOld, c.a)); got != c.want {
				t.Errorf("judged %q, want %q", got, c.want)
			}
		})
	}
}

// Where nobody can read what is booted next, what the switch says of the boot
// loader counts: the running system may have run before.
func TestJudgeSwitchHearsOfTheBootLoader(t *testing.T) {
	tested := linksOf("system-1-link", oldSystem, newSystem, "")
	for next, want := range map[string]deploy.Code{"": deploy.CodeSwitch, newSystem: ""} {
		a := deploy.SwitchAnswer{Done: true, Code: 1, Links: linksOf("system-2-link", newSystem, newSystem, next), Output: []string{"Failed to install bootloader"}}
		if got := codeOf(JudgeSwitch("switch", newSystem, tested, a)); got != want {
			t.Errorf("boots %q: judged %q, want %q", next, got, want)
		}
	}
}

func TestAdmit(t *testing.T) {
	good := deploy.Observation{
		Links: onOld, NixOS: true, System: "x86_64-linux", Rebuild: "/nix/store/x-nixos-rebuild/bin/nixos-rebuild",
		GuardReboot: "yes", Marker: &deploy.Marker{Fleet: "home", Host: "web-1"},
	}
	host := inventory.Host{Name: "web-1", System: "x86_64-linux", Activation: inventory.ActivationSwitch}
	terms := Terms{Fleet: "home", Ours: func(run string) bool { return run == "mine" }}
	for _, c := range []struct {
		name   string
		change func(*deploy.Observation, *inventory.Host, *Terms)
		want   deploy.Code
	}{
		{"a good host", func(*deploy.Observation, *inventory.Host, *Terms) {}, ""},
		{"as a saved plan saw it", func(_ *deploy.Observation, _ *inventory.Host, t *Terms) {
			t.Moved = func(inventory.Host, deploy.Observation) *deploy.Problem { return nil }
		}, ""},
		{"not as a saved plan saw it", func(_ *deploy.Observation, _ *inventory.Host, t *Terms) {
			t.Moved = func(inventory.Host, deploy.Observation) *deploy.Problem {
				return &deploy.Problem{Code: deploy.CodeMoved}
			}
		}, deploy.CodeMoved},
		{"another machine than a saved plan saw", func(o *deploy.Observation, _ *inventory.Host, t *Terms) {
			o.Marker = &deploy.Marker{Fleet: "home", Host: "web-2"}
			t.Moved = func(inventory.Host, deploy.Observation) *deploy.Problem {
				return &deploy.Problem{Code: deploy.CodeMoved}
			}
		}, deploy.CodeIdentity},
		{"not NixOS", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.NixOS = false }, deploy.CodeUnsupported},
		{"no nixos-rebuild", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Rebuild = "" }, deploy.CodeUnsupported},
		{"no way back", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Profile = "" }, deploy.CodeUnsupported},
		{"another architecture", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.System = "aarch64-linux" }, deploy.CodeUnsupported},
		{"never seen before", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Marker = nil }, deploy.CodeUnadopted},
		{"never seen before, --first", func(o *deploy.Observation, _ *inventory.Host, t *Terms) { o.Marker, t.First = nil, true }, ""},
		{"another host's marker", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Marker.Host = "db-1" }, deploy.CodeIdentity},
		{"another fleet's marker", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Marker.Fleet = "work" }, deploy.CodeIdentity},
		{"--first does not rename a host", func(o *deploy.Observation, _ *inventory.Host, t *Terms) { o.Marker.Host, t.First = "db-1", true }, deploy.CodeIdentity},
		{"somebody's guard is armed", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Active = &deploy.ActiveRun{Run: "theirs"} }, deploy.CodeLocked},
		{"our own dead run is settled", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Active = &deploy.ActiveRun{Run: "mine"} }, ""},
		{"stranded before", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) {
			o.Active = &deploy.ActiveRun{Run: "mine", Result: deploy.ResultStranded}
		}, deploy.CodeReturnFailed},
		{"somebody's lease", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Lease = &deploy.Lease{Run: "theirs"} }, deploy.CodeLocked},
		{"our own dead lease", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.Lease = &deploy.Lease{Run: "mine"} }, ""},
		{"a manual switch", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) {
			o.Foreign = []deploy.ForeignActivity{{Kind: deploy.ForeignUpgrade, What: "nixos-upgrade.service"}}
		}, deploy.CodeLocked},
		{"the guard is lost at a reboot", func(o *deploy.Observation, _ *inventory.Host, _ *Terms) { o.GuardReboot = "/etc is read-only" }, deploy.CodeGuard},
		{"which test-first does not need", func(o *deploy.Observation, h *inventory.Host, _ *Terms) {
			o.GuardReboot, h.Activation = "/etc is read-only", inventory.ActivationTestFirst
		}, ""},
		{"or is accepted", func(o *deploy.Observation, h *inventory.Host, _ *Terms) {
			o.GuardReboot, h.AcceptGuardLoss = "/etc is read-only", true
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, h, terms := good, host, terms
			marker := *good.Marker
			o.Marker = &marker
			c.change(&o, &h, &terms)
			if got := codeOf(Admit(o, h, terms)); got != c.want {
				t.Errorf("admitted as %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheBootstrapUserIsForHostsWithoutAMarker(t *testing.T) {
	h := inventory.Host{Name: "web-1", User: "deploy", BootstrapUser: "root"}
	marked := deploy.Observation{Marker: &deploy.Marker{Fleet: "home", Host: "web-1"}}
	for _, c := range []struct {
		o    deploy.Observation
		user string
		want deploy.Code
	}{
		{deploy.Observation{}, "root", ""},
		{marked, "deploy", ""},
		{marked, "root", deploy.CodeAuth},
		{marked, "", ""},
	} {
		if got := codeOf(bootstrapOnly(c.o, h, c.user)); got != c.want {
			t.Errorf("as %q on %+v: %q, want %q", c.user, c.o.Marker, got, c.want)
		}
	}
}
