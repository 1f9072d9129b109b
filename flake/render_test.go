package flake

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// goldenHash changes when the tree does: look at what changes on every host,
// then write the new one here.
const goldenHash = "sha256-Wilew799XCSFf9Q7xkhm298JKhBdCDKIpamVB8u3NGY="

func TestRenderIsTheSameEverywhere(t *testing.T) {
	render := func() *Flake {
		f, err := Render(fleet(t, t.TempDir(), box("box-1"), box("box-2")))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := render(), render()
	if a.Hash != b.Hash {
		t.Errorf("two folders, two hashes: %s and %s", a.Hash, b.Hash)
	}
	if a.Hash != goldenHash {
		t.Errorf("the rendered flake is %s, it was %s", a.Hash, goldenHash)
	}
	if a.Source != "rendered" || len(a.Warnings) > 0 {
		t.Errorf("source %q, warnings %v", a.Source, a.Warnings)
	}
	for _, name := range []string{"flake.nix", "flake.lock", "inventory.json", "configurations/base.nix", "configurations/container.nix", "shared/package-lists.nix"} {
		if file(a.Files, name) == nil {
			t.Errorf("there is no %s", name)
		}
	}
}

// Where a host is reached, and when, is no part of what it runs.
func TestRenderLeavesOutWhatNixDoesNotNeed(t *testing.T) {
	moved := box("box-1")
	moved.Address, moved.Port, moved.Stage, moved.Tags, moved.HostKey = "web.example.org", 2222, "prod", []string{"eu"}, "ssh-ed25519 AAAA"
	a, err := Render(fleet(t, t.TempDir(), box("box-1")))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Render(fleet(t, t.TempDir(), moved))
	if err != nil {
		t.Fatal(err)
	}
	if a.Hash != b.Hash {
		t.Error("a new address gives a new flake")
	}
}

const hostile = "quote \" dollar ${builtins.abort \"x\"} two '' ''${y} backslash \\ newline \n tab \t <&> \u2028 ü \x01"

// Nothing of the inventory stands in Nix text: every .nix file but flake.nix
// is the embedded one, and values come back out of the JSON as they went in.
func TestHostileValuesStayData(t *testing.T) {
	h := box("box-1")
	h.User = hostile
	h.Target = hostile
	h.Override.Force = map[string]any{
		`services.nginx.virtualHosts."a.b\${x}\"\\".root`: hostile,
		"networking.x": map[string]any{hostile: []any{hostile, int64(1), 2.0, true}},
	}
	f, err := Render(fleet(t, t.TempDir(), h))
	if err != nil {
		t.Fatal(err)
	}
	for _, nix := range f.Files {
		if !strings.HasSuffix(nix.Path, ".nix") || nix.Path == "flake.nix" {
			continue
		}
		if want, err := tree.ReadFile("tree/" + nix.Path); err != nil || string(want) != string(nix.Data) {
			t.Errorf("%s is not the embedded file", nix.Path)
		}
	}
	var doc document
	if err := json.Unmarshal(file(f.Files, "inventory.json").Data, &doc); err != nil {
		t.Fatal(err)
	}
	got := doc.Hosts["box-1"]
	if got.User != hostile || got.Target != hostile || got.Configuration != "base" {
		t.Errorf("user %q, target %q, configuration %q", got.User, got.Target, got.Configuration)
	}
	want := []override{
		{Path: []string{"users", "users", "deploy", "openssh", "authorizedKeys", "keys"}, Priority: "plain", Value: []any{"ssh-ed25519 AAAA op@example.org"}, File: "hosts.toml, override of box-1"},
		{Path: []string{"networking", "x"}, Priority: "force", Value: map[string]any{hostile: []any{hostile, 1.0, 2.0, true}}, File: "hosts.toml, override.force of box-1"},
		{Path: []string{"services", "nginx", "virtualHosts", `a.b${x}"\`, "root"}, Priority: "force", Value: hostile, File: "hosts.toml, override.force of box-1"},
	}
	if diff := cmp.Diff(want, got.Overrides); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(file(f.Files, "inventory.json").Data), "2.0,") {
		t.Error("a float became an integer")
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := []struct {
		name string
		edit func(inv *inventory.Inventory, h *inventory.Host)
		want string
	}{
		{"target hetzner", func(_ *inventory.Inventory, h *inventory.Host) { h.Target = "hetzner" }, "run: nixdeploy adopt box-1"},
		{"target m1", func(_ *inventory.Inventory, h *inventory.Host) { h.Target = "m1" }, "without hosts/box-1/facts.json, hosts/box-1/hardware.nix"},
		{"an attribute that is not rendered", func(_ *inventory.Inventory, h *inventory.Host) { h.Attribute = "web" }, `no configuration "web"`},
		{"a bare target", func(_ *inventory.Inventory, h *inventory.Host) { h.Attribute = "hetzner" }, `attribute = "hetzner" is a target and no machine`},
		{"its own bare target", func(_ *inventory.Inventory, h *inventory.Host) { h.Target, h.Attribute = "server", "server" }, `attribute = "server" is a target`},
		{"nixpkgs that ends a string", func(i *inventory.Inventory, _ *inventory.Host) { i.Flake.Nixpkgs = `github:a/b"; x = "` }, "not a flake reference"},
		{"nixpkgs with an interpolation", func(i *inventory.Inventory, _ *inventory.Host) { i.Flake.Nixpkgs = "github:a/${b}" }, "not a flake reference"},
		{"nixpkgs on two lines", func(i *inventory.Inventory, _ *inventory.Host) { i.Flake.Nixpkgs = "github:a/b\n" }, "not a flake reference"},
		{"an input that ends a string", func(i *inventory.Inventory, _ *inventory.Host) {
			i.Flake.Inputs = map[string]string{"home-manager": `github:a/b"; x = "`}
		}, "[flake.inputs] home-manager"},
		{"an input with a password", func(i *inventory.Inventory, _ *inventory.Host) {
			i.Flake.Inputs = map[string]string{"nixos-wsl": "git+https://me:secret@example.org/wsl"}
		}, "[flake.inputs] nixos-wsl holds a password"},
		{"no nixpkgs", func(i *inventory.Inventory, _ *inventory.Host) { i.Flake.Nixpkgs = "" }, "not a flake reference"},
		{"nixpkgs with a password", func(i *inventory.Inventory, _ *inventory.Host) {
			i.Flake.Nixpkgs = "git+https://me:secret@example.org/nixpkgs"
		}, "holds a password"},
		{"a key that is no attribute path", force("services.10-x", true), `an option's path is like`},
		{"a date", force("a.b", time.Unix(0, 0)), "has no value for"},
		{"a number that is none", force("a.b", []any{math.NaN()}), "not a number"},
		{"a NUL", force("a.b", map[string]any{"x": "a\x00b"}), "NUL"},
		{"a NUL in a name", force("a.b", map[string]any{"a\x00b": "x"}), "NUL"},
		{"a password", force("users.users.a.initialPassword", "x"), "hashedPasswordFile"},
		{"a password in a table", force("users.users", map[string]any{"a": map[string]any{"password": "x"}}), "hashedPasswordFile"},
		{"one option twice", func(_ *inventory.Inventory, h *inventory.Host) {
			h.Override.Force = map[string]any{`a."b"`: 1, "a.b": 2}
		}, "is the same option"},
		{"a module that is not there", module("nope.nix"), "does not exist"},
		{"a module elsewhere", module("../x.nix"), "does not lie beside hosts.toml"},
		{"an absolute module", module("/etc/x.nix"), "does not lie beside hosts.toml"},
		{"a folder without default.nix", module("empty"), "no default.nix"},
		{"a module that is a link to elsewhere", module("link.nix"), "points out of the flake"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			layOut(t, dir, map[string]string{"empty/x.nix": "", "link.nix": "->/etc/passwd"})
			inv := fleet(t, dir, box("box-1"))
			tt.edit(inv, &inv.Hosts[0])
			_, err := Render(inv)
			wantRefusal(t, err, tt.want)
		})
	}
}

func force(key string, value any) func(*inventory.Inventory, *inventory.Host) {
	return func(_ *inventory.Inventory, h *inventory.Host) { h.Override.Force = map[string]any{key: value} }
}

func module(name string) func(*inventory.Inventory, *inventory.Host) {
	return func(_ *inventory.Inventory, h *inventory.Host) { h.Modules = []string{name} }
}

func TestRenderWantsALock(t *testing.T) {
	source := inventory.FlakeSource{Nixpkgs: "github:NixOS/nixpkgs/nixos-26.05"}
	whole, all := lockOf(source), []string{"home-manager", "nixos-apple-silicon", "nixos-wsl", "nixpkgs"}
	tests := []struct {
		name, lock, want string
		missing          []string
	}{
		{"none", "", "no lock", all},
		{"not locked", strings.ReplaceAll(whole, "narHash", "x"), "narHash", all},
		{"made for another nixpkgs", strings.Replace(whole, "nixos-26.05", "nixos-25.11", 1), "made for github:NixOS/nixpkgs/nixos-25.11, and hosts.toml asks for github:NixOS/nixpkgs/nixos-26.05", []string{"nixpkgs"}},
		{
			"made for another release", lockOf(inventory.FlakeSource{Nixpkgs: "github:NixOS/nixpkgs/nixos-25.11"}),
			"for github:nix-community/home-manager/release-25.11, and hosts.toml asks for github:nix-community/home-manager/release-26.05",
			[]string{"nixpkgs", "nixos-wsl", "nixos-apple-silicon", "home-manager"},
		},
		{"made before there were others", lockText, "does not lock every input", []string{"home-manager", "nixos-apple-silicon", "nixos-wsl"}},
		{"an empty lock", `{ "nodes": { "root": { } }, "root": "root", "version": 7 }`, "does not lock every input", all},
		{"an input too many", lockOf(inventory.FlakeSource{Nixpkgs: source.Nixpkgs, Secrets: "agenix"}), "does not ask for", []string{"agenix"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			inv := fleet(t, dir, box("box-1"))
			lock := filepath.Join(dir, "flake.lock")
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
			if tt.lock != "" {
				layOut(t, dir, map[string]string{"flake.lock": tt.lock})
			}
			_, err := FromInventory(inv)
			var l *LockError
			if !errors.As(err, &l) {
				t.Fatalf("got %v, want a *LockError", err)
			}
			if l.File != lock || l.File != LockPath(inv) || !cmp.Equal(l.Missing, tt.missing) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v: %v", l, err)
			}
			if _, err := Unlocked(inv); err != nil {
				t.Errorf("Unlocked: %v", err)
			}
		})
	}
}

func TestRenderTakesModulesAlong(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"nix/web.nix": "{ imports = [ ./shared ]; }", "nix/shared/default.nix": "{ }", "nix/shared/page.html": "x",
		"nix/not-named.nix": "", "nix/shared/.git/config": "",
	})
	a, b := box("a"), box("b")
	a.Modules = []string{"./nix/web.nix", "nix/shared"}
	b.Modules = []string{"nix/shared"}
	f, err := Render(fleet(t, dir, a, b))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range paths(f.Files) {
		if strings.HasPrefix(p, "modules/custom") && p != "modules/custom/README.md" {
			got = append(got, p)
		}
	}
	want := []string{"modules/custom/nix/shared/default.nix", "modules/custom/nix/shared/page.html", "modules/custom/nix/web.nix"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	doc, err := newDocument(fleet(t, dir, a, b))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"modules/custom/nix/web.nix", "modules/custom/nix/shared"}, doc.Hosts["a"].Modules); diff != "" {
		t.Error(diff)
	}
}

