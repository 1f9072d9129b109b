package flake

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Every host of the sample fleet, and every target beside them, evaluates to a
// system on the older release as well, once its machines are adopted: the way
// of a user, from hosts.toml to the store path that a host would build.
func TestSampleFleetEvaluatesOnTheOlderRelease(t *testing.T) {
	inv := sample(t, uncommented)
	standIns(t, &inv.Flake)
	inv.Flake.Nixpkgs = "path:" + standInRelease(t, releases[0])
	for _, h := range inv.Hosts {
		files, err := adoptedFiles(h)
		if err != nil {
			t.Fatal(err)
		}
		layOut(t, filepath.Dir(inv.Path), files)
	}
	ref := renderLocked(t, inv)
	var got map[string]string
	readJSON(t, nix(t, "eval", "--json", "--no-write-lock-file", ref,
		"--apply", `builtins.mapAttrs (_: c: c.config.system.build.toplevel.drvPath)`), &got)
	want := []string{"wsl", "hetzner", "m1", "container"}
	for _, h := range inv.Hosts {
		want = append(want, h.Name)
	}
	for _, name := range want {
		if !strings.HasSuffix(got[name], ".drv") {
			t.Errorf("%s: %q", name, got[name])
		}
	}
}

// adoptedFiles is what adopting h would have written.
func adoptedFiles(h inventory.Host) (map[string]string, error) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmM1IyJ2YvtRe0Q7KmoXcEfEN2lgCHXcC8ZTQSI0Uej op@example.org"
	facts := Facts{
		Hostname: h.Name, System: "x86_64-linux", StateVersion: "25.11", Firmware: "bios", BootLoader: "grub",
		BootDevices: []string{"/dev/sda"}, Kind: "machine",
		Mounts: map[string]FactsMount{"/": {Device: "/dev/disk/by-uuid/root", Type: "ext4"}},
		User:   FactsUser{Name: "deploy", UID: 1000, Keys: []string{key}},
	}
	files := map[string]string{HardwarePath(h.Name): disks}
	switch h.Target {
	case "container", "wsl":
		facts.Kind, facts.BootLoader, facts.BootDevices = h.Target, "none", nil
		delete(files, HardwarePath(h.Name))
	case "m1":
		facts.System, facts.Firmware, facts.BootLoader, facts.BootDevices = "aarch64-linux", "efi", "systemd-boot", nil
	}
	data, err := facts.Encode()
	files[FactsPath(h.Name)] = string(data)
	return files, err
}
