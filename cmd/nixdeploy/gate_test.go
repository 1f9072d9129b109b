package main

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// elsewhere is another machine: it has the same files and no memory of any run.
func (s *simulated) elsewhere(t *testing.T) {
	t.Helper()
	for i, e := range s.app.Environ {
		if strings.HasPrefix(e, "NIXDEPLOY_STATE_DIR=") {
			s.app.Environ[i] = "NIXDEPLOY_STATE_DIR=" + filepath.Join(t.TempDir(), "state")
		}
	}
}

// settle adds settings to a stage of the demo's hosts.toml.
func (s *simulated) settle(t *testing.T, stage, settings string) {
	t.Helper()
	s.edit(t, "hosts.toml", func(text string) string {
		header := "[stages." + stage + "]\n"
		if !strings.Contains(text, header) {
			return text + "\n" + header + settings + "\n"
		}
		return strings.Replace(text, header, header+settings+"\n", 1)
	})
}

// Prod gets a flake only after dev has it, whoever brought it there.
func TestProdWaitsForDev(t *testing.T) {
	s := newSimulated(t)
	before := s.Links()
	s.run(t, 4, "apply", "--stage", "prod", "--yes")
	s.says(t, "stage prod stays closed", "dev-1 (dev): never confirmed with this flake", "box-1 (container): never confirmed",
		"Next: nixdeploy apply --stage container")
	s.unmoved(t, before)
	s.elsewhere(t)
	s.run(t, 0, "apply", "--stage", "container", "--yes")
	s.run(t, 0, "apply", "--stage", "dev", "--yes")
	s.elsewhere(t)
	s.run(t, 0, "apply", "--stage", "prod", "--yes")
	s.says(t, "confirmed 2 web-1 web-2")
}

// A share opens the gate without a host that is away, not with one that failed.
func TestAGateByShare(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "dev", `gate = "50%"`)
	s.run(t, 0, "apply", "--stage", "container", "--yes")
	s.run(t, 4, "apply", "--stage", "prod", "--yes")
	s.says(t, "stage dev: confirmed on 0 of 2 hosts, its gate asks for 1")
	s.run(t, 0, "apply", "--on", "dev-1", "--yes")
	s.Host("dev-2").PowerOff()
	s.run(t, 0, "plan", "--stage", "prod")
	s.says(t, "Gate: open: this flake is confirmed on container (1 host) and dev (1 host; 1 needed)")
}

// Within one run, too; and its summary calls no stage closed that is not.
func TestAGateByShareInOneRun(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "dev", "gate = 1\nmax_failures = 1")
	s.Host("dev-2").PowerOff()
	s.run(t, 5, "apply", "--yes")
	s.says(t, "confirmed 4 box-1 dev-1 web-1 web-2")
	if strings.Contains(s.said(), "stays closed") {
		t.Errorf("a stage that was begun is called closed:\n%s", &s.stdout)
	}
	s.run(t, 4, "apply", "--stage", "dev", "--yes")
	if strings.Contains(s.said(), "stays closed") {
		t.Errorf("a stage whose gate is open is called closed:\n%s", &s.stdout)
	}
}

func TestAFrozenStage(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "container", `frozen = "the shop's sale is on"`)
	s.forget()
	s.run(t, 4, "apply", "--stage", "container", "--yes")
	s.says(t, "error[gate] box-1: stage container is frozen: the shop's sale is on", "apply --stage container --override-gate REASON")
	if len(s.sent) > 0 {
		t.Errorf("hosts were asked: %q", s.sent)
	}
	// What goes on later is what was asked for, and no more.
	s.says(t, "Next: nixdeploy apply --stage container")
	s.run(t, 4, "apply", "--on", "box-1", "--first", "--yes")
	s.says(t, "Next: nixdeploy apply --stage container --on box-1 --first")
	s.run(t, 0, "plan", "--on", "box-1", "-o", "release.plan")
	s.run(t, 4, "apply", "release.plan")
	s.says(t, "Next: nixdeploy apply release.plan")
	s.run(t, 0, "plan", "--stage", "container")
	s.says(t, "Gate: closed: the stage is frozen (the shop's sale is on)")
	s.run(t, 0, "apply", "--stage", "container", "--yes", "--override-gate", "4711")
	s.says(t, "overridden: 4711; the stage is frozen")
	s.run(t, 0, "rollback", "--stage", "container", "--yes")
	s.says(t, "no flake (rollback)", "Gate: none: a rollback goes by no gate, window or freeze")
}

