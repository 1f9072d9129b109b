package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// begin is a call in an empty folder, with a real Nix that is new enough, and a
// key to log in with.
func begin(t *testing.T) *call {
	t.Helper()
	c := newCall(t, &fakeDriver{})
	c.Dir = t.TempDir()
	home := t.TempDir()
	put(t, filepath.Join(home, ".ssh", "id_ed25519.pub"), testKey+"\n")
	c.Environ = []string{"LANG=C.UTF-8", "HOME=" + home, "NIXDEPLOY_STATE_DIR=" + filepath.Join(home, "state"), "PATH=" + t.TempDir()}
	return c
}

const testKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINwFe8PuAZZyYUpgP57VcIWNgO6jwh4Kb0JwkNoKmW0W anna@desk"

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// realNix has c evaluate by the Nix of this machine, with a store of its own. An
// older one evaluates the stand-ins as well: only its answer to --version is not
// its own.
func realNix(t *testing.T, c *call) {
	t.Helper()
	nix, err := exec.LookPath("nix")
	if err != nil {
		t.Skip("nix is not installed: it evaluates in this test")
	}
	home, err := os.MkdirTemp("", "nixdeploy-init-test-") // Nix makes its store read-only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = filepath.WalkDir(home, func(path string, d os.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o755) //nolint:gosec // to be removed
			}
			return nil
		})
		_ = os.RemoveAll(home)
	})
	script := "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'nix (Nix) 2.28.3'; exit; fi\n" +
		"HOME=" + home + " XDG_CACHE_HOME=" + home + " exec " + nix + " --option substituters '' --store " + home + "/store \"$@\"\n"
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "nix"), []byte(script), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for i, e := range c.Environ {
		if strings.HasPrefix(e, "PATH=") {
			c.Environ[i] = "PATH=" + bin + ":" + os.Getenv("PATH")
		}
	}
}

// standIns are the flags that put the stand-ins of the tests in for every input.
func standIns(t *testing.T) []string {
	t.Helper()
	var flags []string
	for _, name := range []string{"nixpkgs", "nixos-wsl", "nixos-apple-silicon", "home-manager"} {
		path, err := filepath.Abs(filepath.Join(root, "flake/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--override-input", name+"=path:"+path)
	}
	return flags
}

// evaluating is a fleet whose hosts are not there and whose flake is evaluated.
type evaluating struct {
	*fakeDriver
	e *evaluator
}

func (d evaluating) Evaluate(ctx context.Context, h inventory.Host, _ string, level deploy.PlanLevel) deploy.HostPlan {
	p := deploy.HostPlan{Host: h.Name, Target: h.Target, Change: deploy.ChangeSwitch, Observed: observation(h.Name)}
	toplevel, err := d.e.toplevel(ctx, h)
	if err != nil {
		p.Change = deploy.ChangeBlocked
		if !errors.As(err, &p.Problem) {
			p.Problem = &deploy.Problem{Code: deploy.CodeInternal, Err: err}
		}
	}
	p.Wanted = toplevel
	d.levels = append(d.levels, level)
	return p
}

func (d evaluating) Close() { d.e.close() }

func TestAFleetIsBegunRenderedAndPlannedWithoutAManualStep(t *testing.T) {
	c := begin(t)
	realNix(t, c)
	c.Connect = func(a App, q Request) (Fleet, error) {
		e, err := newEvaluator(nixHere(t.Context(), a), q.Flake)
		return Fleet{Driver: evaluating{c.driver, e}, Evaluates: "here, by Nix"}, err
	}
	with := standIns(t)

	c.expect(t, 0, "init")
	contains(t, "stdout", c.stdout.String(), "hosts.toml", ".github/workflows/nixdeploy.yml", "git init", "Next: nixdeploy lock")
	c.expect(t, 0, append([]string{"render", "-o", "flake"}, with...)...)
	contains(t, "stdout", c.stdout.String(), "nixpkgs overridden by path:")
	if _, err := os.Stat(filepath.Join(c.Dir, "flake", "configurations", "container.nix")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "flake.lock")); err == nil {
		t.Error("a lock of replaced inputs was kept for deploying")
	}
	c.expect(t, 0, append([]string{"plan", "--quick"}, with...)...)
	contains(t, "stdout", flat(c.stdout.String()), "box-1", "1 to change", "with nixpkgs overridden by path:", "not what is deployed", "Next: nixdeploy plan")

	c.expect(t, 0, append([]string{"option", "box-1", "services.openssh.enable"}, with...)...)
	contains(t, "stdout", flat(c.stdout.String()), "nixpkgs overridden by path:", "value true", "modules/nixdeploy/ssh.nix", "base")
	c.expect(t, 0, append([]string{"option", "box-1", "services.nginx.enable"}, with...)...)
	contains(t, "stdout", flat(c.stdout.String()), "value false", "default false", "nothing sets it")
	if strings.Contains(c.stdout.String(), "cannot be told") {
		t.Errorf("of an option that nobody sets all is told:\n%s", &c.stdout)
	}
	c.expect(t, 0, append([]string{"option", "box-1"}, with...)...)
	contains(t, "stdout", c.stdout.String(), "system.stateVersion", "hosts.toml, override of box-1")

	c.expect(t, 0, append([]string{"lock"}, with...)...)
	contains(t, "stdout", c.stdout.String(), `"nixos-wsl"`)
	if _, err := os.Stat(filepath.Join(c.Dir, "flake.lock")); err == nil {
		t.Error("lock wrote what was replaced")
	}
}