func TestTargetsKeepWhatTheirHostsShare(t *testing.T) {
	a, b, c, d, e := box("a"), box("b"), box("c"), box("d"), box("e")
	b.PackageProfile = "full"
	c.Target, c.System = "server", "aarch64-linux"
	d.Target, e.Target, e.System = "mixed", "mixed", "aarch64-linux"
	doc, err := newDocument(fleet(t, t.TempDir(), a, b, c, d, e))
	if err != nil {
		t.Fatal(err)
	}
	bare := func(name string) machine {
		return machine{Configuration: name, Target: name, Modules: []string{}, Overrides: []override{}}
	}
	want := map[string]machine{
		"hetzner": bare("hetzner"), "m1": bare("m1"), "wsl": bare("wsl"),
		"container": {Configuration: "container", Target: "container", System: "x86_64-linux", Modules: []string{}, Overrides: []override{}},
		"mixed":     {Configuration: "base", Target: "mixed", PackageProfile: "minimal", Modules: []string{}, Overrides: []override{}},
		"server":    {Configuration: "base", Target: "server", System: "aarch64-linux", PackageProfile: "minimal", Modules: []string{}, Overrides: []override{}},
	}
	if diff := cmp.Diff(want, doc.Targets); diff != "" {
		t.Error(diff)
	}
}

