package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A saved plan is applied exactly: not at all when one host was changed by hand
// since, else with one build on each host, and no evaluation here.
func TestASavedPlanIsAppliedExactlyOrNotAtAll(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 2, lab.Options{Name: fmt.Sprintf("sp-%d-", os.Getpid())})
	o := newOperator(t, hosts[0])
	o.inventory("", member{host: hosts[0], stage: "dev"}, member{host: hosts[1], stage: "prod"})
	o.flake(every(release(2), hosts...))
	o.must("plan", "--first", "--out", "release.plan").wantText(t, "saved to release.plan")

	byHand(t, hosts[1], release(9))
	before := []lab.Links{hosts[0].Links(), hosts[1].Links()}
	r := o.run("apply", "release.plan")
	r.wantExit(t, 4)
	r.wantText(t, "error[moved] "+hosts[1].Name, "the host has changed since the plan was saved", "profile", "running")
	for i, h := range hosts {
		wantBack(t, h, before[i])
		wantResolved(t, h)
	}

	o.must("plan", "--first", "--out", "release.plan")
	for _, h := range hosts {
		countCommands(h)
	}
	nix := o.standInNix()
	p := o.begin([]string{"apply", "release.plan"}, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(nix)+":"+os.Getenv("PATH"))
	})
	p.wait().wantExit(t, 0)
	if calls, err := os.ReadFile(nix + ".calls"); err == nil && strings.Contains(string(calls), "build") {
		t.Errorf("the Nix of this machine was asked:\n%s", calls)
	}
	for _, h := range hosts {
		wantNew(t, h, release(2))
		wantResolved(t, h)
		if dry, build := commands(h, "dry-build"), commands(h, "build"); dry != 0 || build != 1 {
			t.Errorf("%s ran dry-build %d times and build %d times", h.Name, dry, build)
		}
	}

	// Nothing is left to do, and that is no change.
	before = []lab.Links{hosts[0].Links(), hosts[1].Links()}
	o.must("apply", "release.plan").wantText(t, "unchanged 2")
	for i, h := range hosts {
		wantBack(t, h, before[i])
	}
}

// byHand switches a host as its owner would, at its console.
func byHand(t *testing.T, h *lab.Host, s lab.System) {
	t.Helper()
	dir := t.TempDir()
	lab.WriteFlake(t, dir, lab.FleetJSON(every(s, h)))
	h.CopyFlake(dir, "/root/byhand")
	h.MustSSH("nixos-rebuild switch --fast --flake /root/byhand#" + h.Name)
}

// countCommands writes down each nixos-rebuild of a host, in front of its own.
func countCommands(h *lab.Host) {
	h.MustSSH(`mkdir -p /run/wrappers/bin && cat >/run/wrappers/bin/nixos-rebuild <<'END' && chmod +x /run/wrappers/bin/nixos-rebuild
#!/bin/sh
echo "$1" >>/run/commands
exec /run/current-system/sw/bin/nixos-rebuild "$@"
END`)
}

// commands is how often a verb was run since.
func commands(h *lab.Host, verb string) int {
	out, _, _ := h.Enter("cat /run/commands")
	n := 0
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) == verb {
			n++
		}
	}
	return n
}

// standInNix is a Nix of the control machine that writes its calls down and
// evaluates nothing.
func (o *operator) standInNix() string {
	o.t.Helper()
	o.write("bin/nix", "#!/bin/sh\necho \"$@\" >>\"$0.calls\"\nif [ \"$1\" = --version ]; then echo 'nix (Nix) 2.28.3'; exit; fi\nexit 1\n", 0o755)
	return filepath.Join(o.dir, "bin", "nix")
}
