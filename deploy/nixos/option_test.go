package nixos

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
)

// optionFlake is a flake of a person's own: base and extra set the same options
// with each priority, below conditions, in lists, and inside of submodules.
var optionFlake = map[string]string{
	"flake.nix": `{
  inputs.nixpkgs.url = "path:NIXPKGS";
  outputs = { self, nixpkgs }: {
    nixosConfigurations.web = nixpkgs.lib.nixosSystem {
      modules = [
        ./base.nix
        ./off.nix
        { disabledModules = [ ./off.nix ]; }
        ({ lib, ... }: { _file = "hosts.toml, override of web"; config = lib.setAttrByPath [ "networking" "hostName" ] "web"; })
      ];
    };
    # Made by something else than lib.nixosSystem: it does not give its modules.
    nixosConfigurations.other = removeAttrs (nixpkgs.lib.nixosSystem {
      modules = [ ({ lib, ... }: { _file = "weak"; time.timeZone = lib.mkDefault "A"; }) { _file = "strong"; time.timeZone = "B"; }
        { boot.isContainer = true; system.stateVersion = "26.05"; nixpkgs.hostPlatform = "x86_64-linux"; networking.hostName = "other"; users.users.root.openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA" ]; } ];
    }) [ "type" "extendModules" ];
  };
}`,
	"base.nix": `{ lib, config, pkgs, ... }: {
  imports = [
    ./extra.nix
    (lib.mkIf (config.networking.hostName == "web") { networking.firewall.allowedTCPPorts = [ 80 ]; })
    { time.timeZone = "A/B"; }
    { time.timeZone = "C/D"; }
    {
      nixpkgs.hostPlatform = "x86_64-linux";
      networking.firewall.allowedTCPPorts = [ 22 ];
      users.users.alice = { isNormalUser = true; description = lib.mkDefault "by base"; };
    }
  ];
  config.networking = lib.mkIf (pkgs.system == "x86_64-linux") (lib.mkMerge [
    { hostName = lib.mkOverride 1400 "base"; }
    (lib.mkIf false { hostName = lib.mkForce "never"; })
  ]);
}`,
	"extra.nix": `{ lib, ... }: {
  networking.hostName = lib.mkDefault (throw "what loses need not evaluate");
  users.users.alice.description = "by extra";
  no.such.option = 1;
}`,
	"off.nix": `{ networking.hostName = "off"; }`,
}

// asked lets a real Nix answer a query about optionFlake.
func asked(t *testing.T, q deploy.OptionQuery) (deploy.OptionAnswer, error) {
	t.Helper()
	if _, err := exec.LookPath("nix"); err != nil {
		t.Skip("nix is not installed: it evaluates in this test")
	}
	nixpkgs, err := filepath.Abs("../../flake/testdata/nixpkgs")
	if err != nil {
		t.Fatal(err)
	}
	dir, home := t.TempDir(), scratch(t)
	for name, text := range optionFlake {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(text, "NIXPKGS", nixpkgs, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nixIn(t, home, flake.LockCommand(dir)[1:]); err != nil {
		t.Fatal(err)
	}
	f, err := flake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	args, err := OptionArgs(f.Ref(dir, ""), q)
	if err != nil {
		t.Fatal(err)
	}
	out, err := nixIn(t, home, args)
	if err != nil {
		return deploy.OptionAnswer{}, err
	}
	return ParseOption(out)
}

func nixIn(t *testing.T, home string, args []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nix", append([]string{"--option", "substituters", "", "--store", filepath.Join(home, "store")}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", errors.New(said.String())
	}
	return string(out), nil
}

// scratch is outside of t.TempDir, since Nix makes its store read-only.
func scratch(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "nixdeploy-option-test-")
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
	return home
}

