package flake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestWithoutLocks(t *testing.T) {
	inv := fleet(t, t.TempDir(), box("box-1"))
	f, err := Unlocked(inv)
	if err != nil {
		t.Fatal(err)
	}
	locks := func(names ...string) map[string]LockedInput {
		t.Helper()
		g, err := f.WithoutLocks(names...)
		if err != nil {
			t.Fatal(err)
		}
		if lock := file(g.Files, lockName); lock != nil {
			return LockedInputs(lock.Data)
		}
		return nil
	}
	if left := locks(); left != nil {
		t.Errorf("without all locks there are %v", left)
	}
	left := locks("home-manager", "nixos-wsl")
	if _, ok := left["home-manager"]; ok || len(left) != 2 || left["nixpkgs"].Revision == "" {
		t.Errorf("without two locks there are %v", left)
	}
	if again := LockedInputs(file(f.Files, lockName).Data); len(again) != 4 {
		t.Errorf("f itself changed: %v", again)
	}
	_, err = f.WithoutLocks("nixpkgs", "disko")
	wantRefusal(t, err, `no input "disko": its inputs: home-manager, nixos-apple-silicon, nixos-wsl, nixpkgs`)

	broken, err := newFlake("x", []File{{Path: "flake.nix", Data: []byte(`{ inputs.a.url = "x"; }`)}, {Path: "flake.lock", Data: []byte("<<<<")}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = broken.WithoutLocks("a")
	wantRefusal(t, err, "nixdeploy lock --update")
	if _, err := broken.WithoutLocks(); err != nil {
		t.Errorf("a broken lock can be made anew: %v", err)
	}
}

func TestLockChanges(t *testing.T) {
	at := func(rev string) *LockedInput {
		return &LockedInput{
			Reference: "github:NixOS/nixpkgs/nixos-26.05", Revision: rev, Date: time.Unix(1780000000, 0).UTC(),
			Hash: "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=",
		}
	}
	const rev = "0123456789012345678901234567890123456789"
	newer := strings.Replace(lockText, rev, "89ab", 1)
	for name, tt := range map[string]struct {
		before, after string
		want          []LockChange
	}{
		"the same":   {lockText, lockText, nil},
		"moved":      {lockText, newer, []LockChange{{Input: "nixpkgs", From: at(rev), To: at("89ab")}}},
		"the first":  {"", lockText, []LockChange{{Input: "nixpkgs", To: at(rev)}}},
		"was broken": {"<<<", lockText, []LockChange{{Input: "nixpkgs", To: at(rev)}}},
		"gone":       {lockText, lockJSON(`"root": { }`), []LockChange{{Input: "nixpkgs", From: at(rev)}}},
	} {
		if diff := cmp.Diff(tt.want, LockChanges([]byte(tt.before), []byte(tt.after))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Real Nix locks anew what was forgotten, and nothing else.
func TestNixUpdatesWhatIsForgotten(t *testing.T) {
	needNix(t, "nix")
	inv := fleet(t, t.TempDir(), box("box-1"))
	standIns(t, &inv.Flake)
	source := map[string]string{}
	for _, name := range []string{"nixpkgs", "home-manager", "nixos-wsl"} {
		source[name] = t.TempDir()
		layOut(t, source[name], map[string]string{"flake.nix": "{ outputs = _: { }; }"})
	}
	inv.Flake.Nixpkgs, inv.Flake.Inputs["home-manager"], inv.Flake.Inputs["nixos-wsl"] = "path:"+source["nixpkgs"], "path:"+source["home-manager"], "path:"+source["nixos-wsl"]
	lock := func(names []string) []byte {
		t.Helper()
		f, err := Unlocked(inv)
		if err == nil && names != nil {
			f, err = f.WithoutLocks(names...)
		}
		if err != nil {
			t.Fatal(err)
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
		return data
	}
	moved := func(before, after []byte) (names []string) {
		for _, c := range LockChanges(before, after) {
			if c.From == nil || c.To == nil || !c.To.StandIn || c.From.Hash == c.To.Hash {
				t.Errorf("%+v", c)
			}
			names = append(names, c.Input)
		}
		return names
	}
	if err := os.Remove(LockPath(inv)); err != nil {
		t.Fatal(err)
	}
	first := lock(nil)
	for name := range source {
		layOut(t, source[name], map[string]string{"more": "x"})
	}
	second := lock(nil)
	if got := moved(first, second); got != nil {
		t.Errorf("without an update %v moved", got)
	}
	third := lock([]string{"nixpkgs"})
	if got := moved(second, third); !cmp.Equal(got, []string{"nixpkgs"}) {
		t.Errorf("updating nixpkgs moved %v", got)
	}
	if got := moved(third, lock([]string{})); !cmp.Equal(got, []string{"home-manager", "nixos-wsl"}) {
		t.Errorf("updating all moved %v", got)
	}
	if _, err := Render(inv); err != nil {
		t.Error(err)
	}

	// Another secrets tool: what nobody asks for any more goes.
	inv.Flake.Secrets = inventory.SecretsSops
	inv.Flake.Inputs["sops-nix"] = inv.Flake.Inputs["home-manager"]
	lock(nil)
	inv.Flake.Secrets = ""
	if _, err := Render(inv); err == nil || !strings.Contains(err.Error(), "does not ask for: sops-nix") {
		t.Errorf("an input too many: %v", err)
	}
	lock(nil)
	if _, err := Render(inv); err != nil {
		t.Error(err)
	}
}
