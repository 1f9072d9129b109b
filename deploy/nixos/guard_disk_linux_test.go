package nixos

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// The new system may have filled the disk of the host's state, or the kernel has
// made it read-only: the deadline holds all the same. The host goes back, a
// confirmation that comes then is told so, also once the disk takes it, and the
// run is closed as soon as it does. What was claimed before is gone through with.
func TestAGuardReturnsOnADiskThatTakesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a disk of its own needs root")
	}
	for name, disk := range map[string]struct{ breaks, heals string }{
		"read-only": {"mount --bind DISK DISK && mount -o remount,bind,ro DISK", "mount -o remount,bind,rw DISK"},
		"full": {`cp -a DISK ROOT/copy && mount -t tmpfs -o nr_inodes=100 full DISK && cp -a ROOT/copy/. DISK
n=0; while touch DISK/full$n; do n=$((n + 1)); done 2>/dev/null`, "rm -f DISK/full*"},
		"without a block": {`cp -a DISK ROOT/copy && mount -t tmpfs -o size=1m full DISK && cp -a ROOT/copy/. DISK
dd if=/dev/zero of=DISK/full bs=4k 2>/dev/null`, "rm -f DISK/full"},
	} {
		for claim, ends := range map[string]struct{ system, claim, result string }{
			"": {"old", "return", "returned"}, "confirm": {"new", "confirm", "confirmed"},
		} {
			t.Run(name+" "+claim, func(t *testing.T) {
				h := newWholeHost(t, "extlinux")
				in := func(text string) string {
					return strings.NewReplacer("DISK", h.root+"/"+strings.TrimSuffix(state, "/"), "ROOT", h.root).Replace(text)
				}
				h.says(h.arms("R1", "switch"))
				h.says(h.asks("start", "R1"))
				h.is("new")
				write(t, h.root, active+"deadline", "another-boot 0\n")
				// What the switch left down is mended once, not at each look.
				write(t, h.root, active+"switch.rc", "1\n")
				h.extends("systemd-run", "echo activates >>"+h.root+"/activations")
				h.panics("old")
				if claim != "" {
					link(t, h.root, active+"claim", claim)
				}
				h.stands("sleep", in(`echo >>ROOT/slept
if [ "$(wc -l <ROOT/slept)" != 2 ]; then exit; fi
basename "$(readlink ROOT/run/current-system)"
sh ROOT/script N confirm R1 0 </dev/null
`+disk.heals+`
sh ROOT/script N confirm R1 0 </dev/null`))
				guard := h.asks("guard")
				guard.Args = []string{"sh", "-c", in(disk.breaks + `
timeout 60 sh ROOT/script - guard 2>/dev/null
echo "ends with $?, $(cat DISK/done/R1/result), $(ls DISK)"`)}
				guard.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
				said := h.says(guard)
				told := "N claim " + ends.claim + "\n"
				if !strings.Contains(said, ends.system+"\n"+told) || strings.Count(said, told) != 2 || strings.Count(said, "N claim ") != 2 {
					t.Errorf("who comes late is not told: %s", said)
				}
				if !strings.Contains(said, "ends with 0, "+ends.result+", done\n") {
					t.Errorf("the run is not closed: %s", said)
				}
				h.is(ends.system)
				if h.there("activations") != (claim == "") || claim == "" && h.text("activations") != "activates\n" {
					t.Error("it did not activate once, to go back")
				}
				if h.there(control + guardUnit) {
					t.Error("the unit of the guard is still there")
				}
			})
		}
	}
}
