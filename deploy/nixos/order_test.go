package nixos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ahead makes entries of a folder that were written while the host's clock was a
// day ahead.
func ahead(t *testing.T, root, folder string, count int, fill func(path string)) {
	t.Helper()
	for i := range count {
		path := filepath.Join(folder, fmt.Sprintf("old%02d", i))
		fill(path)
		when := time.Now().Add(24*time.Hour - time.Duration(i)*time.Minute)
		if err := os.Chtimes(filepath.Join(root, path), when, when); err != nil {
			t.Fatal(err)
		}
	}
}

// names of a folder of the host.
func (h *wholeHost) names(folder string) string {
	h.t.Helper()
	found, err := os.ReadDir(filepath.Join(h.root, folder))
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, f := range found {
		all = append(all, f.Name())
	}
	return strings.Join(all, " ")
}

// The clock of a host went back by a day, so all that is kept there is newer than
// what is written now. What was written last is the newest all the same: it stays,
// and is what the next run is told.
func TestWhatIsWrittenLastIsTheNewest(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	write(t, h.root, "etc/machine-id", "0123abcd\n")
	ahead(t, h.root, state+"done", 6, func(path string) {
		write(t, h.root, path+"/meta", "goal flake\nflake d0\nwanted /nix/store/x\nlink system-77-link\n")
		write(t, h.root, path+"/result", "confirmed\n")
	})
	ahead(t, h.root, state+"records", 50, func(path string) { write(t, h.root, path, "toplevel /nix/store/x\nrun R0\n") })
	h.says(h.asks("record", "R1", "ann@desk", "90", "d1", "web-1", h.system("old"), "dev", "f", "h"))
	if !h.there(state+"records/d1") || strings.Count(h.names(state+"records"), " ") != 49 {
		t.Errorf("of the records there are %s", h.names(state+"records"))
	}
	told := func() string {
		inspect := h.asks()
		inspect.Args = []string{"sh", "-c", strings.ReplaceAll(rooted(Script("inspect"), h.root), "/nix/store/", h.root+"/nix/store/"), "sh", "N", "d1"}
		out, err := inspect.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if said := told(); !strings.Contains(said, "N last run R1\n") {
		t.Errorf("the last run is not the last: %s", said)
	}
	h.says(h.arms("R2", "switch")) // to a system, as a rollback
	h.says(h.asks("start", "R2"))
	h.will(guardRuns)
	h.says(h.asks("confirm", "R2", "60"))
	if !h.there(state+"done/R2") || strings.Count(h.names(state+"done"), " ") != 5 {
		t.Errorf("of the runs there are %s", h.names(state+"done"))
	}
	for _, want := range []string{"N previous run R2\n", "N previous link system-1-link\n", "N last run R2\n", "N failed_run R2 confirmed\n"} {
		if said := told(); !strings.Contains(said, want) {
			t.Errorf("%q is not told: %s", want, said)
		}
	}
	// The same flake is well here once more.
	h.says(h.asks("record", "R3", "ann@desk", "90", "d1", "web-1", h.system("new"), "dev", "f", "h"))
	if said := told(); strings.Contains(said, "failed_run") || !strings.Contains(said, "N last run R3\n") {
		t.Errorf("the newest record is not the newest: %s", said)
	}
}

// The same of what is uploaded and approved.
func TestAnUploadOutlastsThoseThatSeemNewer(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.stands("nix", "echo sha256-x")
	ahead(t, h.root, state+"uploads", 10, func(path string) { write(t, h.root, path+"/flake.nix", "{ }") })
	ahead(t, h.root, state+"approvals", 50, func(path string) { write(t, h.root, path, "prod eve 1\n") })
	asks := func(script string, args ...string) *exec.Cmd {
		cmd := h.asks()
		cmd.Args = append([]string{"sh", "-c", rooted(Script(script), h.root), "sh", "N"}, args...)
		return cmd
	}
	tree := t.TempDir()
	write(t, tree, "flake.nix", "{ }")
	packed, err := exec.CommandContext(t.Context(), "tar", "-C", tree, "-cf", "-", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range []string{"d1", "d2"} {
		upload := asks("upload", "R1", "ann@desk", "90", digest, "sha256-x", "60")
		upload.Stdin = strings.NewReader(string(packed))
		h.says(upload)
	}
	if got := h.names(state + "uploads"); !strings.HasPrefix(got, "d1 d2 old00 ") || strings.Count(got, " ") != 9 {
		t.Errorf("of the uploads there are %s", got)
	}
	h.says(asks("approve", "d1", "prod", "ann"))
	if got := h.names(state + "approvals"); !strings.HasPrefix(got, "d1 old00 ") || strings.Count(got, " ") != 49 {
		t.Errorf("of the approvals there are %s", got)
	}
}
