package nixos

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// foreign is the part under test, with a host whose clock stands.
func foreign(call string) string {
	return read("lib.sh") + read("foreign.sh") + at + "a_run=\n" + call
}

// What a process is is told by its words; what it was given besides is not,
// since that may be a secret.
func TestWhatAProcessIs(t *testing.T) {
	for words, want := range map[string]string{
		"/run/current-system/sw/bin/nixos-rebuild switch --flake /etc/nixos":                                    "switch nixos-rebuild switch",
		"/nix/store/x-bash/bin/bash -e /run/current-system/sw/bin/nixos-rebuild --option access-tokens s3 boot": "switch nixos-rebuild boot",
		"/nix/store/x-python3/bin/python3.13 /nix/store/y/bin/.nixos-rebuild-wrapped test":                      "switch nixos-rebuild test",
		"nixos-rebuild dry-build --flake .":                                                                     "",
		"nixos-rebuild list-generations":                                                                        "",
		"man nixos-rebuild":                                                                                     "",
		"vim /etc/nixos-rebuild switch":                                                                         "",
		"sudo nixos-rebuild switch":                                                                             "", // its child is told
		"/nix/store/z/bin/nix-collect-garbage -d":                                                               "garbage nix-collect-garbage",
		"nix-store --gc":                               "garbage nix-store --gc",
		"nix-store -qR /nix/store/x":                   "",
		"nix --extra-experimental-features=x store gc": "garbage nix store gc",
		"nix store verify":                             "",
		"nix flake gc":                                 "",
		"":                                             "",
	} {
		t.Run(words, func(t *testing.T) {
			want := want
			if want != "" {
				want += "\n"
			}
			inEachShell(t, t.TempDir(), foreign(`printf '%s\n' "$@" | foreign_words`), want, strings.Fields(words)...)
		})
	}
}

// systemctlShows answers `systemctl show` of the four units.
func systemctlShows(t *testing.T, root string, units map[string]string) {
	t.Helper()
	var b strings.Builder
	for _, id := range []string{"nixos-rebuild-switch-to-configuration.service", "nixos-upgrade.service", "nix-gc.service", "nixos-upgrade.timer"} {
		text := units[id]
		if text == "" {
			text = "ActiveState=inactive MainPID=0"
		}
		fmt.Fprintf(&b, "Id=%s\n%s\n\n", id, strings.ReplaceAll(text, " ", "\n"))
	}
	write(t, root, "shows", b.String())
	tool(t, root, "systemctl", "sed 's/_/ /g' "+filepath.Join(root, "shows"))
	tool(t, root, "grep", "case $1 in -lszE) exit 1 ;; esac; exec "+whole(t, "grep")+" \"$@\"") // nobody's processes
}

