package flake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// layOut lays out a folder: a path with a value that begins with "->" is a
// symbolic link, one that begins with "#!" is executable.
func layOut(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		var err error
		if target, link := strings.CutPrefix(text, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// gitRun runs git as nobody in particular, whatever the developer's settings.
func gitRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	return run(t, dir, "git", append([]string{
		"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always",
		"-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main", "-c", "core.hooksPath=",
	}, args...)...)
}

// needNix skips without Nix, which is an oracle here and never needed.
func needNix(t *testing.T, command string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		t.Skip(command + " is not installed: it is only the oracle of this test")
	}
}

// nix runs nix with a store and a home of its own.
func nix(t *testing.T, args ...string) string {
	t.Helper()
	out, err := nixTry(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func nixTry(t *testing.T, args ...string) (string, error) {
	t.Helper()
	needNix(t, "nix")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	home := nixHome(t)
	cmd := exec.CommandContext(ctx, "nix", append([]string{
		"--extra-experimental-features", "nix-command flakes",
		"--option", "substituters", "", "--store", filepath.Join(home, "store"),
	}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", errors.New("nix " + strings.Join(args, " ") + ": " + err.Error() + "\n" + stderr.String())
	}
	return string(out), nil
}

// nixHome is outside of t.TempDir, since Nix makes its store read-only.
func nixHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "nixdeploy-flake-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = filepath.WalkDir(home, func(path string, d os.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o755)
			}
			return nil
		})
		if err := os.RemoveAll(home); err != nil {
			t.Log(err)
		}
	})
	return home
}

func paths(files []File) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.Path)
	}
	return out
}

func wantRefusal(t *testing.T, err error, part string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error is %v, want a *Refusal that speaks of %q", err, part)
	}
	if !strings.Contains(r.Error(), part) {
		t.Errorf("refusal %q does not speak of %q", r.Error(), part)
	}
}

// fleet is an inventory in dir with the given hosts and a lock beside it.
func fleet(t *testing.T, dir string, hosts ...inventory.Host) *inventory.Inventory {
	t.Helper()
	source := inventory.FlakeSource{Source: inventory.SourceRendered, Nixpkgs: "github:NixOS/nixpkgs/nixos-26.05"}
	layOut(t, dir, map[string]string{"flake.lock": lockOf(source)})
	return &inventory.Inventory{Path: filepath.Join(dir, "hosts.toml"), Fleet: "home", Flake: source, Hosts: hosts}
}

// lockOf locks every input of a rendered flake, each named github:OWNER/REPO[/REF].
func lockOf(source inventory.FlakeSource) string {
	nodes, inputs := map[string]any{}, map[string]string{}
	for _, name := range source.InputNames() {
		parts := strings.SplitN(strings.TrimPrefix(source.Reference(name), "github:"), "/", 3)
		original := map[string]any{"type": "github", "owner": parts[0], "repo": parts[1]}
		if len(parts) == 3 {
			original["ref"] = parts[2]
		}
		nodes[name] = map[string]any{"original": original, "locked": map[string]any{
			"type": "github", "owner": parts[0], "repo": parts[1], "lastModified": 1780000000,
			"narHash": "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=", "rev": "0123456789012345678901234567890123456789",
		}}
		inputs[name] = name
	}
	nodes["root"] = map[string]any{"inputs": inputs}
	text, err := json.MarshalIndent(map[string]any{"nodes": nodes, "root": "root", "version": 7}, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return string(text) + "\n"
}

// standIns has the inputs beside nixpkgs as folders: those of testdata that are
// there, else flakes with nothing in them.
func standIns(t *testing.T, source *inventory.FlakeSource) {
	t.Helper()
	source.Nixpkgs = "path:" + abs(t, "testdata/nixpkgs")
	source.Inputs = map[string]string{}
	for _, name := range source.InputNames()[1:] {
		dir := abs(t, filepath.Join("testdata", name))
		if _, err := os.Stat(filepath.Join(dir, "flake.nix")); err != nil {
			dir = t.TempDir()
			layOut(t, dir, map[string]string{"flake.nix": "{ inputs.nixpkgs.url = \"nixpkgs\"; outputs = _: { }; }\n"})
		}
		source.Inputs[name] = "path:" + dir
	}
}

func box(name string) inventory.Host {
	return inventory.Host{
		Name: name, Target: "container", Stage: "container", Attribute: name, Address: "10.0.0.10",
		System: "x86_64-linux", User: "deploy", Elevate: "sudo", PackageProfile: "minimal",
		Override: inventory.Override{Plain: map[string]any{
			"users.users.deploy.openssh.authorizedKeys.keys": []any{"ssh-ed25519 AAAA op@example.org"},
		}},
	}
}

// lockText locks nixpkgs as Nix writes it.
const lockText = `{
  "nodes": {
    "nixpkgs": {
      "locked": {
        "lastModified": 1780000000,
        "narHash": "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=",
        "owner": "NixOS",
        "repo": "nixpkgs",
        "rev": "0123456789012345678901234567890123456789",
        "type": "github"
      },
      "original": {
        "owner": "NixOS",
        "ref": "nixos-26.05",
        "repo": "nixpkgs",
        "type": "github"
      }
    },
    "root": { "inputs": { "nixpkgs": "nixpkgs" } }
  },
  "root": "root",
  "version": 7
}
`
