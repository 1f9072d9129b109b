package flake

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestOpenWithoutGit(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"flake.nix": "{ }", "results.nix": "", "result-tests.nix": "", "hosts/web.nix": "", "x/result": "",
		".git-blame-ignore": "", "run": "#!/bin/sh", "link": "->hosts/web.nix", "hosts/up": "->../flake.nix",
		// not part of it:
		"result": "->/nix/store/x", "result-dev": "->/nix/store/x", "sub/result": "->/nix/store/x",
		".direnv/profile": "", "vendor/.git/config": "",
	})
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		".git-blame-ignore", "flake.nix", "hosts/up", "hosts/web.nix", "link", "result-tests.nix", "results.nix", "run", "x/result",
	}
	if diff := cmp.Diff(want, paths(f.Files)); diff != "" {
		t.Error(diff)
	}
	if !file(f.Files, "run").Executable || file(f.Files, "flake.nix").Executable || file(f.Files, "link").Link != "hosts/web.nix" {
		t.Errorf("modes or links are wrong: %+v", f.Files)
	}
	if f.Source != dir || len(f.Dirty) > 0 || len(f.Warnings) > 0 {
		t.Errorf("source %s, dirty %v, warnings %v", f.Source, f.Dirty, f.Warnings)
	}
}

func TestOpenRefusesFolders(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no flake.nix", map[string]string{"README": ""}, "no flake.nix"},
		{"absolute link", map[string]string{"flake.nix": "", "motd": "->/etc/motd"}, "points out of the flake"},
		{"escaping link", map[string]string{"flake.nix": "", "a/b": "->../../x"}, "points out of the flake"},
		{"link that escapes by another", map[string]string{"flake.nix": "", "a/b/d": "->../..", "a/b/l": "->d/../x"}, "points out of the flake"},
		{"links in a circle", map[string]string{"flake.nix": "", "a": "->b", "b": "->a"}, "circle"},
		{"control byte in a name", map[string]string{"flake.nix": "", "a\nb": ""}, "control character"},
		{"a name that is not UTF-8", map[string]string{"flake.nix": "", "a\xff": ""}, "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			layOut(t, dir, tt.files)
			_, err := Open(dir)
			wantRefusal(t, err, tt.want)
			if !strings.Contains(err.Error(), dir) {
				t.Errorf("%q does not name the folder", err)
			}
		})
	}
}

func TestOpenRefusesWhatIsNoFolder(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{"flake.nix": ""})
	_, err := Open(filepath.Join(dir, "flake.nix"))
	wantRefusal(t, err, "not a folder")
	_, err = Open(filepath.Join(dir, "nowhere"))
	wantRefusal(t, err, "does not exist")
}

func TestOpenRefusesASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "nd") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	layOut(t, dir, map[string]string{"flake.nix": ""})
	l, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	defer func() { _ = l.Close() }()
	_, err = Open(dir)
	wantRefusal(t, err, "agent is a socket")
}

// A sparse file costs no disk.
func TestOpenRefusesTooMuch(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{"flake.nix": "", "image.iso": ""})
	if err := os.Truncate(filepath.Join(dir, "image.iso"), maxTotalBytes+1); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	wantRefusal(t, err, "more than 256 MiB")
}

func TestOpenWarns(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"flake.nix": "", "README": "", "readme": "",
		"tls/site.key":      "x",
		".env":              "PASSWORD=x",
		"keys/id_ed25519":   "x",
		"keys/operator":     "-----BEGIN OPENSSH PRIVATE KEY-----\n",
		"age.txt":           "# created\nAGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQ\n",
		".gitattributes":    "secrets/* filter=git-crypt diff=git-crypt\n",
		"secrets/good.key":  "age-encryption.org/v1\n",
		"secrets/sops.env":  "A=ENC[AES256_GCM,data:x]\n",
		"keys/operator.pub": "ssh-ed25519 AAAA",
		"sub/.env":          "A=ENC[AES256_GCM,data:x]\n",
	})
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(f.Warnings, "\n")
	for _, name := range []string{"README and readme", "tls/site.key", ".env looks", "keys/id_ed25519", "keys/operator looks", "age.txt", "git-crypt"} {
		if !strings.Contains(all, name) {
			t.Errorf("no warning speaks of %s", name)
		}
	}
	if len(f.Warnings) != 7 {
		t.Errorf("%d warnings:\n%s", len(f.Warnings), all)
	}
}

