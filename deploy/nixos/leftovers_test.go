package nixos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const roots = "nix/var/nix/gcroots/nixdeploy"

// An arming that fails pins nothing: else each attempt kept four systems from being
// collected, for good.
func TestAnArmingThatFailsPinsNothing(t *testing.T) {
	for name, fails := range map[string]func(h *wholeHost){
		"the script is cut": func(h *wholeHost) { h.script = h.script[:len(h.script)/2] },
		"no unit can be written": func(h *wholeHost) {
			write(t, h.root, strings.TrimSuffix(control, "/"), "")
		},
		"nothing can be pinned": func(h *wholeHost) {
			h.stands("ln", `case "$*" in *R1-running) exit 1 ;; esac; exec `+whole(t, "ln")+` "$@"`)
		},
		"the guard does not start": func(h *wholeHost) { h.will(guardStartsNo) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newWholeHost(t, "extlinux")
			arms := h.arms("R1", "switch")
			fails(h)
			arms.Stdin = strings.NewReader(h.script)
			if said := h.says(arms); !strings.Contains(said, "N unguarded ") {
				t.Fatal(said)
			}
			if got := h.names(roots); got != "" || h.there(active) {
				t.Errorf("what stays is %s", got)
			}
		})
	}
}

// What killed runs left goes when the next one comes, and nobody is at work. What is
// of a run that is, or may be gone back to, stays.
func TestWhatKilledRunsLeftGoes(t *testing.T) {
	const theirs = "R8-next R8-profile R8-running R8-wanted"
	for name, c := range map[string]struct{ lease, roots, state, uploads string }{
		"nobody is at work": {"", "R7-profile planned-x wanted-R1", "build-R1 done uploads", "d1"},
		"its own lease holds": {"R1 ann@desk 1 BOOT 9999999999\n", "R7-profile " + theirs + " planned-x wanted-R1 wanted-R8",
			"build-R1 build-R8 done uploads", ".R8 .R8.err d1"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newWholeHost(t, "extlinux")
			for root := range strings.FieldsSeq("R7-profile planned-x wanted-R1 wanted-R8 " + theirs) {
				link(t, h.root, roots+"/"+root, h.system("old"))
			}
			for _, file := range []string{"done/R7/result", "build-R1/x", "build-R8/result", "uploads/.R8/flake.nix", "uploads/.R8.err", "uploads/d1/flake.nix"} {
				write(t, h.root, state+file, "")
			}
			if c.lease != "" {
				boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
				if err != nil {
					t.Skip("no boot id here")
				}
				write(t, h.root, "run/nixdeploy/lease", strings.Replace(c.lease, "BOOT", strings.TrimSpace(string(boot)), 1))
			}
			takes := h.asks()
			takes.Args = []string{"sh", "-c", rooted(read("lib.sh"), h.root) + "\nenter\ntake_lease R1 ann@desk 90"}
			h.says(takes)
			if got := h.names(roots); got != c.roots {
				t.Errorf("of the pins %s stay, want %s", got, c.roots)
			}
			if got := h.names(state); got != c.state {
				t.Errorf("of the folders %s stay, want %s", got, c.state)
			}
			if got := h.names(filepath.Join(state, "uploads")); got != c.uploads {
				t.Errorf("of the uploads %s stay, want %s", got, c.uploads)
			}
			if !h.there("nix/store/old/init") {
				t.Error("what a pin led to is gone")
			}
		})
	}
}