func whole(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhichUnitsAreAtWork(t *testing.T) {
	const stc = "nixos-rebuild-switch-to-configuration.service"
	for name, c := range map[string]struct {
		units map[string]string
		run   string
		want  string
	}{
		"none":                      {},
		"an activation by hand":     {units: map[string]string{stc: "ActiveState=active MainPID=0"}, want: "switch 0 0 0 - " + stc + "\n"},
		"perhaps one of ours":       {units: map[string]string{stc: "ActiveState=active MainPID=0"}, run: "RUN1"},
		"an upgrade begins":         {units: map[string]string{"nixos-upgrade.service": "ActiveState=activating MainPID=0"}, want: "upgrade 0 0 0 - nixos-upgrade.service\n"},
		"an upgrade activates":      {units: map[string]string{"nixos-upgrade.service": "ActiveState=activating MainPID=0", stc: "ActiveState=active MainPID=0"}, want: "upgrade 0 0 0 - nixos-upgrade.service\n"},
		"an upgrade in a run":       {units: map[string]string{"nixos-upgrade.service": "ActiveState=activating MainPID=0"}, run: "RUN1", want: "upgrade 0 0 0 - nixos-upgrade.service\n"},
		"its process has ended":     {units: map[string]string{stc: "ActiveState=active MainPID=4194999", "nix-gc.service": "ActiveState=activating MainPID=0"}, want: "switch 4194999 0 0 - " + stc + "\ngarbage 0 0 0 - nix-gc.service\n"},
		"an activation ends":        {units: map[string]string{stc: "ActiveState=deactivating MainPID=0"}, want: "switch 0 0 0 - " + stc + "\n"},
		"one that failed is over":   {units: map[string]string{stc: "ActiveState=failed MainPID=0", "nixos-upgrade.service": "ActiveState=failed MainPID=0"}},
		"a garbage collection":      {units: map[string]string{"nix-gc.service": "ActiveState=activating MainPID=0"}, want: "garbage 0 0 0 - nix-gc.service\n"},
		"an upgrade is due":         {units: map[string]string{"nixos-upgrade.timer": "ActiveState=active NextElapseUSecRealtime=Tue_2023-11-14_22:28:20_UTC"}, want: "upgrade-due 0 0 900 - nixos-upgrade.timer\n"},
		"a timer with no next time": {units: map[string]string{"nixos-upgrade.timer": "ActiveState=active NextElapseUSecRealtime="}},
		"a timer that is off":       {units: map[string]string{"nixos-upgrade.timer": "ActiveState=inactive NextElapseUSecRealtime=Tue_2023-11-14_22:28:20_UTC"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			systemctlShows(t, root, c.units)
			tool(t, root, "date", "case $1 in -d) exec "+whole(t, "date")+" \"$@\" ;; esac; echo 1700000000")
			inEachShell(t, root, foreign("a_run="+c.run+"\nforeign_activity"), c.want)
		})
	}
}

// A real process, found by its words, with its number and its start.
func TestAProcessIsFoundByItsWords(t *testing.T) {
	root := t.TempDir()
	systemctlShows(t, root, nil)
	if err := os.Remove(filepath.Join(root, "bin", "grep")); err != nil {
		t.Fatal(err)
	}
	tool(t, root, "elsewhere/nixos-rebuild", "echo up; read -r _")
	if err := os.Chmod(filepath.Join(root, "bin/elsewhere/nixos-rebuild"), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", filepath.Join(root, "bin/elsewhere/nixos-rebuild"), "switch", "--flake", "/etc/secret")
	_, err := cmd.StdinPipe() // it ends when that is closed
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(fmt.Sprintf(`(?m)^switch %d [1-9]\d* 0 \S+ nixos-rebuild switch$`, cmd.Process.Pid))
	for name, shell := range shells() {
		call := read("lib.sh") + read("foreign.sh") + "\na_run=\nclock\nforeign_activity"
		if got := runShell(t, shell, root, call); !want.MatchString(got) || strings.Contains(got, "secret") {
			t.Errorf("%s: %q does not match %s", name, got, want)
		}
	}
}

// holdsLock holds the lock of the activator, and gives the process that does.
func holdsLock(t *testing.T, root string) int {
	t.Helper()
	write(t, root, "run/nixos/switch-to-configuration.lock", "")
	lock := filepath.Join(root, "run/nixos/switch-to-configuration.lock")
	cmd := exec.CommandContext(t.Context(), whole(t, "flock"), "--no-fork", lock, "/bin/sh", "-c", "echo up; read -r _")
	_, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// It is read who holds it: an inspection that took it for a moment would end a
// switch that somebody begins then.
func TestWhoHoldsTheLockOfTheActivator(t *testing.T) {
	root := t.TempDir()
	systemctlShows(t, root, nil)
	inEachShell(t, root, foreign("foreign_activity"), "")
	write(t, root, "run/nixos/switch-to-configuration.lock", "")
	tool(t, root, "flock", "echo taken; exit 1")
	inEachShell(t, root, foreign("foreign_activity"), "") // it stays when it is over
	inEachShell(t, root, guardLibrary(t)+"if others_activate; then echo somebody; else echo nobody; fi", "nobody\n")
	want := regexp.MustCompile(fmt.Sprintf(`^switch %d \d+ 0 \S+ switch-to-configuration \(it holds its lock\)\n$`, holdsLock(t, root)))
	for name, shell := range shells() {
		if got := runShell(t, shell, root, foreign("foreign_activity")); !want.MatchString(got) {
			t.Errorf("%s: %q does not match %s", name, got, want)
		}
		if got := runShell(t, shell, root, foreign("a_run=RUN1\nforeign_activity")); got != "" {
			t.Errorf("%s: an unresolved run's own lock is told as somebody else's: %q", name, got)
		}
	}
}

func TestForeignActivityIsRead(t *testing.T) {
	got := foreignActivity([]string{
		"switch 812 1700000000 0 alice nixos-rebuild switch", "upgrade-due 0 0 900 - nixos-upgrade.timer", "cut 1 2",
	})
	want := []deploy.ForeignActivity{
		{Kind: deploy.ForeignSwitch, What: "nixos-rebuild switch", PID: 812, Who: "alice", Since: 1700000000},
		{Kind: deploy.ForeignUpgradeDue, What: "nixos-upgrade.timer", Due: 900},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
