package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The file for all hosts is right with none, one and two: `down` of the last
// host once ended in silence with 1.
func TestKnownHostsFollowTheHosts(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("no flock here")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "hosts"), 0o700); err != nil {
		t.Fatal(err)
	}
	gather := func(want string) {
		t.Helper()
		script := `set -euo pipefail; shopt -s inherit_errexit; LAB_DIR=$1; . "$2"; gather_known_hosts`
		out, err := exec.Command("bash", "-c", script, "bash", dir, filepath.Join(sourceDir(), "shell", "host.bash")).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Fatalf("%v\n%s", err, out)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "known_hosts")); err != nil || len(got) != len(want) {
			t.Errorf("%q (%v), want %q", got, err, want)
		}
	}
	gather("")
	for i, name := range []string{"a", "b"} {
		host := filepath.Join(dir, "hosts", name)
		if err := os.Mkdir(host, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(host, "known_hosts"), []byte("key\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		gather([]string{"key\n", "key\nkey\n"}[i])
	}
	if err := os.RemoveAll(filepath.Join(dir, "hosts")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "hosts"), 0o700); err != nil {
		t.Fatal(err)
	}
	gather("")
}
