package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// Where the control machine has no Nix, a host locks the flake, in a folder of
// its own; what it wrote is then deployed.
func TestAHostLocksTheFlake(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{Base: lab.Trixie})
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	dir := filepath.Join(o.dir, "fleet", "flake")
	lab.WriteUnlockedFlake(t, dir, lab.FleetJSON(every(release(2), h)))
	before := h.Links()
	p := o.begin([]string{"lock"}, func(cmd *exec.Cmd) {
		for i, v := range cmd.Env {
			if strings.HasPrefix(v, "PATH=") {
				cmd.Env[i] = "PATH=" + t.TempDir()
			}
		}
	})
	r := p.wait()
	r.wantExit(t, 0)
	r.wantText(t, "flake.lock written")
	if lock, err := os.ReadFile(filepath.Join(dir, "flake.lock")); err != nil || !strings.Contains(string(lock), `"minios"`) {
		t.Fatalf("flake.lock: %v\n%s", err, lock)
	}
	wantBack(t, h, before)
	wantResolved(t, h)
	if left, _, _ := h.Enter("ls -A /var/lib/nixdeploy/"); strings.Contains(left, "lock") {
		t.Errorf("left on the host: %s", left)
	}
	o.must("apply", "--yes", "--first")
	wantNew(t, h, release(2))
}
