package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

// Whatever the bytes are, Parse does not panic, and gives problems inside of
// the file or an inventory that holds together.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"../hosts.toml", "testdata/broken.toml", "testdata/syntax.toml"} {
		data, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"", "\ufeff", small, layered, peopled, "[[hosts]]\n[hosts.a]\n", "a.b={c=[{d.e=1}]}\n", "x='''\n", "[\"\\u0000\"]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, err := Parse("hosts.toml", data)
		if err != nil {
			checkProblems(t, inv, err, len(data))
			return
		}
		checkInventory(t, inv)
		// What we accept must be TOML to an independent reading too.
		var tree map[string]any
		if err := toml.Unmarshal(data, &tree); err != nil && len(data) > 0 && data[0] != 0xef {
			t.Errorf("accepted, but not TOML: %v", err)
		}
	})
}

func checkProblems(t *testing.T, inv *Inventory, err error, size int) {
	t.Helper()
	var p *Problems
	if !errors.As(err, &p) || inv != nil || len(p.List) == 0 || len(p.List) > maxProblems {
		t.Fatalf("got %v, %v", inv, err)
	}
	for i, q := range p.List {
		if q.Line < 1 || q.Col < 1 || q.Line > size+1 || q.What == "" || i > 0 && q.Line < p.List[i-1].Line {
			t.Errorf("problem %d: %+v", i, q)
		}
	}
}

func checkInventory(t *testing.T, inv *Inventory) {
	t.Helper()
	hosts := map[string]int{}
	ends := map[string]bool{}
	for _, h := range inv.Hosts {
		if _, ok := inv.StageByName(h.Stage); !ok || !validName(h.Name) || !validName(h.User) || !validAddress(h.Address) {
			t.Errorf("host %+v", h)
		}
		if h.Port < 1 || h.Port > 65535 || len(h.Checks) == 0 || h.Attribute == "" || h.ConfirmTimeout <= 0 || h.ActivationTimeout <= 0 {
			t.Errorf("host %+v", h)
		}
		for _, c := range h.Checks {
			if c.Type == "" || c.Deadline <= 0 || c.Interval <= 0 || c.Successes < 1 {
				t.Errorf("check %+v", c)
			}
		}
		for path := range h.Override.Plain {
			if parts, err := SplitAttrPath(path); err != nil || JoinAttrPath(parts) != path {
				t.Errorf("attribute path %q: %v", path, err)
			}
		}
		for _, s := range Resolved(h) {
			if s.Origin.From == "" {
				t.Errorf("%s of %s came from nowhere", s.Key, h.Name)
			}
		}
		if end := endpoint(h); ends[end] {
			t.Errorf("two hosts at %s", end)
		} else {
			ends[end] = true
		}
		hosts[h.Stage]++
	}
	for _, s := range inv.Stages {
		if hosts[s.Name] == 0 || len(s.Batches) == 0 || s.Parallel < 1 {
			t.Errorf("stage %+v", s)
		}
	}
	all, err := Select(inv, nil, "")
	if err != nil || !cmp.Equal(hostNames(all), hostNames(inv.Hosts)) || inv.Fleet == "" {
		t.Errorf("selection of all: %v, %v", hostNames(all), err)
	}
}
