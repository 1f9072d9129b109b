package nixos

import (
	"os"
	"path/filepath"
	"testing"
)

// An upload over a slow link takes longer than a lease: it is renewed until the
// upload ends, and not longer.
func TestALeaseOutlivesASlowUpload(t *testing.T) {
	for name, shell := range shells() {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			tool(t, root, "date", "echo >>"+root+"/renewals; echo 1700000000")
			// At last it sleeps while the script ends, so that it writes nothing any more.
			tool(t, root, "sleep", "[ $(wc -l <"+root+"/renewals) -ge 3 ] || exit 0; : >"+root+"/asleep; exec tail --pid=$PPID -f /dev/null")
			tool(t, root, "nix", "echo sha256-x")
			// It takes as long as the lease needs to be renewed twice.
			tool(t, root, "tar", "n=0; until [ -e "+root+"/asleep ]; do n=$((n+1)); [ $n -lt 500000 ] || exit 1; done")
			out := runShell(t, shell, root, Script("upload"), "N", "R1", "anna@ci", "90", "d1", "sha256-x", "600")
			if out != "N end upload\n" {
				t.Errorf("it says %q", out)
			}
			if _, err := os.Stat(filepath.Join(root, "var/lib/nixdeploy/uploads/d1")); err != nil {
				t.Error(err)
			}
		})
	}
}
