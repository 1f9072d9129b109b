package nixos

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// A flake without inputs has no lock: that is no failure. A failure is told with
// what Nix printed.
func TestAHostLocksAFlake(t *testing.T) {
	pack := func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1024)) // an empty tar
		return err
	}
	for name, shell := range shells() {
		lock := func(body string) ([]byte, error) {
			root := t.TempDir()
			tool(t, root, "nix", body)
			return Lock(t.Context(), shellConn{root, shell}, pack)
		}
		if got, err := lock("echo '{}' >flake.lock"); err != nil || string(got) != "{}\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, err := lock("exit 0"); err != nil || got != nil {
			t.Errorf("%s: without inputs: %q, %v", name, got, err)
		}
		for _, exit := range []string{"1", "124"} {
			_, err := lock("echo 'error: Could not resolve host' >&2; exit " + exit)
			if p, ok := errors.AsType[*deploy.Problem](err); !ok || p.Code != deploy.CodeEvaluation || !slices.Contains(p.Details, "error: Could not resolve host") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