// What hosts.toml sets at each priority against what the tree sets, and how option
// tells it.
func TestOptionTellsLayersAndPriorities(t *testing.T) {
	c := begin(t)
	realNix(t, c)
	c.expect(t, 0, "init", "--host", "web-1=192.0.2.10")
	path := filepath.Join(c.Dir, "hosts.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(c.Dir, "mine.nix"), `{ time.timeZone = "Mine/Plain"; nixdeploy.packageProfile = "full"; }`)
	added := strings.Replace(string(text), "[hosts.web-1.override]", "modules = [\"mine.nix\"]\n\n[hosts.web-1.override.default]\n\"services.openssh.enable\" = true\n"+
		"\"time.timeZone\" = \"Host/Default\"\n\n[hosts.web-1.override.force]\n\"networking.hostName\" = \"forced\"\n\n[hosts.web-1.override]", 1)
	put(t, path, added)
	with := standIns(t)
	ask := func(option string) []string {
		t.Helper()
		c.expect(t, 0, append([]string{"option", "web-1", option, "--json"}, with...)...)
		var doc struct {
			Options []struct {
				Definitions []struct {
					File, Word, Layer string
					Won               bool
				}
			}
		}
		if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || len(doc.Options) != 1 {
			t.Fatalf("%v: %s", err, &c.stdout)
		}
		var out []string
		for _, d := range doc.Options[0].Definitions {
			won := "lost"
			if d.Won {
				won = "won"
			}
			out = append(out, strings.Join([]string{won, d.File, d.Word, d.Layer}, " | "))
		}
		return out
	}
	for option, want := range map[string][]string{
		"networking.hostName": {
			"won | hosts.toml, override.force of web-1 | mkForce | host", "lost | inventory.json | mkOverride 1100 | host",
		},
		"services.openssh.enable": {
			"won | hosts.toml, override.default of web-1 | mkDefault | host", "lost | modules/nixdeploy/ssh.nix | mkOverride 1400 | base",
		},
		"time.timeZone": {
			"won | modules/custom/mine.nix | plain | host", "lost | hosts.toml, override.default of web-1 | mkDefault | host",
		},
	} {
		got := ask(option)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s lacks %q:\n%s", option, w, strings.Join(got, "\n"))
			}
		}
	}
	c.expect(t, 0, append([]string{"option", "web-1"}, with...)...)
	contains(t, "stdout", c.stdout.String(), "time.timeZone")
	if !regexp.MustCompile(`·\s+time\.timeZone\s+modules/custom/mine\.nix`).MatchString(c.stdout.String()) {
		t.Errorf("it is not seen that hosts.toml lost:\n%s", &c.stdout)
	}

	// What is wrong is told with a way on.
	c.expect(t, 2, append([]string{"option", "web-1", "networking.hostname"}, with...)...)
	contains(t, "stderr", c.stderr.String(), "did you mean networking.hostName?", "nixdeploy option web-1 networking.hostName")
	put(t, path, strings.Replace(added, `"services.openssh.enable" = true`, `"services.opensh.enable" = true`, 1))
	c.expect(t, 0, append([]string{"option", "web-1", "networking.hostName"}, with...)...) // an unknown one elsewhere
	c.expect(t, 2, append([]string{"option", "web-1"}, with...)...)
	contains(t, "stderr", c.stderr.String(), "web-1 has no option services.opensh.enable", "did you mean services.openssh.enable?")
}

