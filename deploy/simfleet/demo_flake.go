package simfleet

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/nixdeploy/nixdeploy/flake"
)

const demoFlakeDir = "flake"

// demoNix is the flake's entry. It has no inputs, so nothing has to be locked.
const demoNix = `# A stand-in for a NixOS flake: simulated hosts have no Nix, and read
# inventory.json in place of evaluating this.
{
  outputs = { self }: {
    inventory = builtins.fromJSON (builtins.readFile ./inventory.json);
  };
}
`

// demoRelease is inventory.json.
type demoRelease struct {
	Release string               `json:"release"`
	Hosts   map[string]demoEntry `json:"hosts"`
}

// demoEntry is what one host runs in a release.
type demoEntry struct {
	App   string   `json:"app"`             // version
	Fails []string `json:"fails,omitempty"` // units that fail after the switch
}

// Release writes one of the releases into the flake's folder: DemoFirst,
// DemoGood or DemoBad.
func (d *DemoFleet) Release(number int) error {
	if number < DemoFirst || number > DemoBad {
		return fmt.Errorf("demo: there is no release %d", number)
	}
	r := demoRelease{Release: fmt.Sprintf("1.%d", number), Hosts: map[string]demoEntry{}}
	for _, h := range demoHosts() {
		e := demoEntry{App: r.Release + ".0"}
		if number == DemoBad && h.stage == "dev" {
			e.Fails = []string{"app.service"}
		}
		r.Hosts[h.name] = e
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	dir := filepath.Join(d.Dir, demoFlakeDir)
	if err := writeFile(filepath.Join(dir, "flake.nix"), []byte(demoNix), 0o644); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "inventory.json"), append(data, '\n'), 0o644)
}

// demoSystem is the SystemFor of the demo's hosts.
func demoSystem(files []flake.File, attribute string) (System, error) {
	var r demoRelease
	for _, f := range files {
		if f.Path != "inventory.json" {
			continue
		}
		if err := json.Unmarshal(f.Data, &r); err != nil {
			return System{}, fmt.Errorf("error: reading inventory.json: %w", err)
		}
	}
	e, ok := r.Hosts[attribute]
	if !ok {
		return System{}, NoAttribute(attribute)
	}
	seed, err := json.Marshal(e)
	if err != nil {
		return System{}, fmt.Errorf("error: %w", err)
	}
	store := func(name string) string { return StorePath(string(seed), name) }
	s := System{
		Toplevel: ToplevelPath(string(seed), attribute),
		Build: []string{
			store("unit-app.service.drv"), store("etc.drv"), store("nixos-system-" + attribute + "-26.05.drv"),
		},
		Fetch: []string{store("app-" + e.App)}, Download: "1.4 MiB", Unpacked: "6.2 MiB",
		Packages: map[string]int64{"app-" + e.App: 6_501_171, "glibc-2.40-66": 30_879_016, "systemd-257.9": 19_834_880},
		EvalTime: demoEval, BuildTime: demoBuild, SwitchTime: demoSwitch,
		FailsUnits: e.Fails, Units: []string{"app.service"},
	}
	return s, nil
}