func TestFromInventoryOpensTheUsersOwn(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{"nix/flake.nix": `{ inputs.nixpkgs.url = "x"; }`})
	h := box("box-1")
	h.Modules = []string{"x.nix"}
	inv := &inventory.Inventory{Path: filepath.Join(dir, "hosts.toml"), Flake: inventory.FlakeSource{Source: "./nix"}, Hosts: []inventory.Host{h}}
	lock := filepath.Join(dir, "nix", "flake.lock")

	_, err := FromInventory(inv)
	var l *LockError
	if !errors.As(err, &l) || l.File != lock || LockPath(inv) != lock {
		t.Fatalf("got %v, want a *LockError for %s", err, lock)
	}
	layOut(t, dir, map[string]string{"nix/flake.lock": lockText})
	f, err := FromInventory(inv)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Files) != 2 || len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "override and modules has no effect") {
		t.Errorf("files %v, warnings %v", paths(f.Files), f.Warnings)
	}
	inv.Flake.Source = filepath.Join(dir, "nix")
	if same, err := FromInventory(inv); err != nil || same.Hash != f.Hash {
		t.Errorf("an absolute path: %v, %v", same, err)
	}
}

func TestRef(t *testing.T) {
	f := &Flake{Hash: "sha256-+/+BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="}
	want := "path:/var/lib/a%20b%3F%23/x?narHash=sha256-%2B%2F%2BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA%3D#web-1"
	if got := f.Ref("/var/lib/a b?#/x", "web-1"); got != want {
		t.Errorf("got %s", got)
	}
	if got := f.Digest(); got != "fbff810410410410410410410410410410410410410410410410410410410410" {
		t.Errorf("digest %s", got)
	}
}
