package flake

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestTreeParses(t *testing.T) {
	needNix(t, "nix-instantiate")
	f, err := Render(fleet(t, t.TempDir(), box("box-1")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := f.Write(dir); err != nil {
		t.Fatal(err)
	}
	args := []string{"--parse"}
	for _, p := range paths(f.Files) {
		if strings.HasSuffix(p, ".nix") {
			args = append(args, p)
		}
	}
	run(t, dir, "nix-instantiate", args...)
}

// Names that nixpkgs removed or renamed by 26.05, and unfree ones: one of them
// keeps every host of a fleet from evaluating.
func TestPackageListsHoldNoRemovedName(t *testing.T) {
	text, err := tree.ReadFile("tree/shared/package-lists.nix")
	if err != nil {
		t.Fatal(err)
	}
	gone := regexp.MustCompile(`(?m)^\s+(nodejs_20|nodePackages\S*|neofetch|wslu|nixfmt-rfc-style|exa|thefuck|mysql\S*|docker_2\d|xorg\.\S*|nettools|` +
		`freerdp3|wireshark-qt|_1password\S*|python|python3Full|terraform|vscode|google-chrome|claude-code|gemini-cli)$`)
	if found := gone.FindAllString(string(text), -1); len(found) > 0 {
		t.Errorf("the package lists name %q", found)
	}
}

// evaluated is what a test reads back from one configuration.
type evaluated struct {
	HostName, Domain, TimeZone, System, StateVersion string
	Container, Firewall, SSH, Password, OnDemand     bool
	Normal, NixLd                                    bool
	Keys, Groups, Sudo, Features, Tmpfiles, Custom   []string
	Packages                                         []string
	Value                                            any
	Top                                              string
}

const readBack = `cs: builtins.mapAttrs (_: c: let g = c.config; own = g.nixdeploy.user != "root"; user = g.users.users.${g.nixdeploy.user}; in {
  HostName = g.networking.hostName; Domain = g.networking.domain or ""; TimeZone = g.time.timeZone;
  System = g.nixpkgs.hostPlatform; StateVersion = g.system.stateVersion or "";
  Container = g.boot.isContainer; Firewall = g.networking.firewall.enable;
  SSH = g.services.openssh.enable; OnDemand = g.services.openssh.startWhenNeeded;
  Password = g.services.openssh.settings.PasswordAuthentication;
  Normal = own && user.isNormalUser; NixLd = g.programs.nix-ld.enable or false;
  Keys = if own then user.openssh.authorizedKeys.keys else [ ];
  Groups = if own then user.extraGroups else [ ];
  Sudo = builtins.concatMap (r: r.users) g.security.sudo.extraRules;
  Features = g.nix.settings.experimental-features; Tmpfiles = g.systemd.tmpfiles.rules;
  Custom = g.test.list or [ ]; Value = g.test.value or null;
  Packages = map (p: p.name) g.environment.systemPackages;
  Top = let t = builtins.tryEval g.system.build.toplevel.drvPath; in if t.success then "evaluates" else "refused";
}) cs`

// evaluate lets Nix evaluate every configuration of inv, rendered and locked,
// by the reference that hosts get.
func evaluate(t *testing.T, inv *inventory.Inventory) (map[string]evaluated, string) {
	t.Helper()
	standIns(t, &inv.Flake)
	if err := os.Remove(LockPath(inv)); err != nil {
		t.Fatal(err)
	}
	ref := renderLocked(t, inv)
	out := nix(t, "eval", "--json", "--no-update-lock-file", "--no-write-lock-file", ref, "--apply", readBack)
	var got map[string]evaluated
	readJSON(t, out, &got)
	return got, ref
}

// renderLocked locks the flake of inv as a user would, renders it, and returns
// the reference of its configurations.
func renderLocked(t *testing.T, inv *inventory.Inventory) string {
	t.Helper()
	needNix(t, "nix")
	unlocked, err := Unlocked(inv)
	if err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	if err := unlocked.Write(scratch); err != nil {
		t.Fatal(err)
	}
	nixLock(t, scratch)
	lock, err := os.ReadFile(filepath.Join(scratch, "flake.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(LockPath(inv), lock, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := FromInventory(inv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := f.Write(dir); err != nil {
		t.Fatal(err)
	}
	return f.Ref(dir, "nixosConfigurations")
}

func TestTreeEvaluates(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"nix/web.nix": `{ lib, ... }: {
			imports = [ ./more.nix ];
			options.test = lib.mkOption {
				description = "What this test sets.";
				type = lib.types.submodule {
					freeformType = lib.types.attrsOf lib.types.anything;
					options.list = lib.mkOption { type = lib.types.listOf lib.types.str; description = "Who was here."; };
				};
			};
			config.test.list = [ "module" ];
			config.time.timeZone = lib.mkDefault "Module/Default";
		}`,
		"nix/more.nix": `{ test.list = [ "imported" ]; test.by-force = "module"; }`,
	})
	// NixOS refuses a machine without a root file system or a boot loader.
	disk := map[string]any{
		`fileSystems."/"`:         map[string]any{"device": "/dev/disk/by-label/nixos", "fsType": "ext4"},
		"boot.loader.grub.device": "/dev/sda",
	}
	container := box("box-1")
	container.Override.Plain["system.stateVersion"] = "25.11"

	full := box("web-1.example.org")
	full.Target, full.System, full.PackageProfile = "server", "aarch64-linux", "full"
	full.Modules = []string{"nix/web.nix", "nix/more.nix"}
	full.Override.Plain["system.stateVersion"] = "25.11"
	maps.Copy(full.Override.Plain, disk)
	full.Override.Plain["test.value"] = map[string]any{hostile: hostile, "float": 2.0, "int": int64(9007199254740993)}
	full.Override.Plain["networking.firewall.enable"] = false
	full.Override.Force = map[string]any{
		"test.by-force": "host", "services.openssh.settings.PasswordAuthentication": true,
		`test.virtualHosts."a.b".root`: "/srv", `test.virtualHosts."a.b"."\${x}"`: "y",
	}

	bare := box("bare")
	bare.System, bare.PackageProfile, bare.User, bare.Target = "", "", "root", "server"
	bare.Override = inventory.Override{Default: map[string]any{"time.timeZone": "Host/Default", "networking.hostName": "renamed"}, Plain: maps.Clone(disk)}
	bare.Override.Plain["users.users.root.openssh.authorizedKeys.keys"] = []any{"ssh-ed25519 AAAA op@example.org"}

	locked := box("nobody")
	locked.Override = inventory.Override{}

	got, ref := evaluate(t, fleet(t, dir, container, full, bare, locked))

	if names := len(got); names != 9 {
		t.Errorf("%d configurations, want four hosts, one target and the four built in", names)
	}
	b := got["box-1"]
	wantBox := evaluated{
		HostName: "box-1", TimeZone: "UTC", System: "x86_64-linux", StateVersion: "25.11", Container: true, Firewall: true, SSH: true,
		Normal: true, NixLd: true, Keys: []string{"ssh-ed25519 AAAA op@example.org"}, Groups: []string{"wheel"}, Sudo: []string{"deploy"},
		Features: []string{"nix-command", "flakes"}, Tmpfiles: []string{"d /var/lib/nixdeploy 0700 root root -"},
		Custom: []string{}, Packages: b.Packages, Top: "evaluates",
	}
	if diff := cmp.Diff(wantBox, b); diff != "" {
		t.Error(diff)
	}
	if all := strings.Join(b.Packages, " "); !strings.Contains(all, "gitMinimal") || !strings.Contains(all, "wget") || strings.Contains(all, "htop") {
		t.Errorf("packages of profile minimal, and of the container: %s", all)
	}

	w := got["web-1.example.org"]
	if w.HostName != "web-1" || w.Domain != "example.org" || w.System != "aarch64-linux" || w.StateVersion != "25.11" || w.Container || w.Top != "evaluates" {
		t.Errorf("%+v", w)
	}
	if w.TimeZone != "Module/Default" || w.Firewall || !w.Password {
		t.Errorf("priorities: base must give way to mkDefault, plain and force: %+v", w)
	}
	if !cmp.Equal(w.Custom, []string{"module", "imported"}) {
		t.Errorf("modules: %v; one that is named, and imported by another, counts once", w.Custom)
	}
	wantValue := map[string]any{hostile: hostile, "float": 2.0, "int": 9007199254740993.0}
	if diff := cmp.Diff(wantValue, w.Value); diff != "" {
		t.Error(diff)
	}
	if all := strings.Join(w.Packages, " "); !strings.Contains(all, "gitMinimal") || !strings.Contains(all, "neovim") || !strings.Contains(all, "mariadb.client") {
		t.Errorf("packages of profile full: %s", all)
	}
	if h := got["bare"]; h.HostName != "renamed" || h.TimeZone != "Host/Default" || h.System != "x86_64-linux" || h.Top != "evaluates" {
		t.Errorf("a mkDefault of hosts.toml must win over base: %+v", h)
	}
	if h := got["nobody"]; h.Top != "refused" {
		t.Error("a host that nobody could log in to evaluates")
	}
	if h := got["container"]; h.Top != "evaluates" || !h.Container || h.HostName != "nixos" {
		t.Errorf("the bare target: %+v", h)
	}

	apply := `cs: let c = cs."web-1.example.org".config.test; in [ c.by-force c.virtualHosts."a.b".root c.virtualHosts."a.b"."\${x}" (builtins.isFloat c.value.float) (toString c.value.int) ]`
	out := nix(t, "eval", "--json", ref, "--apply", apply)
	if want := `["host","/srv","y",true,"9007199254740993"]`; strings.TrimSpace(out) != want {
		t.Errorf("got %s, want %s", out, want)
	}
}

// A wrong option is reported with its place in hosts.toml.
func TestTreeNamesHostsTomlInErrors(t *testing.T) {
	h := box("box-1")
	h.Override.Plain["system.stateVersion"] = "25.11"
	dir := t.TempDir()
	layOut(t, dir, map[string]string{"m.nix": `{ system.stateVersion = "26.05"; }`})
	h.Modules = []string{"m.nix"}
	inv := fleet(t, dir, h)
	standIns(t, &inv.Flake)
	f, err := Unlocked(inv)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := f.Write(out); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(out, "flake.lock")); err != nil {
		t.Fatal(err)
	}
	_, err = nixTry(t, "eval", "path:"+out+"#nixosConfigurations.box-1.config.system.stateVersion", "--no-write-lock-file")
	if err == nil || !strings.Contains(err.Error(), "- In `hosts.toml, override of box-1'") {
		t.Errorf("got %v", err)
	}
}

