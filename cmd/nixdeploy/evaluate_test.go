package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// standInNix puts a nix on a PATH of its own: it answers --version with
// version, writes its arguments down and then does what body says.
func standInNix(t *testing.T, version, body string) (App, string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '" + version + "'; exit; fi\nprintf '%s\\n' \"$@\" > " + dir + "/args\n" + body + "\n"
	if err := os.WriteFile(filepath.Join(dir, "nix"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return App{Environ: []string{"PATH=" + dir}}, filepath.Join(dir, "args")
}

func TestNixHereMustBeNewEnough(t *testing.T) {
	for version, want := range map[string]string{
		"nix (Nix) 2.28.3":                    "2.28.3",
		"nix (Nix) 2.18.0":                    "2.18.0",
		"nix (Lix, like Nix) 2.93.0":          "2.93.0",
		"nix (Determinate Nix 3.5.2) 3.0.1":   "3.5.2",
		"nix (Nix) 2.36.0pre20260101_abcdef1": "2.36.0pre20260101",
		"nix (Nix) 2.8.0":                     "",
		"nix (Nix) 2.17.9":                    "",
		"a shell that prints no version":      "",
	} {
		app, _ := standInNix(t, version, "")
		got := ""
		if nix := nixHere(t.Context(), app); nix != nil {
			got = nix.version
		}
		if got != want {
			t.Errorf("%s is taken for %q, want %q", version, got, want)
		}
	}
	if nix := nixHere(t.Context(), App{Environ: []string{"PATH=" + t.TempDir()}}); nix != nil {
		t.Errorf("found %v on an empty PATH", nix)
	}
}

func openedFlake(t *testing.T) *flake.Flake {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flake.nix"), []byte("{ outputs = _: { }; }"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := flake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func evaluate(t *testing.T, app App) (string, error) {
	t.Helper()
	f := openedFlake(t)
	e, err := newEvaluator(nixHere(t.Context(), app), f)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	return e.toplevel(t.Context(), inventory.Host{Name: "web-1", Attribute: "web.one"})
}

func TestEvaluatingHereNamesTheLockedFlakeAndTheHost(t *testing.T) {
	app, args := standInNix(t, "nix (Nix) 2.28.3", `echo '[{"drvPath":"/nix/store/a.drv","outputs":{"out":"/nix/store/t-nixos-system-web"}}]'`)
	got, err := evaluate(t, app)
	if err != nil || got != "/nix/store/t-nixos-system-web" {
		t.Fatalf("%q, %v", got, err)
	}
	said, err := os.ReadFile(args)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"--dry-run", "--no-update-lock-file", "--no-write-lock-file", "?narHash=sha256-", `#nixosConfigurations."web.one".config.system.build.toplevel`} {
		if !strings.Contains(string(said), part) {
			t.Errorf("nix was not told %s:\n%s", part, said)
		}
	}
}

func TestWhatDoesNotEvaluateHereSaysWhy(t *testing.T) {
	app, _ := standInNix(t, "nix (Nix) 2.28.3", "echo 'error: The option does not exist' >&2; exit 1")
	_, err := evaluate(t, app)
	var p *deploy.Problem
	if !errors.As(err, &p) || p.Code != deploy.CodeEvaluation || !strings.Contains(strings.Join(p.Details, "\n"), "The option does not exist") {
		t.Errorf("%v", err)
	}
}
