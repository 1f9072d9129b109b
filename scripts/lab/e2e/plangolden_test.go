package e2e

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// wantPlans compares a plan of real hosts, as text and as JSON, with what is on
// record, but for what is another in each run or on another machine.
func wantPlans(t *testing.T, text, document, prefix string) {
	t.Helper()
	golden(t, "plan-full.golden", masked(aboutHosts(t, text), prefix))
	var doc any
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		t.Fatal(err)
	}
	lasting, err := json.MarshalIndent(withoutPassing(doc), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-full.json.golden", masked(string(lasting)+"\n", prefix))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); -update writes it anew:\n%s", name, diff)
	}
}

var (
	// A lab host's disk and the machine's own: the fixture's fstab names neither.
	mounts   = regexp.MustCompile(`(?m)^ +note +[^:]*?not\s+compared\s+with(?:.|\n)*?says\s+nothing\n|^ +note [^:]*:\s+not\s+compared\s+with(?:.|\n)*?says\s+nothing\n`)
	hashes   = regexp.MustCompile(`/nix/store/[0-9a-z]{32}-`)
	short    = regexp.MustCompile(`\b[0-9a-z]{8}-nixos-system-`)
	closures = regexp.MustCompile(`closure [0-9.]+ KiB`) // of all that Debian's systemd brings
	longest  = regexp.MustCompile(`at most [0-9]+ min`)  // another where this machine evaluates
)

// aboutHosts is a plan from its table on: what is above names folders, and who
// evaluates.
func aboutHosts(t *testing.T, text string) string {
	t.Helper()
	i := strings.Index(text, "\n   host ")
	if i < 0 {
		t.Fatalf("no table of hosts in\n%s", text)
	}
	text = closures.ReplaceAllString(mounts.ReplaceAllString(text[i+1:], ""), "closure SIZE")
	return longest.ReplaceAllString(text, "at most SOME min")
}

func masked(s, prefix string) string {
	s = strings.ReplaceAll(s, prefix, strings.Repeat("p", len(prefix)-1)+"-") // as wide: columns keep their place
	s = hashes.ReplaceAllString(s, "/nix/store/HASH-")
	return short.ReplaceAllString(s, "HASH-nixos-system-")
}

// passing are the fields that another run or another machine has otherwise.
var passing = []string{
	"flake", "source", "evaluates", "nixdeploy", "machine_id", "boot_id", "uptime", "free_bytes", "old_size", "new_size", "at_most",
}

// withoutPassing takes them out of a JSON document.
func withoutPassing(doc any) any {
	switch v := doc.(type) {
	case map[string]any:
		for key, value := range v {
			if slices.Contains(passing, key) {
				delete(v, key)
				continue
			}
			v[key] = withoutPassing(value)
		}
	case []any:
		kept := v[:0]
		for _, value := range v {
			if note, ok := value.(string); ok && strings.HasPrefix(note, "not compared with this host: ") {
				continue
			}
			kept = append(kept, withoutPassing(value))
		}
		return kept
	}
	return doc
}
