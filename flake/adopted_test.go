package flake

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// encoded is a facts.json, changed by edit.
func encoded(t *testing.T, edit func(f *Facts)) string {
	t.Helper()
	f := someFacts()
	if edit != nil {
		edit(&f)
	}
	data, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func machineHost(name, target string) inventory.Host {
	h := box(name)
	h.Target, h.System = target, ""
	return h
}

// What adopting a host wrote reaches Nix; the id of the machine does not.
func TestAdoptedHostsAreRendered(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"hosts/web-1/facts.json":   encoded(t, nil),
		"hosts/web-1/hardware.nix": "{ }\n",
		"hosts/web-1/notes.txt":    "not for the flake",
		"hosts/box-1/facts.json": encoded(t, func(f *Facts) {
			f.Kind, f.Hostname, f.MachineID, f.System = "container", "box-1", "", "aarch64-linux"
		}),
		"hosts/gone/hardware.nix": "of a host that is no more",
		"web.nix":                 "{ }",
	})
	web := machineHost("web-1", "hetzner")
	web.Modules = []string{"web.nix"}
	own := machineHost("own-1", "server")
	f, err := Render(fleet(t, dir, web, machineHost("box-1", "container"), machineHost("wsl-1", "wsl"), own))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range paths(f.Files) {
		if strings.HasPrefix(p, "hosts/") {
			got = append(got, p)
		}
	}
	if diff := cmp.Diff([]string{"hosts/box-1/facts.json", "hosts/web-1/facts.json", "hosts/web-1/hardware.nix"}, got); diff != "" {
		t.Error(diff)
	}
	var doc document
	if err := json.Unmarshal(file(f.Files, "inventory.json").Data, &doc); err != nil {
		t.Fatal(err)
	}
	want := someFacts()
	want.MachineID = ""
	m := doc.Hosts["web-1"]
	if diff := cmp.Diff(&want, m.Facts); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(m.Modules, []string{"modules/custom/web.nix", "hosts/web-1/hardware.nix"}) || m.System != "x86_64-linux" || m.Configuration != "hetzner" {
		t.Errorf("%+v", m)
	}
	if b := doc.Hosts["box-1"]; b.System != "aarch64-linux" || len(b.Modules) != 0 {
		t.Errorf("a container that was adopted: %+v", b)
	}
	if o := doc.Hosts["own-1"]; o.Facts != nil || o.Configuration != "base" {
		t.Errorf("a host that was not adopted: %+v", o)
	}
	for _, file := range f.Files {
		if strings.Contains(string(file.Data), someFacts().MachineID) {
			t.Errorf("%s has the machine's id", file.Path)
		}
	}
}

func TestHostsThatWereNotAdopted(t *testing.T) {
	facts, none := encoded(t, nil), ""
	tests := []struct {
		name, target, facts, hardware string
		want                          []string // nothing: it renders
	}{
		{"nothing", "hetzner", none, none, []string{"hosts/web-1/facts.json", "hosts/web-1/hardware.nix", "nixdeploy adopt web-1"}},
		{"no hardware", "m1", facts, none, []string{"without hosts/web-1/hardware.nix the new system", "nixdeploy adopt web-1"}},
		{"no facts", "m1", none, "{ }", []string{"without hosts/web-1/facts.json the new system", "nixdeploy adopt web-1"}},
		{"both", "m1", facts, "{ }", nil},
		{"wsl needs none", "wsl", none, none, nil},
		{"container needs none", "container", none, none, nil},
		{"an own target needs none", "server", none, none, nil},
		{"an own target takes one", "server", none, "{ }", nil},
		{"facts that are none", "server", "{}", none, []string{"hosts/web-1/facts.json: it has no format", "nixdeploy adopt"}},
		{"a linked hardware.nix", "hetzner", facts, "->facts.json", []string{"hosts/web-1/hardware.nix is a symbolic link"}},
		{"a container for a machine", "hetzner", encoded(t, func(f *Facts) { f.Kind = "container" }), "{ }", []string{"target hetzner does not run there", "of kind container"}},
		{"a machine for a container", "container", facts, none, []string{"target container does not run there", "of kind machine"}},
		{"a machine for WSL", "wsl", facts, none, []string{"target wsl does not run there"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{}
			if tt.facts != none {
				files["hosts/web-1/facts.json"] = tt.facts
			}
			if tt.hardware != none {
				files["hosts/web-1/hardware.nix"] = tt.hardware
			}
			layOut(t, dir, files)
			_, err := Render(fleet(t, dir, machineHost("web-1", tt.target)))
			if len(tt.want) == 0 && err != nil {
				t.Error(err)
			}
			for _, part := range tt.want {
				wantRefusal(t, err, part)
			}
		})
	}
}

func TestAdoptionNamesEveryHostThatLacksIt(t *testing.T) {
	inv := fleet(t, t.TempDir(), machineHost("web-2", "hetzner"), machineHost("mac", "m1"), box("box-1"))
	_, err := Render(inv)
	wantRefusal(t, err, "run: nixdeploy adopt web-2; likewise for mac")
	if _, err := Unlocked(inv); err != nil {
		t.Errorf("the inputs of a fleet can be locked before it is adopted: %v", err)
	}
}

func TestFactsThatContradict(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"hosts/a/facts.json": encoded(t, nil), "hosts/a/hardware.nix": "{ }",
		"hosts/b/facts.json": encoded(t, nil), "hosts/b/hardware.nix": "{ }",
	})
	a := machineHost("a", "server")
	_, err := Render(fleet(t, dir, a, machineHost("b", "server")))
	wantRefusal(t, err, "hosts/b/facts.json is of the same machine as hosts/a/facts.json")
	a.System = "aarch64-linux"
	_, err = Render(fleet(t, dir, a))
	wantRefusal(t, err, "system is aarch64-linux in hosts.toml, and x86_64-linux in hosts/a/facts.json")
}

// A host of one's own target that nobody has told the disks of is warned of before
// NixOS refuses it; whoever tells them in any way is left alone.
func TestHostsWithoutDisksAreWarnedOf(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"server.nix": "{ }", HardwarePath("adopted"): disks, FactsPath("adopted"): encoded(t, func(f *Facts) { f.Hostname, f.MachineID = "adopted", "" }),
		FactsPath("nspawn"): encoded(t, func(f *Facts) { f.Hostname, f.MachineID, f.Kind, f.BootLoader = "nspawn", "", "container", "none" }),
		FactsPath("half"):   encoded(t, func(f *Facts) { f.Hostname, f.MachineID = "half", "" }),
	})
	var hosts []inventory.Host
	for _, name := range []string{"adopted", "bare", "half", "module", "nspawn", "override", "tables"} {
		h := box(name)
		h.Target = "server"
		switch name {
		case "module":
			h.Modules = []string{"server.nix"}
		case "override":
			h.Override.Plain[`fileSystems."/".device`] = "/dev/sda1"
		case "tables":
			h.Override.Default = map[string]any{"boot": map[string]any{"isContainer": true}}
		}
		hosts = append(hosts, h)
	}
	f, err := Render(fleet(t, dir, append(hosts, box("box"))...))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"nothing says where the root file system is of bare, half: neither a module nor hosts/HOST/hardware.nix; run: nixdeploy adopt bare"}
	if diff := cmp.Diff(want, f.Warnings); diff != "" {
		t.Error(diff)
	}
}