func TestInitOverwritesNothingAndLeavesNothingHalfDone(t *testing.T) {
	for _, there := range []string{"hosts.toml", ".gitignore", "README.md", ".forgejo/workflows/nixdeploy.yml"} {
		c := begin(t)
		put(t, filepath.Join(c.Dir, there), "mine")
		c.expect(t, 2, "init")
		contains(t, "stderr", c.stderr.String(), "never overwritten: "+there, "nothing was written")
		var found []string
		err := filepath.WalkDir(c.Dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				found = append(found, c.display(path))
			}
			return err
		})
		if err != nil || !slices.Equal(found, []string{there}) {
			t.Errorf("%v, %v", found, err)
		}
		if data, err := os.ReadFile(filepath.Join(c.Dir, there)); err != nil || string(data) != "mine" {
			t.Errorf("%q, %v", data, err)
		}
	}

	// A folder that is in the way of the last file: what was made before goes again.
	c := begin(t)
	put(t, filepath.Join(c.Dir, ".forgejo"), "a file")
	if code := c.run(t, "init"); code == 0 {
		t.Error("a file is no folder")
	}
	if entries, err := os.ReadDir(c.Dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// The first that is wrong with the file is not always why.
func TestInitNamesTheCause(t *testing.T) {
	c := begin(t)
	c.expect(t, 2, "init", "--host", "web-1=10.0.0.1", "--host", "web-1=10.0.0.2")
	contains(t, "stderr", c.stderr.String(), `--host "web-1" is given twice`)
	c.expect(t, 2, "init", "--fleet", "a b", "--host", "web-1=-x")
	contains(t, "stderr", c.stderr.String(), `"a b"`, `"-x"`)
}

// A folder that cannot be made or written to is no bug.
func TestWhereNothingCanBeWrittenIsAFailureLikeAnother(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	if err := os.Symlink("nowhere", filepath.Join(c.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 4, "init", "link")
	contains(t, "stderr", c.stderr.String(), "error[file]", "link")
}

func TestWhatInitIsToldHasToBeValid(t *testing.T) {
	for _, args := range [][]string{
		{"--host", "web-1"}, {"--host", "=192.0.2.1"}, {"--host", `a"]=192.0.2.1`}, {"--host", "web-1=-oProxyCommand=x"}, {"--host", "a=192.0.2.1", "--host", "a=192.0.2.2"},
		{"--fleet", "a b"}, {"--target", "x\ny"}, {"--ci", "gitlab"}, {"--key", "nowhere.pub"},
		{"--key", "-----BEGIN OPENSSH PRIVATE KEY----- x"}, {"--key", "ssh-ed25519 AAAA not a key"},
	} {
		c := begin(t)
		c.expect(t, 2, append([]string{"init"}, args...)...)
		if entries, err := os.ReadDir(c.Dir); err != nil || len(entries) != 0 {
			t.Errorf("%q left %v, %v", args, entries, err)
		}
		if strings.Contains(c.stderr.String(), "OPENSSH PRIVATE KEY") {
			t.Errorf("%q: what may be a secret is printed: %s", args, &c.stderr)
		}
	}
}

func TestInitWritesAValidFleetOfEveryShape(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		stages []string
		hosts  []string
		next   string
	}{
		"one host":   {[]string{"--host", "web-1=192.0.2.10"}, []string{"prod"}, []string{"web-1 prod"}, "Next: nixdeploy lock"},
		"three":      {[]string{"--host", "a=192.0.2.1", "--host", "b=192.0.2.2", "--host", "c.example.org=c.example.org", "--target", "mine"}, []string{"dev", "prod"}, []string{"a dev", "b prod", "c.example.org prod"}, "Next: nixdeploy lock"},
		"machines":   {[]string{"--host", "web-1=192.0.2.10", "--target", "hetzner"}, []string{"prod"}, []string{"web-1 prod"}, "Next: nixdeploy adopt web-1"},
		"with a key": {[]string{"--key", testKey, "--fleet", "shop"}, []string{"prod"}, []string{"box-1 prod"}, "is an example"},
		"in a folder": {[]string{"sub/fleet", "--ci", "none"}, []string{"prod"}, []string{"box-1 prod"},
			"Next: nixdeploy lock --file sub/fleet/hosts.toml"},
	} {
		t.Run(name, func(t *testing.T) {
			call := begin(t)
			call.expect(t, 0, append([]string{"init"}, c.args...)...)
			contains(t, "stdout", call.stdout.String(), c.next)
			dir := call.Dir
			if !strings.HasPrefix(c.args[0], "-") {
				dir = filepath.Join(dir, c.args[0])
			}
			inv, err := inventory.Load(filepath.Join(dir, "hosts.toml"))
			if err != nil {
				t.Fatal(err)
			}
			var stages, hosts []string
			for _, s := range inv.Stages {
				stages = append(stages, s.Name)
			}
			for _, h := range inv.Hosts {
				hosts = append(hosts, h.Name+" "+h.Stage)
			}
			slices.Sort(hosts)
			if !slices.Equal(stages, c.stages) || !slices.Equal(hosts, c.hosts) {
				t.Errorf("stages %v, hosts %v", stages, hosts)
			}
			text, err := os.ReadFile(filepath.Join(dir, "hosts.toml"))
			if err != nil || !strings.Contains(string(text), testKey) {
				t.Errorf("nobody can log in: %v", err)
			}
		})
	}
}

func TestEvaluatingWithOtherInputsIsForLookingOnly(t *testing.T) {
	d := &fakeDriver{}
	c := newCall(t, d)
	c.Environ = append(c.Environ, "PATH="+t.TempDir())
	for _, args := range [][]string{
		{"apply", "--yes", "--override-input", "nixpkgs=path:/x"},
		{"plan", "--override-input", "nixpkgs=path:/x"},
		{"plan", "--full", "--override-input", "nixpkgs=path:/x"},
		{"plan", "--quick", "--out", "p.plan", "--override-input", "nixpkgs=path:/x"},
		{"plan", "--quick", "--override-input", "nixpkgs"},
		{"plan", "--quick", "--override-input", "a b=path:/x"},
		{"plan", "--quick", "--override-input", "nixpkgs=--store"},
		{"plan", "--quick", "--override-input", "nixpkgs=path:/x"}, // no Nix here
		{"render", "-o", "out", "--override-input", "nixpkgs=path:/x"},
		{"lock", "--override-input", "nixpkgs=path:/x"},
		{"lock", "--update", "--override-input", "nixpkgs=path:/x"},
		{"option", "web-1", "a.b", "--override-input", "nixpkgs=path:/x"},
	} {
		c.expect(t, 2, args...)
		if c.stdout.Len() > 0 {
			t.Errorf("%q: %s", args, &c.stdout)
		}
	}
	c.expect(t, 2, "apply", "--yes", "--override-input", "nixpkgs=path:/x")
	contains(t, "stderr", c.stderr.String(), "what is applied is locked", "nixdeploy lock")
	for _, args := range [][]string{
		{"plan", "--quick", "--override-input", "nixpkg=path:/x"},
		{"render", "-o", "out", "--override-input", "nixpkg/flake-utils=path:/x"},
		{"lock", "--override-input", "nixpkgs=path:/x", "--override-input", "nixpkg=path:/x"},
	} {
		c.expect(t, 2, args...)
		contains(t, "stderr", c.stderr.String(), `the flake has no input "nixpkg"`, "its inputs: ", "nixpkgs")
	}
	if len(d.read)+len(d.applied) > 0 {
		t.Errorf("contacted %v", d.read)
	}
}