// How the user becomes root on the next deployment. And should a host be called
// like its target, which hosts.toml is refused for, it is not mistaken for it.
func TestTreeElevates(t *testing.T) {
	sudo, doas, none := box("sudo"), box("doas"), box("none")
	doas.Elevate, none.Elevate = "doas", "none"
	got, ref := evaluate(t, fleet(t, t.TempDir(), sudo, doas, none, box("container")))
	if name := got["container"].HostName; name != "container" {
		t.Errorf("host container has the host name %q: it is the bare target", name)
	}
	out := nix(t, "eval", "--json", ref, "--apply",
		`cs: map (n: with cs.${n}.config.security; map builtins.length [ sudo.extraRules sudo-rs.extraRules doas.extraRules ]) [ "sudo" "doas" "none" ]`)
	if want := "[[1,1,0],[0,0,1],[0,0,0]]"; strings.TrimSpace(out) != want {
		t.Errorf("rules of sudo, sudo-rs, doas: got %s, want %s", out, want)
	}
}

// An admin without a password cannot type one, whichever sudo the machine has.
func TestAdminsBecomeRoot(t *testing.T) {
	hashed := object{"path": []string{"users", "users", "alice", "hashedPasswordFile"}, "priority": "plain", "value": "/run/secrets/alice", "file": "hosts.toml"}
	hosts := object{
		"keys": targetHost("container", object{"user": "root"}), "password": targetHost("container", object{"user": "root", "overrides": []object{hashed}}),
	}
	dir := layTree(t, "26.05", object{"hosts": hosts}, nil)
	var got map[string][][]string
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: c: map (s: builtins.concatMap (r: r.users) s.extraRules) (with c.config.security; [ sudo sudo-rs ]))`, &got)
	want := map[string][][]string{"keys": {{"alice"}, {"alice"}}, "password": {{}, {}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	out, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
