package flake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestFlakeNixNamesTheInputsThatHostsTomlAsksFor(t *testing.T) {
	for _, tt := range []struct {
		secrets string
		want    []string
	}{
		{"", nil},
		{"sops-nix", []string{`inputs.sops-nix.url = "github:Mic92/sops-nix";`, `inputs.sops-nix.inputs.nixpkgs.follows = "nixpkgs";`}},
		{"agenix", []string{`inputs.agenix.url = "github:ryantm/agenix";`, `inputs.agenix.inputs.darwin.follows = "";`}},
	} {
		inv := fleet(t, t.TempDir(), box("box-1"))
		inv.Flake.Secrets = tt.secrets
		inv.Flake.Inputs = map[string]string{"home-manager": "github:me/home-manager"}
		f, err := Unlocked(inv)
		if err != nil {
			t.Fatal(err)
		}
		text := string(file(f.Files, flakeName).Data)
		for _, part := range append(tt.want, `inputs.home-manager.url = "github:me/home-manager";`, `inputs.nixos-wsl.url = "github:nix-community/NixOS-WSL/release-26.05";`) {
			if !strings.Contains(text, "\n  "+part+"\n") {
				t.Errorf("secrets %q: no line %s in\n%s", tt.secrets, part, text)
			}
		}
		if strings.Contains(text, "@") {
			t.Errorf("a placeholder is left in\n%s", text)
		}
		want := declared{names: map[string]bool{}}
		for _, name := range inv.Flake.InputNames() {
			want.names[name] = true
		}
		if diff := cmp.Diff(want.sorted(), declaredInputs([]byte(text)).sorted()); diff != "" {
			t.Errorf("what LockState looks for: %s", diff)
		}
	}
}

// Nix locks the inputs as they are declared, the one nixpkgs once.
func TestNixLocksTheChosenInputs(t *testing.T) {
	needNix(t, "nix")
	for _, secrets := range []string{"", "sops-nix", "agenix"} {
		inv := fleet(t, t.TempDir(), box("box-1"))
		inv.Flake.Secrets = secrets
		standIns(t, &inv.Flake)
		if err := os.Remove(LockPath(inv)); err != nil {
			t.Fatal(err)
		}
		f, err := Unlocked(inv)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "are stand-ins, folders of this machine") {
			t.Errorf("warnings: %v", f.Warnings)
		}
		dir := t.TempDir()
		if err := f.Write(dir); err != nil {
			t.Fatal(err)
		}
		nixLock(t, dir)
		data, err := os.ReadFile(filepath.Join(dir, lockName))
		if err != nil {
			t.Fatal(err)
		}
		layOut(t, filepath.Dir(inv.Path), map[string]string{lockName: string(data)})
		if _, err := Render(inv); err != nil {
			t.Errorf("secrets %q: %v\n%s", secrets, err, data)
		}
		if n := strings.Count(string(data), "testdata/nixpkgs"); n != 2 { // locked and original
			t.Errorf("nixpkgs is locked %d times:\n%s", n/2, data)
		}
		inv.Flake.Inputs["home-manager"] = "path:/elsewhere"
		if _, err := Render(inv); err == nil || !strings.Contains(err.Error(), "and hosts.toml asks for path:/elsewhere") {
			t.Errorf("another stand-in: %v", err)
		}
	}
}

func TestOneStandIn(t *testing.T) {
	s := inventory.FlakeSource{Nixpkgs: inventory.DefaultNixpkgs, Inputs: map[string]string{"nixos-wsl": "path:/x"}}
	if got := standInWarning(s); len(got) != 1 || !strings.Contains(got[0], "input nixos-wsl is a stand-in") {
		t.Errorf("got %v", got)
	}
}