// told is a definition as a test writes it: "file priority value", and lost.
func told(o deploy.OptionFacts) []string {
	var out []string
	for _, d := range o.Definitions {
		line := d.File + " " + deploy.PriorityWord(d.Priority)
		if !d.Won {
			line += " lost"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func TestAnOptionIsToldWithWhatItOverrode(t *testing.T) {
	paths := [][]string{
		{"networking", "hostName"},
		{"networking", "firewall", "allowedTCPPorts"},
		{"users", "users", "alice", "description"},
		{"time", "timeZone"},
		{"networking"},
		{"networking", "hostname"},
		{"users", "users", "bob", "description"},
		{"services", "openssh", "enable"},
	}
	a, err := asked(t, deploy.OptionQuery{Attribute: "web", Paths: paths})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Options) != len(paths) {
		t.Fatalf("%d answers", len(a.Options))
	}
	name, ports, about, zone, folder, unknown, nobody, unset := a.Options[0], a.Options[1], a.Options[2], a.Options[3], a.Options[4], a.Options[5], a.Options[6], a.Options[7]
	for _, o := range []deploy.OptionFacts{name, ports, about, zone, unset} {
		if !o.Complete {
			t.Errorf("%v: what lost is not known", o.Path)
		}
	}

	want := []string{"base.nix mkOverride 1400 lost", "extra.nix mkDefault lost", "hosts.toml, override of web plain"}
	if diff := cmp.Diff(want, told(name)); diff != "" || name.Value != "web" || name.Fails {
		t.Errorf("%v %v (-want +got):\n%s", name.Value, name.Fails, diff)
	}
	if len(name.Declared) != 1 || !strings.HasPrefix(name.Declared[0], "nixpkgs/") || name.Type == "" {
		t.Errorf("declared in %q as %q", name.Declared, name.Type)
	}
	own := slices.DeleteFunc(told(ports), func(line string) bool { return strings.HasPrefix(line, "nixpkgs/") })
	if diff := cmp.Diff([]string{"base.nix plain", "base.nix plain"}, own); diff != "" {
		t.Errorf("a list has all of its winners (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"base.nix mkDefault lost", "extra.nix plain"}, told(about)); diff != "" || about.Value != "by extra" || about.Type == "" {
		t.Errorf("in a submodule: %v, type %q (-want +got):\n%s", about.Value, about.Type, diff)
	}
	if !zone.Fails || zone.Winners() != 2 {
		t.Errorf("a conflict: %+v", zone)
	}
	if folder.Kind != deploy.NamespaceKind || !slices.Contains(folder.Names, "hostName") {
		t.Errorf("%+v", folder)
	}
	if unknown.Kind != deploy.UnknownKind || !slices.Contains(unknown.Names, "hostName") || len(unknown.Loc) != 1 {
		t.Errorf("%+v", unknown)
	}
	if nobody.Kind != deploy.OptionKind || !nobody.Fails || len(nobody.Definitions) != 0 {
		t.Errorf("%+v", nobody)
	}
	if unset.Value != false || unset.Fails || !unset.HasDefault || len(unset.Definitions) > 0 {
		t.Errorf("nobody sets it, and it has a default: %+v", unset)
	}
}

// A path is data: what would end a string or an expression in Nix is a name.
func TestAnOptionPathIsNeverCode(t *testing.T) {
	hostile := `a" + builtins.abort "read as code" + "${builtins.abort "x"}'' \`
	a, err := asked(t, deploy.OptionQuery{Attribute: "web", Paths: [][]string{{hostile, "b"}, {"users", "users", hostile}}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Options[0].Kind != deploy.UnknownKind || a.Options[0].Path[0] != hostile || a.Options[1].Path[2] != hostile {
		t.Errorf("%+v", a.Options)
	}
	a, err = asked(t, deploy.OptionQuery{Attribute: hostile, Paths: [][]string{{"a"}}})
	if err != nil || len(a.Options) != 0 || !slices.Equal(a.Configurations, []string{"other", "web"}) {
		t.Errorf("%+v, %v", a, err)
	}
}

// Of a flake that does not give its modules, winners are told, and that this is
// not all.
func TestWhatLostInAFlakeOfOnesOwnMayNotBeKnown(t *testing.T) {
	a, err := asked(t, deploy.OptionQuery{Attribute: "other", Paths: [][]string{{"time", "timeZone"}, {"system", "build", "toplevel"}}})
	if err != nil {
		t.Fatal(err)
	}
	if o := a.Options[0]; o.Complete || o.Value != "B" || !slices.Equal(told(o), []string{"strong plain"}) {
		t.Errorf("%+v", o)
	}
	if top := a.Options[1]; top.Derivation == nil || !strings.HasSuffix(top.Derivation.Drv, ".drv") || !strings.Contains(top.Derivation.Out, "nixos-system-other") {
		t.Errorf("a derivation: %+v", top)
	}
}

// shellConn runs scripts in a shell of this machine, with root as that of the host.
type shellConn struct {
	root  string
	shell []string
}

func (c shellConn) Run(ctx context.Context, q deploy.Command, out, errs func(string)) (int, error) {
	cmd := exec.CommandContext(ctx, c.shell[0], slices.Concat(c.shell[1:], []string{"-c", rooted(q.Script, c.root), "sh"}, q.Args)...)
	cmd.Env = []string{"PATH=" + filepath.Join(c.root, "bin") + ":" + os.Getenv("PATH"), "TMPDIR=" + c.root}
	cmd.Stdin = q.Stdin
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	for line := range strings.Lines(string(text)) {
		out(strings.TrimSuffix(line, "\n"))
	}
	for line := range strings.Lines(said.String()) {
		errs(strings.TrimSuffix(line, "\n"))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func (shellConn) Close() error { return nil }

// The host has the flake as it is, a locked reference to it, and the query as one
// argument; what it answers may be longer than a line may be. Nothing stays.
func TestAHostIsAskedForOptions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flake.nix"), []byte("{ outputs = _: { }; }"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := flake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	q := deploy.OptionQuery{Attribute: "web", Paths: [][]string{{"a", `"; touch stolen; '$(touch stolen)`}}}
	for name, shell := range shells() {
		root := t.TempDir()
		tool(t, root, "nix", `printf '%s\n' "$@" >"`+root+`/args"; for a in "$@"; do case $a in path:*) d=${a#path:}; cat "${d%%\?*}/flake.nix" >"`+root+`/seen";; esac; done
printf '{"options":[{"kind":"option","path":["a"],"description":"%0200000d ünd"}]}' 0; echo 'warning: of Nix' >&2`)
		answer, err := Option(t.Context(), shellConn{root, shell}, f.Pack, f.Hash, q)
		if err != nil || len(answer.Options) != 1 {
			t.Fatalf("%s: %+v, %v", name, answer, err)
		}
		if got := answer.Options[0].Description; len(got) != 200005 || !strings.HasSuffix(got, "0 ünd") {
			t.Errorf("%s: %d bytes came", name, len(got))
		}
		args, _ := os.ReadFile(filepath.Join(root, "args"))
		seen, _ := os.ReadFile(filepath.Join(root, "seen"))
		if string(seen) != "{ outputs = _: { }; }" || !strings.Contains(string(args), "?narHash=sha256-") ||
			!strings.Contains(string(args), `{"attribute":"web","paths":[["a","\"; touch stolen; '$(touch stolen)"]]}`) {
			t.Errorf("%s: it saw %q, and was asked\n%s", name, seen, args)
		}
		left, _ := filepath.Glob(filepath.Join(root, "tmp.*"))
		if _, err := os.Stat("stolen"); err == nil || len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}

		tool(t, root, "nix", "echo 'error: undefined variable' >&2; exit 1")
		_, err = Option(t.Context(), shellConn{root, shell}, f.Pack, f.Hash, q)
		if p, ok := errors.AsType[*deploy.Problem](err); !ok || p.Code != deploy.CodeEvaluation || !slices.Contains(p.Details, "error: undefined variable") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
