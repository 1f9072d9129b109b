package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInputsFollowTheReleaseOfNixpkgs(t *testing.T) {
	tests := []struct{ nixpkgs, release, homeManager, wsl, apple string }{
		{"github:NixOS/nixpkgs/nixos-26.05", "26.05", "release-26.05", "release-26.05", "main"},
		{"github:NixOS/nixpkgs/nixos-25.11-small", "25.11", "release-25.11", "release-25.11", "release-25.11"},
		{"github:NixOS/nixpkgs/release-25.11", "25.11", "release-25.11", "release-25.11", "release-25.11"},
		{"git+https://example.org/nixpkgs?ref=nixos-25.11&shallow=1", "25.11", "release-25.11", "release-25.11", "release-25.11"},
		{"https://channels.nixos.org/nixos-26.05/nixexprs.tar.xz", "26.05", "release-26.05", "release-26.05", "main"},
		{"github:NixOS/nixpkgs/nixos-unstable", "", "master", "main", "main"},
		{"github:NixOS/nixpkgs/0123456789012345678901234567890123456789", "", "master", "main", "main"},
		{"github:NixOS/nixpkgs", "", "master", "main", "main"},
		{"path:/srv/nixpkgs", "", "master", "main", "main"},
	}
	for _, tt := range tests {
		s := FlakeSource{Source: SourceRendered, Nixpkgs: tt.nixpkgs}
		got := []string{s.Release(), s.Reference("nixpkgs"), s.Reference("home-manager"), s.Reference("nixos-wsl"), s.Reference("nixos-apple-silicon")}
		want := []string{
			tt.release, tt.nixpkgs, "github:nix-community/home-manager/" + tt.homeManager,
			"github:nix-community/NixOS-WSL/" + tt.wsl, "github:nix-community/nixos-apple-silicon/" + tt.apple,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tt.nixpkgs, diff)
		}
	}
}

func TestFlakeInputsAndSecrets(t *testing.T) {
	inv := mustParse(t, small+`[flake]
secrets = "agenix"
[flake.inputs]
home-manager = "path:/srv/home-manager"
agenix = "github:me/agenix/0123"
`)
	s := inv.Flake
	if diff := cmp.Diff([]string{"nixpkgs", "nixos-wsl", "nixos-apple-silicon", "home-manager", "agenix"}, s.InputNames()); diff != "" {
		t.Error(diff)
	}
	if s.Secrets != SecretsAgenix || s.Reference("home-manager") != "path:/srv/home-manager" || s.Reference("agenix") != "github:me/agenix/0123" {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff([]string{"home-manager"}, s.StandIns()); diff != "" {
		t.Error(diff)
	}
	if s := mustParse(t, small+"[flake]\nsecrets = \"none\"\n").Flake; s.Secrets != "" || len(s.InputNames()) != 4 || len(s.StandIns()) != 0 {
		t.Errorf("%+v", s)
	}
	if s := mustParse(t, small+"[flake]\nsecrets = \"sops-nix\"\n").Flake; s.Reference(s.Secrets) != "github:Mic92/sops-nix" {
		t.Errorf("%+v", s)
	}
}

func TestMistakesInFlakeInputs(t *testing.T) {
	tests := []struct{ text, what, hint string }{
		{"[flake]\nsecrets = \"sops\"", `"sops" is not one of none, sops-nix, agenix`, ""},
		{"[flake.inputs]\nsops-nix = \"github:Mic92/sops-nix\"", "the flake has no input sops-nix", `secrets = "sops-nix"`},
		{"[flake.inputs]\nnixos-wls = \"github:a/b\"", `unknown key "nixos-wls"`, `did you mean "nixos-wsl"?`},
		{"[flake]\nhome-manager = \"github:a/b\"", `unknown key "home-manager"`, "it belongs in [flake.inputs]"},
		{"[flake.inputs]\nnixpkgs = \"github:a/b\"", `unknown key "nixpkgs"`, "it belongs in [flake]"},
		{"[flake.inputs]\nhome-manager = \"master\"", "is not a flake reference", "home-manager/release-26.05"},
		{"[flake.inputs]\nhome-manager = \"github:a/${b}\"", "is not a flake reference", ""},
		{"[flake.inputs]\nhome-manager = \"path:../hm\"", "is relative", "write the whole path"},
		{"[flake]\nnixpkgs = \"path:./nixpkgs\"", "is relative", "write the whole path"},
		{"[flake]\npackages = [\"/a.nix\"]", `"/a.nix" is not a relative path`, "beside hosts.toml"},
		{"[flake]\noverlays = [\"../a.nix\"]", "lies outside of the folder of hosts.toml", ""},
		{"[flake]\noverlays = \"a.nix\"", "want a list of files", `overlays = ["a.nix"]`},
		{"[flake]\noverlays = [\"a.nix\", \"./a.nix\"]", "listed twice", ""},
		{"[flake]\npackages = [\"p/my tool.nix\"]", `"my tool" is no name for a package (p/my tool.nix)`, "my-tool"},
		{"[flake]\npackages = [\"fleet.nix\"]", `"fleet" is no name`, "rename"},
		{"[flake]\npackages = [\"a/x.nix\", \"b/x\"]", `a/x.nix and b/x are both called "x"`, "rename one"},
		{"[flake]\nsource = \"./nix\"\noverlays = [\"a.nix\"]", "overlays is for the rendered flake only", "remove it"},
		{"[flake]\nsource = \"./nix\"\npackages = [\"a.nix\"]", "packages is for the rendered flake only", "remove it"},
		{"[hosts.x]\naddress = \"192.0.2.77\"\ntarget = \"wsl\"\nstage = \"dev\"\noverlays = [\"a.nix\"]", `unknown key "overlays"`, "it belongs in [flake]"},
		{"[flake]\nsource = \"./nix\"\nsecrets = \"agenix\"", "secrets is for the rendered flake only", "remove it"},
		{"[flake]\nsource = \"./nix\"\n[flake.inputs]\nhome-manager = \"github:a/b\"", "inputs is for the rendered flake only", "remove it"},
	}
	for _, tt := range tests {
		p := problemsOf(t, small+tt.text+"\n")
		if len(p) != 1 || !strings.Contains(p[0].What, tt.what) || !strings.Contains(p[0].Hint, tt.hint) {
			t.Errorf("%s\ngot %+v, want %q, hint %q", tt.text, p, tt.what, tt.hint)
		}
	}
}

func TestOverlaysAndPackagesOfTheFlake(t *testing.T) {
	inv := mustParse(t, small+`[flake]
overlays = ["./overlays/a.nix", "overlays/b"]
packages = [
  "./packages/my-tool.nix",
  "packages/other/",
]
`)
	lines := strings.Count(small, "\n")
	want := []NixFile{{"overlays/a.nix", lines + 2}, {"overlays/b", lines + 2}}
	if diff := cmp.Diff(want, inv.Flake.Overlays); diff != "" {
		t.Error(diff)
	}
	want = []NixFile{{"packages/my-tool.nix", lines + 4}, {"packages/other", lines + 5}}
	if diff := cmp.Diff(want, inv.Flake.Packages); diff != "" {
		t.Error(diff)
	}
	if got := inv.Flake.Packages[0].Name() + " " + inv.Flake.Packages[1].Name(); got != "my-tool other" {
		t.Errorf("names %s", got)
	}
}
