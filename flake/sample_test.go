package flake

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// sample is the repository's hosts.toml in a folder of its own, changed by edit,
// with a lock.
func sample(t *testing.T, edit func(text string) string) *inventory.Inventory {
	t.Helper()
	data, err := os.ReadFile("../hosts.toml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hosts.toml")
	layOut(t, filepath.Dir(path), map[string]string{"hosts.toml": edit(string(data))})
	inv, err := inventory.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	layOut(t, filepath.Dir(path), map[string]string{"flake.lock": lockOf(inv.Flake)})
	return inv
}

// The sample renders as it is, and its machines, which nobody adopted, are warned of.
func TestTheSampleRenders(t *testing.T) {
	f, err := FromInventory(sample(t, func(text string) string { return text }))
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.Join(f.Warnings, "\n"); !strings.Contains(w, "root file system is of dev-1, db-1, web-1, web-2:") {
		t.Errorf("warnings: %q", w)
	}
}

// uncommented is the sample with what its comments offer switched on: settings
// and tables alike.
func uncommented(text string) string {
	hosts := strings.Index(text, "# [hosts.cloud-1]")
	line := regexp.MustCompile(`(?m)^# ?(\[[a-z.0-9-]+\]|[a-z_]+(?:\.[a-z-]+)? = .*|)$`)
	return text[:hosts] + line.ReplaceAllString(text[hosts:], "$1")
}

// The machines in the sample's comments are refused until they are adopted, and
// then every host of it evaluates.
func TestTheSampleEvaluates(t *testing.T) {
	inv := sample(t, uncommented)
	_, err := FromInventory(inv)
	wantRefusal(t, err, "run: nixdeploy adopt laptop; likewise for cloud-1")
	files := map[string]string{}
	for _, h := range inv.Hosts {
		if h.Target == "wsl" || h.Target == "container" {
			continue
		}
		files[HardwarePath(h.Name)] = disks
		files[FactsPath(h.Name)] = encoded(t, func(f *Facts) {
			f.Hostname, f.MachineID = h.Name, ""
			f.User.Keys = nil // those of [users.deploy] have to do
			if h.Target == "m1" {
				f.System = "aarch64-linux"
			}
		})
	}
	layOut(t, filepath.Dir(inv.Path), files)
	got, _ := evaluate(t, inv)
	for _, h := range inv.Hosts {
		if c := got[h.Name]; c.Top != "evaluates" {
			t.Errorf("%s (%s): %+v", h.Name, h.Target, c)
		}
	}
	if web := got["web-1"]; web.TimeZone != "Europe/Amsterdam" || !strings.Contains(strings.Join(web.Packages, " "), "requests") {
		t.Errorf("web-1: %+v", web)
	}
	if len(got) != len(inv.Hosts)+5 {
		t.Errorf("%d configurations of %d hosts, four built-in targets and one", len(got), len(inv.Hosts))
	}
}
