package nixos

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Races that the model (docs/model) found, each told again with the real scripts.
// Who comes first is settled by a pipe with a name: the one who has the lock waits
// on it until the other one says that it waits for the lock, or did what it must
// not do meanwhile.

// pipe makes the pipe of a race and a flock that says "waits" into it before it
// waits for a lock that is held.
func (h *wholeHost) pipe() string {
	h.t.Helper()
	path := filepath.Join(h.root, "pipe")
	if out, err := exec.CommandContext(h.t.Context(), "mkfifo", path).CombinedOutput(); err != nil {
		h.t.Fatalf("mkfifo: %v: %s", err, out)
	}
	flock := whole(h.t, "flock")
	h.stands("flock", flock+` -n 9 && exit 0
if [ -e ROOT/told ]; then exec `+flock+` "$@"; fi
: >ROOT/told
echo waits >`+path+`
exec `+flock+` "$@"`)
	return path
}

// stands replaces a stand-in.
func (h *wholeHost) stands(name, body string) {
	tool(h.t, h.root, name, strings.ReplaceAll(body, "ROOT", h.root))
}

// extends puts something in front of a stand-in.
func (h *wholeHost) extends(name, first string) { h.stands(name, first+"\n"+wholeTools[name]) }

func (h *wholeHost) text(path string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.root, path))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// again is a request that a stand-in makes in the middle of another one, without
// the lock that the other one has.
func (h *wholeHost) again(cmd *exec.Cmd) string {
	words := make([]string, 0, len(cmd.Args))
	for _, word := range cmd.Args {
		words = append(words, "'"+word+"'")
	}
	return strings.Join(words, " ") + " <" + h.root + "/script 9>&-"
}

// A run is closed while the next one is armed: the unit of the guard has one
// name, and is the next run's by then.
func TestClosingARunLeavesTheNextOneItsGuard(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	write(t, h.root, active+"result", "returned\n")
	write(t, h.root, "run/nixdeploy/lease", "")
	pipe := h.pipe()
	h.stands("mv", whole(t, "mv")+` "$@" || exit
case "$*" in *active\ */done/R1)
	{ `+h.again(h.arms("R2", "switch"))+`; if ! [ -e ROOT/told ]; then echo armed >`+pipe+`; fi; } 9>&- &
	read -r met <`+pipe+`
	echo "$met" >ROOT/met ;;
esac`)
	said := h.says(h.asks("guard"))
	if !strings.Contains(said, "N armed yes\n") || !strings.Contains(h.text(active+"meta"), "run R2\n") {
		t.Fatalf("the second run is not armed: %s", said)
	}
	for _, file := range []string{guardUnit, "basic.target.wants/" + guardUnit, "emergency.target.wants/" + guardUnit} {
		if !h.there(control + file) {
			t.Errorf("the second run has no %s (the closing run met it while it %s)", file, strings.TrimSpace(h.text("met")))
		}
	}
}

// The deadline passes while the switch is being started: it is started first, and
// the return stops it; never the other way round.
func TestAClaimWaitsForAStartUnderWay(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	write(t, h.root, active+"deadline", "another-boot 0\n")
	pipe := h.pipe()
	h.extends("systemd-run", `case "$*" in *nixdeploy-switch-R1*)
	`+h.again(h.asks("guard"))+` >ROOT/guarded &
	read -r _ <`+pipe+`
	echo started >>ROOT/order
	exit 0 ;;
esac`)
	h.extends("systemctl", `case "$*" in stop*nixdeploy-switch-R1*)
	echo stopped >>ROOT/order
	if ! [ -e ROOT/told ]; then : >ROOT/told; echo stops >`+pipe+`; fi ;;
esac`)
	if said := h.says(h.asks("start", "R1")); !strings.Contains(said, "N started yes\n") {
		t.Fatal(said)
	}
	h.resolves()
	if got := h.text("order"); !strings.HasPrefix(got, "started\nstopped\n") {
		t.Errorf("a switch began in a return that had stopped it: %q", got)
	}
	h.is("old")
}

// resolves waits for the guard that a stand-in began: it holds the lock last.
func (h *wholeHost) resolves() {
	h.t.Helper()
	h.says(h.asks("back", "R1", "60"))
	if h.there(active) {
		h.t.Error("the run is not resolved")
	}
}

// A sign of life that comes while the guard waits for the lock, to claim, counts.
func TestASignOfLifeBeforeTheClaimCounts(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	write(t, h.root, active+"deadline", "another-boot 0\n")
	h.stands("flock", `if ! [ -e ROOT/told ]; then
	: >ROOT/told
	read -r boot </proc/sys/kernel/random/boot_id
	echo "$boot 9999999999" >ROOT/`+active+`deadline
fi`)
	h.stands("sleep", `readlink ROOT/`+active+`claim >>ROOT/claims
: >>ROOT/claims
echo returned >ROOT/`+active+`result`)
	h.says(h.asks("guard"))
	if h.there(state+"done/R1/claim") || h.text("claims") != "" {
		t.Error("the guard claimed a return although a sign of life had come")
	}
}

// An arm that was killed before it started the guard is asked for again.
func TestASecondArmStartsTheGuardThatTheFirstDidNot(t *testing.T) {
	for _, starts := range []bool{true, false} {
		h := newWholeHost(t, "extlinux")
		h.stands("touch", `if [ -e ROOT/killed ]; then exit; fi; : >ROOT/killed; kill -9 $PPID`)
		h.extends("systemctl", `echo "$*" >>ROOT/asked`)
		if out, err := h.arms("R1", "switch").CombinedOutput(); err == nil || strings.Contains(string(out), "armed yes") || !h.there(active) {
			t.Fatalf("the first arm was not killed where it should be: %v\n%s", err, out)
		}
		if !starts {
			h.will(guardStartsNo)
		}
		said := h.says(h.arms("R1", "switch"))
		if asked := h.text("asked"); !strings.Contains(asked, "start "+guardUnit) {
			t.Errorf("no guard was started:\n%s", asked)
		}
		if strings.Contains(said, "N armed yes\n") != starts || h.there(active) != starts || h.there(control+guardUnit) != starts {
			t.Errorf("with a guard that starts: %v, it said\n%s", starts, said)
		}
	}
}

// A guard that was killed on its way back leaves its activation behind. The next
// one stops that before it does anything, and goes through with the return even if
// a confirmation could still be had: units may be down.
func TestWhatAKilledGuardLeftBehindIsStoppedFirst(t *testing.T) {
	for left, want := range map[string]string{"nothing": "confirmed", "a mark": "returned"} {
		t.Run(left, func(t *testing.T) {
			h := newWholeHost(t, "extlinux")
			h.says(h.arms("R1", "switch"))
			h.says(h.asks("start", "R1"))
			if left != "nothing" {
				boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
				if err != nil {
					t.Skip("no boot id here")
				}
				write(t, h.root, active+"half", string(boot))
			}
			h.will(guardRuns)
			h.extends("systemctl", `case "$*" in stop*) echo "$*" >>ROOT/did ;; esac`)
			h.extends("systemd-run", "echo activates >>ROOT/did")
			if said := h.says(h.asks("confirm", "R1", "60")); !strings.Contains(said, "N claim confirm\n") || !strings.Contains(said, "N result "+want+"\n") {
				t.Errorf("want %s:\n%s", want, said)
			}
			if first, _, _ := strings.Cut(h.text("did"), "\n"); first != "stop nixdeploy-return-R1-*" {
				t.Errorf("first of all the guard did %q", first)
			}
			h.is(map[string]string{"confirmed": "new", "returned": "old"}[want])
		})
	}
}
