package nixos

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestApprovalsAreKept(t *testing.T) {
	root := t.TempDir()
	tool(t, root, "flock", "exit 0")
	tool(t, root, "date", "echo 1700000000")
	const said = "N approved yes\nN end approve\n"
	file := filepath.Join(root, "var/lib/nixdeploy/approvals/d1")
	for _, c := range []struct{ stage, who, held string }{
		{"prod", "ann@desk", "prod ann@desk 1700000000\n"},
		{"prod", "ann@desk", "prod ann@desk 1700000000\n"},
		{"dev", "ann@desk", "prod ann@desk 1700000000\ndev ann@desk 1700000000\n"},
		{"prod", "bob@desk", "prod ann@desk 1700000000\ndev ann@desk 1700000000\nprod bob@desk 1700000000\n"},
	} {
		inEachShell(t, root, Script("approve"), said, "N", "d1", c.stage, c.who)
		held, err := os.ReadFile(file)
		if err != nil || string(held) != c.held {
			t.Errorf("it holds %q (%v), want %q", held, err, c.held)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestApprovalsAreRead(t *testing.T) {
	got := approvals("d1", []string{"prod ann@desk 1700000000", "broken", ""})
	want := []deploy.Approval{{Flake: "d1", Stage: "prod", By: "ann@desk", Time: time.Unix(1700000000, 0).UTC()}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