func TestOpenReadsWhatGitTracks(t *testing.T) {
	repo := t.TempDir()
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{
		"flake.nix": "1", "flake.lock": "1", "gone.nix": "1", "staged-away.nix": "1", "same.nix": "1", "dir/moved": "1",
		"result": "tracked", ".gitignore": "ignored\n", "ignored": "x",
	})
	gitRun(t, repo, "add", ".")
	gitRun(t, repo, "commit", "-q", "-m", "one")
	clean, err := Open(repo)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".gitignore", "dir/moved", "flake.lock", "flake.nix", "gone.nix", "result", "same.nix", "staged-away.nix"}
	if diff := cmp.Diff(want, paths(clean.Files)); diff != "" {
		t.Error(diff)
	}
	if len(clean.Dirty) > 0 {
		t.Errorf("a clean tree is dirty: %v", clean.Dirty)
	}

	layOut(t, repo, map[string]string{"flake.nix": "2", "untracked.nix": "x", "added.nix": "x", "elsewhere/moved": "through a link"})
	for _, name := range []string{"gone.nix", "dir/moved", "dir"} {
		if err := os.Remove(filepath.Join(repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	layOut(t, repo, map[string]string{"dir": "->elsewhere"}) // git: dir/moved is deleted
	gitRun(t, repo, "add", "added.nix")
	gitRun(t, repo, "rm", "-q", "staged-away.nix")
	f, err := Open(repo)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".gitignore", "added.nix", "flake.lock", "flake.nix", "result", "same.nix"}, paths(f.Files)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"added.nix", "dir/moved", "flake.nix", "gone.nix", "staged-away.nix"}, f.Dirty); diff != "" {
		t.Error(diff)
	}
	if got := string(file(f.Files, "flake.nix").Data); got != "2" {
		t.Errorf("flake.nix is %q, want the work tree's", got)
	}
	if f.Hash == clean.Hash {
		t.Error("a changed tree has the same hash")
	}
}

func TestOpenBeforeTheFirstCommit(t *testing.T) {
	repo := t.TempDir()
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{"flake.nix": "1", "other": "1"})
	_, err := Open(repo)
	wantRefusal(t, err, "git tracks no file of it")
	gitRun(t, repo, "add", "other")
	_, err = Open(repo)
	wantRefusal(t, err, "flake.nix is not tracked")
	gitRun(t, repo, "add", "flake.nix")
	layOut(t, repo, map[string]string{"flake.lock": "{}"})
	f, err := Open(repo)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"flake.nix", "other"}, f.Dirty); diff != "" {
		t.Error(diff)
	}
	if len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "git add flake.lock") {
		t.Errorf("warnings: %v", f.Warnings)
	}
}

// After `nixdeploy lock` the new lock is there and still not part of the flake.
func TestALockThatGitDoesNotTrack(t *testing.T) {
	repo := t.TempDir()
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{"flake.nix": `{ inputs.nixpkgs.url = "x"; }`})
	gitRun(t, repo, "add", ".")
	inv := &inventory.Inventory{Path: filepath.Join(repo, "hosts.toml"), Flake: inventory.FlakeSource{Source: "."}}
	if _, err := FromInventory(inv); err == nil || !strings.Contains(err.Error(), "nixdeploy lock") {
		t.Errorf("without a lock: %v", err)
	}
	layOut(t, repo, map[string]string{"flake.lock": lockText})
	if _, err := FromInventory(inv); err == nil || !strings.Contains(err.Error(), "add flake.lock") || strings.Contains(err.Error(), "nixdeploy lock") {
		t.Errorf("with an untracked lock: %v", err)
	}
	gitRun(t, repo, "add", "flake.lock")
	if _, err := FromInventory(inv); err != nil {
		t.Error(err)
	}
}

