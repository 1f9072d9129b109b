package deploy_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nixdeploy/nixdeploy/"

// allowed says which packages of this module each room may import. cmd wires
// and may import everything; a room that is not named here fails the test, so
// that a new one is placed on purpose.
var allowed = map[string][]string{
	"inventory":        {},
	"flake":            {"inventory"},
	"flake/tree":       {},
	"deploy":           {"inventory", "flake"},
	"deploy/plan":      {"deploy", "inventory", "flake"},
	"deploy/savedplan": {"deploy", "inventory", "flake"},
	"deploy/rollout":   {"deploy", "inventory", "flake"},
	"deploy/host":      {"deploy", "deploy/nixerror", "inventory", "flake"},
	"deploy/remote":    {"deploy", "inventory"},
	"deploy/nixos":     {"deploy", "inventory", "flake"},
	"deploy/nixerror":  {"inventory"}, // pure: texts in, texts out
	"deploy/health":    {"deploy", "inventory"},
	"deploy/journal":   {"deploy", "inventory", "flake"},
	"deploy/simfleet":  {"deploy", "inventory", "flake"},
	// Scenarios for tests of model and lab: told through nixos, so it is above it.
	"deploy/simfleet/simulator": {}, // tests only
	"deploy/simfleet/contract":  {"deploy", "deploy/nixos", "flake"},

	"deploy/internal/pagecache": {}, // tests only
	"docs/model":                {}, // tests only

	"cmd/nixdeploy/internal/view": {"deploy", "inventory"},
}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ": ")
		room := strings.TrimPrefix(strings.TrimSuffix(pkg, ":"), module)
		if strings.HasPrefix(room, "scripts/") || room == "cmd/nixdeploy" || strings.HasPrefix(room, "cmd/nixdeploy/internal/cli") {
			continue
		}
		may, known := allowed[room]
		if !known {
			t.Errorf("package %s has no place in the table of rooms", room)
			continue
		}
		for imp := range strings.FieldsSeq(imports) {
			other, ours := strings.CutPrefix(imp, module)
			if ours && !contains(may, other) {
				t.Errorf("%s imports %s; it may import only %v", room, other, may)
			}
		}
	}
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}
