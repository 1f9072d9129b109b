package flake

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// object is a JSON object of inventory.json.
type object = map[string]any

// releases are those that the tree promises to evaluate on.
var releases = []string{"25.11", "26.05"}

// treeInputs are the inputs of the tree's flake.nix; testdata has a stand-in
// for each.
var treeInputs = []string{"nixpkgs", "nixos-wsl", "nixos-apple-silicon", "home-manager", "sops-nix", "agenix"}

// layTree lays the embedded tree out with doc as its inventory.json, on
// stand-ins for the inputs, nixpkgs being of the given release. So what the
// tree does with an inventory is tested apart from how Go comes by one.
// files are added, as by layOut.
func layTree(t *testing.T, release string, doc object, files map[string]string) string {
	t.Helper()
	needNix(t, "nix")
	dir := t.TempDir()
	root, err := fs.Sub(tree, "tree")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, root); err != nil {
		t.Fatal(err)
	}
	if doc["targets"] == nil {
		doc["targets"] = object{}
	}
	if doc["hosts"] == nil {
		doc["hosts"] = object{}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "flake.nix"))
	if err != nil {
		t.Fatal(err)
	}
	declared := string(text)
	if secrets, _ := doc["secrets"].(string); secrets != "" {
		input := "  inputs." + secrets + `.url = "@` + secrets + `@"; inputs.` + secrets + `.inputs.nixpkgs.follows = "nixpkgs";`
		declared = strings.Replace(declared, "  # @secrets@", input, 1)
	}
	nixpkgs := standInRelease(t, release)
	for _, name := range treeInputs {
		place := nixpkgs
		if name != "nixpkgs" {
			place = abs(t, filepath.Join("testdata", name))
		}
		declared = strings.Replace(declared, "@"+name+"@", "path:"+place, 1)
	}
	all := map[string]string{"inventory.json": string(data), "flake.nix": declared}
	maps.Copy(all, files)
	layOut(t, dir, all)
	return dir
}

// standInRelease is the stand-in nixpkgs of one release.
func standInRelease(t *testing.T, release string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/nixpkgs")); err != nil {
		t.Fatal(err)
	}
	layOut(t, dir, map[string]string{"release": release + "\n"})
	return dir
}

// readTree evaluates apply, a function of an output of the flake in dir, and
// reads its result into v.
func readTree(t *testing.T, dir, output, apply string, v any) {
	t.Helper()
	out, err := tryTree(t, dir, output, apply)
	if err != nil {
		t.Fatal(err)
	}
	readJSON(t, out, v)
}

func tryTree(t *testing.T, dir, output, apply string) (string, error) {
	t.Helper()
	out, err := nixTry(t, "eval", "--json", "--no-write-lock-file", "path:"+dir+"#"+output, "--apply", apply)
	if err != nil {
		text := err.Error() // the command is long, and its warnings are many
		return "", errors.New(output + ": " + text[max(0, strings.LastIndex(text, "\nerror:")):])
	}
	return out, nil
}

// targetHost is a host of a built-in target, as an adopted one reaches Nix.
func targetHost(target string, more object) object {
	host := object{
		"configuration": target, "target": target, "hostName": target + "-1",
		"user": "deploy", "elevate": "sudo",
		"users": object{
			"alice": object{"keys": []string{"ssh-ed25519 AAAA alice@example.org"}, "admin": true, "description": "Alice"},
			"bob":   object{"keys": []string{"ssh-ed25519 BBBB bob@example.org"}},
		},
		"facts": targetFacts(target),
	}
	maps.Copy(host, more)
	return host
}

func targetFacts(target string) object {
	facts := object{
		"format": 2, "hostname": target + "-1", "system": "x86_64-linux", "state_version": "25.11",
		"kind": "machine",
		"user": object{"name": "deploy", "uid": 1000, "keys": []string{"ssh-ed25519 CCCC op@example.org"}},
	}
	switch target {
	case "hetzner":
		facts["firmware"], facts["boot_loader"], facts["boot_devices"] = "bios", "grub", []string{"/dev/sda"}
	case "m1":
		facts["system"] = "aarch64-linux"
		facts["firmware"], facts["boot_loader"] = "efi", "systemd-boot"
		facts["mounts"] = object{"/boot": object{"device": "/dev/disk/by-uuid/1234-ABCD", "type": "vfat"}}
	default:
		facts["kind"], facts["boot_loader"] = target, "none"
		// On WSL 1000 is who a terminal of Windows logs in as.
		facts["user"].(object)["uid"] = 1001
	}
	return facts
}

// disks is the hardware.nix of a host.
const disks = `{
  fileSystems."/" = { device = "/dev/disk/by-uuid/root"; fsType = "ext4"; };
  fileSystems."/boot" = { device = "/dev/disk/by-uuid/1234-ABCD"; fsType = "vfat"; };
}
`

// withDisks gives a host the module of disks, by its path in the flake.
func withDisks(files map[string]string, host object) object {
	path := "hosts/" + host["hostName"].(string) + "/hardware.nix"
	files[path] = disks
	modules, _ := host["modules"].([]string)
	host["modules"] = append(modules, path)
	return host
}

func readJSON(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
}