// What git says is passed on; its refusal of a stranger's folder has a remedy.
func TestGitErrors(t *testing.T) {
	wantRefusal(t, gitError("ls-files", "fatal: detected dubious ownership in repository at '/x'", errors.New("exit 128")), "safe.directory")
	err := gitError("diff", "fatal: bad object HEAD\n", errors.New("exit 128"))
	if want := "git diff: exit 128: fatal: bad object HEAD"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	repo := t.TempDir()
	layOut(t, repo, map[string]string{".git": "gitdir: nowhere", "flake.nix": ""})
	if _, lookErr := exec.LookPath("git"); lookErr != nil {
		t.Skip("git is not installed")
	}
	if _, err := Open(repo); err == nil || !strings.Contains(err.Error(), "not a git repository") || !strings.Contains(err.Error(), repo) {
		t.Errorf("got %v", err)
	}
}

func TestOpenASubfolderOfARepository(t *testing.T) {
	repo := t.TempDir()
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{"README": "", "nix/flake.nix": "1", "nix/sub/a.nix": "1"})
	gitRun(t, repo, "add", ".")
	gitRun(t, repo, "commit", "-q", "-m", "one")
	layOut(t, repo, map[string]string{"README": "2", "nix/sub/a.nix": "2", "nix/untracked": ""})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(repo, "nix"), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(repo, "nix"), link} {
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"flake.nix", "sub/a.nix"}, paths(f.Files)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"sub/a.nix"}, f.Dirty); diff != "" {
			t.Error(diff)
		}
	}
}

func TestOpenTakesSubmodules(t *testing.T) {
	inner, repo := t.TempDir(), t.TempDir()
	gitRun(t, inner, "init", "-q")
	layOut(t, inner, map[string]string{"a.nix": "1", "b.nix": "1"})
	gitRun(t, inner, "add", ".")
	gitRun(t, inner, "commit", "-q", "-m", "inner")
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{"flake.nix": "1"})
	gitRun(t, repo, "add", ".")
	gitRun(t, repo, "submodule", "--quiet", "add", inner, "mod")
	gitRun(t, repo, "commit", "-q", "-m", "outer")
	if err := os.Remove(filepath.Join(repo, "mod/b.nix")); err != nil {
		t.Fatal(err)
	}
	f, err := Open(repo)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".gitmodules", "flake.nix", "mod/a.nix"}, paths(f.Files)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"mod"}, f.Dirty); diff != "" {
		t.Error(diff)
	}

	clone := filepath.Join(t.TempDir(), "clone")
	gitRun(t, repo, "clone", "-q", repo, clone)
	_, err = Open(clone)
	wantRefusal(t, err, "submodule that is not checked out")
}

func TestOpenRefusesASparseCheckout(t *testing.T) {
	repo := t.TempDir()
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{"flake.nix": "1", "a/x": "1", "b/x": "1"})
	gitRun(t, repo, "add", ".")
	gitRun(t, repo, "commit", "-q", "-m", "one")
	gitRun(t, repo, "sparse-checkout", "set", "a")
	_, err := Open(repo)
	wantRefusal(t, err, "sparse checkout")
}

func TestOpenInGitNeedsGit(t *testing.T) {
	repo := t.TempDir()
	layOut(t, repo, map[string]string{".git": "gitdir: elsewhere", "flake.nix": ""})
	t.Setenv("PATH", t.TempDir())
	_, err := Open(repo)
	wantRefusal(t, err, "git is not installed")
}

// A hook's environment names the repository of the hook, not the flake's.
func TestOpenIgnoresTheEnvironmentOfAHook(t *testing.T) {
	repo := t.TempDir()
	gitRun(t, repo, "init", "-q")
	layOut(t, repo, map[string]string{"flake.nix": "1"})
	gitRun(t, repo, "add", ".")
	t.Setenv("GIT_DIR", t.TempDir())
	t.Setenv("GIT_INDEX_FILE", filepath.Join(t.TempDir(), "index"))
	f, err := Open(repo)
	if err != nil || len(f.Files) != 1 {
		t.Errorf("%v, %v", f, err)
	}
}