func TestAStageOutsideOfItsWindows(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "container", `freeze = ["2020-01-01/9999-12-30 UTC"]`)
	s.run(t, 4, "apply", "--stage", "container", "--yes")
	s.says(t, "stage container is closed now, in the freeze 2020-01-01/9999-12-30 UTC: it opens Fri 9999-12-31 00:00 UTC")
	s.run(t, 0, "plan", "--stage", "container", "--json")
	s.says(t, `"shut": "in the freeze 2020-01-01/9999-12-30 UTC"`, `"opens": "9999-12-31T00:00:00Z"`)
}

// A host whose run with a flake was returned keeps the gate for it closed, from
// wherever it is asked.
func TestAFailureSinceClosesTheGate(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "dev", `gate = 1`)
	s.run(t, 0, "apply", "--stage", "container", "--yes")
	s.run(t, 0, "apply", "--on", "dev-1", "--yes")
	s.run(t, 0, "plan", "--stage", "prod")
	s.says(t, "Gate: open")
	s.on = func(what string) {
		if what == "dev-2 guard await" {
			s.Host("dev-2").BreakUnits("web.service")
		}
	}
	s.run(t, 5, "apply", "--on", "dev-2", "--yes")
	s.elsewhere(t)
	s.run(t, 4, "apply", "--stage", "prod", "--yes")
	s.says(t, "dev-2 (dev): failed with this flake: run", "was returned")
}

// A host that fell ill after its confirmation is no proof either, whichever run asks.
func TestAHostThatFellIllClosesTheGate(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "apply", "--stage", "container", "--yes")
	s.run(t, 0, "apply", "--stage", "dev", "--yes")
	s.Host("dev-2").BreakUnits("web.service")
	s.elsewhere(t)
	s.run(t, 4, "apply", "--stage", "prod", "--yes")
	s.says(t, "dev-2 (dev): has failed since it was confirmed: web.service")
	s.Host("dev-2").BreakUnits()
	s.run(t, 0, "apply", "--stage", "prod", "--yes")
}

// A resume settles hosts and soaks none: what it confirms owes its soak as before.
func TestAResumePaysNoSoak(t *testing.T) {
	s := newSimulated(t)
	s.settle(t, "container", `soak = "10m"`)
	var once sync.Once
	s.on = func(what string) {
		if what == "box-1 guard await" {
			once.Do(func() {
				s.ints <- Interruption{Name: "interrupt"}
				s.ints <- Interruption{Name: "interrupt"}
			})
		}
	}
	s.run(t, 130, "apply", "--stage", "container", "--yes")
	s.run(t, 0, "resume")
	s.says(t, "confirmed 1 box-1")
	s.run(t, 4, "apply", "--stage", "dev", "--yes")
	s.says(t, "box-1 (container): not soaked: its soak was broken off, 10m0s are left")
	s.run(t, 0, "plan", "--stage", "dev")
	s.says(t, "Gate: closed", "its soak was broken off")

	// Elsewhere nobody knows of the run: the host tells when it was confirmed.
	s.elsewhere(t)
	s.run(t, 4, "apply", "--stage", "dev", "--yes")
	s.says(t, "box-1 (container): not soaked: confirmed ", " ago by its own clock, and its stage soaks for 10m0s")
	s.run(t, 0, "plan", "--stage", "dev")
	s.says(t, "Gate: closed")
	s.run(t, 0, "apply", "--stage", "dev", "--yes", "--override-gate", "hotfix")
}
