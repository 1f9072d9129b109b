package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// Fault 50: a host whose root reaches the store by the daemon alone, and whose switch
// restarts it: to one that works, and to one that does not.
func TestF50TheNixDaemonRestartsInTheSwitch(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		if mode == "test-first" {
			repeats(t)
		}
		base := map[string]string{"switch": lab.Bookworm, "test-first": lab.Trixie}[mode]
		h := lab.Up(t, lab.Options{Base: base})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "20s", ""), member{host: h, stage: "dev"})
		o.flake(every(byDaemon(release(2), ""), h))
		o.must("apply", "--yes", "--first")
		first := daemon(t, h)

		o.flake(every(byDaemon(release(3), ""), h))
		o.must("apply", "--yes")
		wantNew(t, h, release(3))
		wantResolved(t, h)
		second := daemon(t, h)
		if second == first {
			t.Fatal("the daemon was not restarted by the switch")
		}
		t.Attr("injected", "the switch restarted nix-daemon, the one way to the store: another invocation")

		// The plain rollback would miss the record: the way back is the guard's own.
		h.MustSSH("nixos-rebuild switch --rollback --fast")
		before := h.Links()
		o.flake(every(byDaemon(release(4), "/usr/bin/false"), h))
		r := o.run("apply", "--yes")
		r.wantExit(t, 5)
		r.wantText(t, "error[health]", "nix-daemon.service")
		t.Attr("injected", "and in the next release it did not come back: failed, said the host")
		wantBack(t, h, before)
		wantResolved(t, h)
		daemon(t, h)
		t.Attr("seen", "confirmed where it came back; where not, exit 5, the record, and the daemon")
	})
}

// byDaemon has Nix's daemon, with which alone it changes the store. The daemon's
// unit is another one in each release.
func byDaemon(s lab.System, instead string) lab.System {
	command := "/usr/bin/nix-daemon --daemon"
	if instead != "" {
		command = instead
	}
	s.Units = map[string]lab.Unit{"nix-daemon.service": {
		Text:     "[Unit]\nDescription=" + s.Version + "\n[Service]\nEnvironment=NIX_CONF_DIR=/etc/nix-daemon PATH=/usr/bin:/bin\nExecStart=" + command + "\n",
		WantedBy: []string{"multi-user.target"},
	}}
	s.Etc = map[string]string{"nix/nix.conf": nixConf() + "store = daemon\n", "nix-daemon/nix.conf": nixConf()}
	return s
}

func nixConf() string {
	text, err := os.ReadFile(filepath.Join("..", "host", "etc", "nix.conf"))
	if err != nil {
		panic(fmt.Sprintf("the lab's own nix.conf: %v", err))
	}
	return string(text)
}

// daemon is the life of the daemon that runs, with which the store can be read.
func daemon(t *testing.T, h *lab.Host) string {
	t.Helper()
	life := h.MustSSH("systemctl is-active nix-daemon.service >&2 && systemctl show -P InvocationID nix-daemon.service")
	if out := h.MustSSH("nix --extra-experimental-features nix-command store ping 2>&1 || true"); !strings.Contains(out, "daemon") {
		t.Fatalf("the store is not reached by the daemon: %s", out)
	}
	return life
}
