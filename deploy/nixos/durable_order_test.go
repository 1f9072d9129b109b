package nixos

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/internal/pagecache"
)

// What a power cut does to the page cache no test can show: a killed process
// loses nothing, and the lab's hosts share this machine's kernel. So the scripts
// are watched by strace: at each step on which something rests, what was written
// and not synced before is looked at. The stand-ins sync nothing, as tools of a
// host may not: what is durable, the scripts made so.

const (
	state   = "var/lib/nixdeploy/"
	active  = state + "active/"
	control = "etc/systemd/system.control/"
)

// lost is what a power cut right before a step could have lost, without what no
// boot keeps (/run), what counts only in the boot that it was written in (both
// deadlines), and the account of a run, on which nothing rests.
func lost(s pagecache.Step) []string {
	return slices.DeleteFunc(slices.Clone(s.Unsynced), func(path string) bool {
		return strings.HasPrefix(path, "run/") || slices.Contains([]string{"log", "deadline", "returning"}, filepath.Base(path))
	})
}

// loses fails unless a power cut before the last of these steps, which must be
// taken in that order, could have lost exactly what is wanted.
func loses(t *testing.T, steps []pagecache.Step, want []string, order ...string) {
	t.Helper()
	if got := lost(pagecache.At(t, steps, order...)); !slices.Equal(got, want) {
		t.Errorf("before %q a power cut loses %q, want %q", order[len(order)-1], got, want)
	}
}

func TestAnArmedRunIsOnTheDiskBeforeItsGuardStarts(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	steps := pagecache.Trace(t, h.arms("R1", "switch"), h.root)
	appears, starts := "rename "+state+"arming "+strings.TrimSuffix(active, "/"), "run systemctl start "+guardUnit
	for _, file := range []string{"meta", "guard.sh", "deadline"} {
		pagecache.At(t, steps, "write "+state+"arming/"+file, "sync "+state+"arming/"+file, "sync "+state+"arming", appears)
	}
	// The unit first: a run folder without one would have nobody to decide.
	loses(t, steps, []string{state}, "write "+control+guardUnit+".tmp", "sync "+control+guardUnit+".tmp", "rename "+control+guardUnit+".tmp "+control+guardUnit,
		"link ../"+guardUnit+" "+control+"basic.target.wants/", "link ../"+guardUnit+" "+control+"emergency.target.wants/",
		"sync etc/systemd/system.control", "sync "+control+"basic.target.wants", "sync "+control+"emergency.target.wants", appears)
	// What is pinned is pinned before somebody may go back to it.
	pagecache.At(t, steps, "link "+h.system("old")+" nix/var/nix/gcroots/nixdeploy/R1-profile", "sync nix/var/nix/gcroots/nixdeploy", "sync nix/var/nix/gcroots", appears)
	loses(t, steps, nil, appears, "sync var/lib/nixdeploy", starts)
}

func TestASwitchIsMarkedOnTheDiskBeforeItStarts(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	steps := pagecache.Trace(t, h.asks("start", "R1"), h.root)
	loses(t, steps, nil, "make "+active+"started", "sync "+active+"started", "sync "+strings.TrimSuffix(active, "/"), "run systemd-run --unit=nixdeploy-switch-R1")
	// Its code is whole wherever it is there. The links are not on the disk yet, and
	// need not be: nothing was promised.
	got := lost(pagecache.At(t, steps, "write "+active+"switch.rc.tmp", "sync "+active+"switch.rc.tmp", "rename "+active+"switch.rc.tmp"))
	if slices.Contains(got, active+"switch.rc.tmp") || !slices.Contains(got, "nix/var/nix/profiles/") {
		t.Errorf("at the end of the switch a power cut loses %q", got)
	}
}

func TestAClaimIsOnTheDiskBeforeAnybodyActsOnIt(t *testing.T) {
	claimed := func(claim string) []string {
		return []string{"link " + claim + " " + active + "claim", "sync " + strings.TrimSuffix(active, "/")}
	}
	for verb, claim := range map[string]string{"confirm": "confirm", "back": "return"} {
		h := newWholeHost(t, "extlinux")
		h.says(h.arms("R1", "switch"))
		h.says(h.asks("start", "R1"))
		h.will(guardRuns)
		steps := pagecache.Trace(t, h.asks(verb, "R1", "60"), h.root)
		loses(t, steps, nil, append(claimed(claim), "run systemctl start "+guardUnit)...)
		// Whoever made it, the guard syncs it before it acts on it.
		loses(t, steps, nil, "run sh "+active+"guard.sh - guard", "sync "+strings.TrimSuffix(active, "/"), "make "+active+"log")
	}
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	write(t, h.root, active+"deadline", "another-boot 0\n") // the machine of the test is up for longer than the window
	steps := pagecache.Trace(t, h.asks("guard"), h.root)
	// The folder's names: the deadline of the way back is one since.
	loses(t, steps, []string{active}, append(claimed("return"), "run systemctl stop nixdeploy-switch-R1.service")...)
}

// What a result promises is on the disk before it: profile and next boot, by
// whichever boot loader, in both modes, confirmed or returned.
func TestTheLinksAreOnTheDiskBeforeTheResult(t *testing.T) {
	for reader, modes := range map[string][]string{"extlinux": {"switch", "test-first"}, "systemd-boot": {"switch"}, "unknown": {"switch"}} {
		for _, mode := range modes {
			for _, verb := range []string{"confirm", "back"} {
				t.Run(reader+"/"+mode+"/"+verb, func(t *testing.T) {
					h := newWholeHost(t, reader)
					h.says(h.arms("R1", mode))
					h.will(guardRuns)
					decides := h.asks() // one trace for the switch and what is decided of it
					decides.Args = []string{"sh", "-c", `sh "$0" N start R1 </dev/null && exec sh "$0" N "$1" R1 60 </dev/null`, h.root + "/script", verb}
					steps := pagecache.Trace(t, decides, h.root)
					folder, result := strings.TrimSuffix(active, "/"), "rename "+active+"result.tmp "+active+"result"
					loses(t, steps, []string{active}, "sync nix/var/nix/profiles", "write "+active+"result.tmp", "sync "+active+"result.tmp", result)
					if reader != "extlinux" {
						pagecache.At(t, steps, map[string]string{"systemd-boot": "syncfs boot/efi", "unknown": "syncfs boot"}[reader], result)
					}
					// The result before the folder goes, the folder before its unit. A pin
					// that comes back goes with the run's folder in done/.
					unpinned := map[string][]string{"back": {"nix/var/nix/gcroots/nixdeploy/"}}[verb]
					loses(t, steps, append(slices.Clone(unpinned), state), result, "sync "+folder, "rename "+folder+" "+state+"done/R1")
					loses(t, steps, unpinned, "rename "+folder+" "+state+"done/R1", "sync var/lib/nixdeploy", "sync "+state+"done", "remove "+control+guardUnit)
				})
			}
		}
	}
}

// A guard that comes after one that was cut on the way back knows of it.
func TestAWayBackIsMarkedOnTheDiskBeforeItActivates(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	h.says(h.asks("start", "R1"))
	h.will(guardRuns)
	steps := pagecache.Trace(t, h.asks("back", "R1", "60"), h.root)
	// The folder's names: the log is one since.
	loses(t, steps, []string{active}, "write "+active+"half", "sync "+active+"half", "sync "+strings.TrimSuffix(active, "/"), "run systemd-run --unit=nixdeploy-return-R1")
}
