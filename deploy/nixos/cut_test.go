package nixos

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The link is cut while a run is armed, so what is said to it ends the script. By
// then there is a guard, or no run folder: else the host was locked, with nobody to
// decide.
func TestACutLinkLeavesNoRunWithoutAGuard(t *testing.T) {
	for _, starts := range []bool{true, false} {
		h := newWholeHost(t, "extlinux")
		h.extends("systemctl", `case "$*" in
list-units\ --state=failed*) echo 'old.service loaded failed failed Old' ;;
start*nixdeploy-guard.service) if ! [ -e ROOT/guard-starts-no ]; then : >ROOT/guarded; fi ;;
esac`)
		if !starts {
			h.will(guardStartsNo)
		}
		pipe := filepath.Join(h.root, "pipe")
		if out, err := exec.CommandContext(t.Context(), "mkfifo", pipe).CombinedOutput(); err != nil {
			t.Fatalf("mkfifo: %v: %s", err, out)
		}
		h.stands("mv", `case "$*" in *active) read -r _ <`+pipe+` ;; esac
exec `+whole(t, "mv")+` "$@"`)
		arms := h.arms("R1", "switch")
		said, err := arms.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := arms.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(said).ReadString('\n'); err != nil { // of its links: the folder is not there yet
			t.Fatal(err)
		}
		_ = said.Close()
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", `echo cut >"$0"`, pipe).CombinedOutput(); err != nil { //nolint:gosec // ours
			t.Fatalf("%v: %s", err, out)
		}
		if err := arms.Wait(); err == nil || !strings.Contains(err.Error(), "broken pipe") {
			t.Fatalf("the script was not cut: %v", err)
		}
		if h.there("guarded") != starts || h.there(active) != starts {
			t.Errorf("with a guard that starts: %v, one was started: %v, a run folder is there: %v", starts, h.there("guarded"), h.there(active))
		}
	}
}
